"""In the process beside the devices: what reads files of users but runs no network."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.anatomy.numbering import Numbering, NumberingEntry
from omentum.annotate.accept.files import CorrectedFile
from omentum.annotate.accept.judge import AcceptStatus, KnownLabels, fits_the_other_side, judge, reversed_axis
from omentum.annotate.accept.options import AcceptOptions
from omentum.annotate.accept.read import Renames, read_corrected
from omentum.atomic import write_json
from omentum.data.correction_records import CaseCorrections, CorrectionRecord
from omentum.data.corrections import mask_sha256
from omentum.doctor.examine import Examiner
from omentum.doctor.input_report import reports_to_json
from omentum.doctor.machine import examine_machine
from omentum.errors import InputError, UsageError, sources_shown_as
from omentum.follow_up.scans import compare_scans
from omentum.io.nifti import write_labelmap, write_mask
from omentum.io.seg_nrrd.label_map import write_nrrd_labels
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.pipeline.manifest import sha256_of
from omentum.pipeline.options import SegmentOptions
from omentum.result_files import MASKS
from omentum.serve.faults import without_folder
from omentum.serve.work.child import Talk
from omentum.serve.work.inputs import ct_of_upload

RECORDS = "corrections.json"
ACCEPT = AcceptOptions(replace=True)
"""A correction through the page replaces an earlier one; all versions are kept."""


def examine_upload(talk: Talk, files: Path, weights: str, device: str, series: str | None) -> dict[str, Any]:
    """What an upload is, as `omentum doctor --json` says it."""
    talk.tell("examining")
    source = files
    with sources_shown_as(files, Path()):
        with suppress(InputError):  # the doctor says what is the matter
            source = ct_of_upload(files)
        examiner = Examiner(examine_machine(), SegmentOptions(device=device, series=series), (weights,))
        content = reports_to_json(examiner.examine(source))
    found: dict[str, Any] = _without(content, files)
    return found


def store_correction(talk: Talk, results: Path, mask: Path, folder: Path, structure: str, by: str) -> dict[str, Any]:
    """Compare a corrected mask with the prediction, and keep it as a new version.

    Args:
        talk: Unused.
        results: Results of the job.
        mask: The received file.
        folder: Corrections of the job.
        structure: Key.
        by: Who corrected.

    Raises:
        OmentumError: the mask lies on another grid, is mirrored, belongs to the other side, or cannot be read.
        UsageError: it equals the current version.
    """
    proposal, earlier = read_seg_nrrd(results / MASKS), read_records(folder)
    if structure not in STRUCTURES:
        raise UsageError(f"no structure {structure!r}", remedy="see the keys in /capabilities")
    with sources_shown_as(mask, Path(f"{structure}.nii.gz")):
        masks = read_corrected(CorrectedFile(mask, "job", structure), proposal, Renames(), None)
    proposed = {key: proposal.mask(key) for key in proposal.classes}
    if reversed_axis(masks, proposed) is not None:
        raise InputError("is the predicted mask reversed along an axis", remedy="save it with the geometry of the CT")
    if fits_the_other_side(structure, masks, proposed):
        raise InputError(f"lies where {STRUCTURES[structure].pair} was predicted", remedy="correct the other side")
    new, before = masks[structure], proposed.get(structure, np.zeros(proposal.shape, np.bool_))
    verdict = judge(structure, new, before, KnownLabels(frozenset(), earlier), ACCEPT)
    if verdict.status is not AcceptStatus.ACCEPTED:
        raise UsageError(f"nothing was corrected: the mask {'is known' if earlier else 'equals the prediction'}")
    record = CorrectionRecord(
        structure=structure,
        by=by,
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        file=f"{structure}.nii.gz",
        file_sha256=sha256_of(mask),
        mask_sha256=mask_sha256(new),
        voxels=int(np.count_nonzero(new)),
        proposed_voxels=int(np.count_nonzero(before)),
        changed_voxels=verdict.changed_voxels,
        replaced=verdict.replaced,
    )
    records = CaseCorrections("job", (*(earlier.records if earlier else ()), record))
    write_mask(folder / version_file(len(records.records), structure), new, proposal, structure)
    write_json(folder / RECORDS, records.to_json())
    return correction_rows(records)[-1]


def compare_results(talk: Talk, before: Path, after: Path, force: bool) -> dict[str, Any]:
    """The document of `omentum lesions compare --json`.

    Raises:
        InputError: the scans do not match.
    """
    talk.tell("comparing")
    content = compare_scans(before, after, force=force).to_json()
    found: dict[str, Any] = _without(_without(content, before, "before"), after, "after")
    return found


def version_file(version: int, structure: str) -> str:
    """Name of the file of a version."""
    return f"{version:04d}_{structure}.nii.gz"


def read_records(folder: Path) -> CaseCorrections | None:
    """Who corrected what; None where nobody did."""
    path = folder / RECORDS
    return CaseCorrections.from_json(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def list_corrections(talk: Talk, folder: Path) -> list[dict[str, Any]]:
    """The corrections of a job, oldest first."""
    records = read_records(folder)
    return [] if records is None else correction_rows(records)


def correction_rows(records: CaseCorrections) -> list[dict[str, Any]]:
    """Corrections as the service answers them."""
    return [
        {
            "version": number,
            "structure": record.structure,
            "voxels_changed": record.changed_voxels,
            "voxels": record.voxels,
            "by": record.by,
            "when": record.when,
        }
        for number, record in enumerate(records.records, start=1)
    ]


def _without(content: Any, folder: Path, name: str = "") -> Any:
    """JSON values without the path of a folder."""
    if isinstance(content, str):
        return content.replace(str(folder), name) if content == str(folder) else without_folder(content, folder)
    if isinstance(content, dict):
        return {key: _without(value, folder, name) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_without(value, folder, name) for value in content]
    return content


def write_dense_labels(talk: Talk, results: Path, place: Path) -> dict[str, int]:
    """Write a label map whose values are 1 to N without gaps, for viewers that go by the order of the values.

    Args:
        talk: Unused.
        results: Results of a job.
        place: `.nrrd` or `.nii.gz`.

    Returns:
        Key of each structure that has a voxel in the label map -> its value. Where structures overlap, lesions paint
        over vessels and vessels over organs; what is painted over altogether has no value.

    Raises:
        OmentumError: the results cannot be read, or the file cannot be written.
    """
    seg = read_seg_nrrd(results / MASKS)
    shown = set(np.unique(seg.labelmap()).tolist())
    keys = [key for key in seg.classes if STRUCTURES[key].index in shown]
    values = {key: number for number, key in enumerate(keys, 1)}
    in_order = sorted(keys, key=lambda key: STRUCTURES[key].paint_order)
    dense = Numbering("dense", tuple(NumberingEntry(values[key], (key,)) for key in in_order))
    seg = seg.subset(keys)
    if place.name.endswith(".nrrd"):
        write_nrrd_labels(place, seg, dense)
    else:
        write_labelmap(place, seg, dense)
    return values
