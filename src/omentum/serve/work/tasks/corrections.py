"""Corrections of a job: compared with its prediction, and kept as new versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.annotate.accept.files import CorrectedFile
from omentum.annotate.accept.judge import (
    AcceptStatus,
    KnownLabels,
    belongs_elsewhere,
    fits_the_other_side,
    judge,
    reversed_axis,
)
from omentum.annotate.accept.options import AcceptOptions
from omentum.annotate.accept.read import Renames, read_corrected
from omentum.annotate.accept.record import record_of
from omentum.data.correction_records import CaseCorrections, CorrectionRecord
from omentum.errors import InputError, UsageError, sources_shown_as
from omentum.io.nifti import write_mask
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.result_files import MASKS
from omentum.segmentation import Segmentation
from omentum.serve.state.folders import correction_name
from omentum.serve.work.child import TaskContext
from omentum.serve.work.tasks.client_labels import read_client_labels
from omentum.serve.work.tasks.versions import correction_rows, read_records, write_records

Mask = NDArray[np.bool_]
ACCEPT = AcceptOptions(replace=True)
"""A correction replaces an earlier one; all versions are kept."""


def store_correction(
    context: TaskContext, results: Path, mask: Path, folder: Path, structure: str, by: str
) -> dict[str, Any]:
    """Keep a corrected mask as a new version.

    Args:
        context: Unused.
        results: Results of the job.
        mask: The received file.
        folder: Corrections of the job.
        structure: Key.
        by: Who corrected.

    Raises:
        OmentumError: the mask lies on another grid, is mirrored, belongs to the other side, or cannot be read.
        UsageError: it equals the current version.
    """
    proposal = read_seg_nrrd(results / MASKS)
    if structure not in STRUCTURES:
        raise UsageError(f"no structure {structure!r}", remedy="see the keys in /capabilities")
    shown = f"{structure}.nii.gz"
    with sources_shown_as(mask, Path(shown)):
        masks = read_corrected(CorrectedFile(mask, "job", structure), proposal, Renames(), None)
    rows = _stored(masks, proposal, mask, shown, folder, by)
    if not rows:
        earlier = read_records(folder)
        is_known = earlier is not None and structure in earlier.current
        raise UsageError(f"nothing was corrected: the mask {'is known' if is_known else 'equals the prediction'}")
    return rows[0]


def store_labels(
    context: TaskContext,
    results: Path,
    labels: Path,
    names: Sequence[tuple[int, str]],
    folder: Path,
    by: str,
    others: Sequence[Path],
) -> list[dict[str, Any]]:
    """Keep the masks of corrected labels that differ from their current version as new versions: all or none.

    Args:
        context: Unused.
        results: Results of the job.
        labels: The received file: `.seg.nrrd`, or a label map.
        names: See `read_client_labels`.
        folder: Corrections of the job.
        by: Who corrected.
        others: Results of other jobs that the labels could have been meant for.

    Raises:
        OmentumError: the labels lie on another grid, are mirrored, belong to another job, or cannot be read.
    """
    proposal = read_seg_nrrd(results / MASKS)
    shown = f"label{''.join(labels.suffixes)}"
    with sources_shown_as(labels, Path(shown)):
        masks = read_client_labels(labels, names, proposal)
    for other in others:
        seg = read_seg_nrrd(other / MASKS)
        if seg.grid.same_as(proposal.grid) and belongs_elsewhere(masks, proposal.masks(), seg.masks()):
            raise InputError("fits another image that was sent under this name", remedy="segment this image again")
    return _stored(masks, proposal, labels, shown, folder, by)


def list_corrections(context: TaskContext, folder: Path) -> list[dict[str, Any]]:
    """The corrections of a job, oldest first."""
    records = read_records(folder)
    return [] if records is None else correction_rows(records)


def _stored(
    masks: Mapping[str, Mask], proposal: Segmentation, file: Path, shown: str, folder: Path, by: str
) -> list[dict[str, Any]]:
    """Write the masks that are new, then the records, which alone make them count."""
    earlier = read_records(folder)
    proposed = proposal.masks()
    _check_sides(masks, proposed)
    known = () if earlier is None else earlier.records
    new = [
        (key, record)
        for key, mask in masks.items()
        if (record := _record(key, mask, proposed, earlier, file, shown, by)) is not None
    ]
    if not new:
        return []
    for version, (key, _) in enumerate(new, len(known) + 1):
        write_mask(folder / correction_name(version, key), masks[key], proposal, key)
    records = CaseCorrections("job", (*known, *(record for _, record in new)))
    write_records(folder, records)
    return correction_rows(records)[len(known) :]


def _check_sides(masks: Mapping[str, Mask], proposed: Mapping[str, Mask]) -> None:
    if reversed_axis(masks, proposed) is not None:
        raise InputError("is the predicted mask reversed along an axis", remedy="save it with the geometry of the CT")
    for key in masks:
        if fits_the_other_side(key, masks, proposed):
            pair = STRUCTURES[key].pair
            raise InputError(f"{key} lies where {pair} was predicted", remedy="correct the other side")


def _record(
    key: str,
    mask: Mask,
    proposed: Mapping[str, Mask],
    earlier: CaseCorrections | None,
    file: Path,
    shown: str,
    by: str,
) -> CorrectionRecord | None:
    """What is new about a mask; None if it equals its current version."""
    before = proposed[key] if key in proposed else np.zeros(mask.shape, np.bool_)
    known = KnownLabels(frozenset(), earlier)
    # back to the prediction is a correction, too, where an earlier one counts
    options = replace(ACCEPT, unchanged=known.earlier(key) is not None)
    verdict = judge(key, mask, before, known, options)
    if verdict.status is not AcceptStatus.ACCEPTED:
        return None
    return record_of(key, mask, before, verdict, by=by, file=file, called=shown)
