"""Outputs added to a finished case from its folder and its CT, without inference."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from omentum.anatomy.numbering import Numbering
from omentum.atomic import write_json
from omentum.errors import OutputError
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.measure import Lesion, StructureMeasure
from omentum.pipeline.batch.jobs import CaseSummary
from omentum.pipeline.batch.resume import read_manifest
from omentum.pipeline.case import CaseSegmentation
from omentum.pipeline.case_folder import CaseFolder
from omentum.pipeline.dicom_outputs import check_dicom_formats
from omentum.pipeline.options import DICOM_ONLY, OutputFormat, SaveOptions, Step
from omentum.pipeline.reading import LoadedCase
from omentum.quality import Quality
from omentum.result_files import MANIFEST, MASKS
from omentum.temporary_names import unfinished

NO_OUTPUTS = SaveOptions(preview=False, report=False)


@dataclass(frozen=True, eq=False)
class FinishedCase(CaseSegmentation):
    """A case of an earlier run, with its measurements read from disk.

    Args:
        summary: Measurements read from the folder.
    """

    summary: CaseSummary = field(kw_only=True, repr=False)

    def measures(self, numbering: Numbering | None = None) -> list[StructureMeasure]:
        """See `CaseSegmentation.measures`."""
        return self.summary.measures

    def lesions(self) -> list[Lesion]:
        """See `CaseSegmentation.lesions`."""
        return self.summary.lesions

    def quality(self) -> Quality:
        """See `CaseSegmentation.quality`."""
        return self.summary.quality


def add_outputs(
    folder: Path, names: Sequence[str], save: SaveOptions, case: LoadedCase, summary: CaseSummary, step: Step
) -> None:
    """Write missing outputs to a case folder; its manifest is updated last.

    Args:
        folder: Case folder, already checked with `check_resumable`.
        names: Fields of `SaveOptions` to add.
        save: All requested outputs.
        case: CT of the case, read again.
        summary: Result of `read_case_summary` for the folder.
        step: Called when a part begins.

    Raises:
        OutputError: a file cannot be written.
        InputError: the masks in the folder are damaged.
    """
    manifest = read_manifest(folder)
    whole = _case(folder, manifest, case, summary)
    dicom = {name: getattr(save, name) for name in DICOM_ONLY}
    wanted = replace(NO_OUTPUTS, **{name: getattr(save, name) for name in names}, **dicom, numbering=save.numbering)
    new = unfinished(folder)
    try:
        new.mkdir()
        check_dicom_formats(wanted, case.ct.header, has_probabilities=False)
        objects = CaseFolder(whole).write_beside(new, wanted, step, earlier=folder)
        for part in new.iterdir():
            _move(part, folder / part.name)
    except OSError as fault:
        raise OutputError(f"cannot be written: {fault.strerror or fault}", source=folder) from fault
    finally:
        shutil.rmtree(new, ignore_errors=True)
    outputs = {**manifest["outputs"], **{name: save.outputs()[name] for name in names}}
    if objects:
        earlier = set(manifest["outputs"]["formats"])
        outputs |= {name: save.outputs()[name] for name in DICOM_ONLY}
        outputs["formats"] = [str(name) for name in OutputFormat if name in earlier | {*save.dicom_formats}]
        manifest["dicom"] = {**manifest.get("dicom", {}), **objects}
    write_json(folder / MANIFEST, {**manifest, "outputs": outputs})


def _case(folder: Path, manifest: Mapping[str, Any], case: LoadedCase, summary: CaseSummary) -> FinishedCase:
    masks = read_seg_nrrd(folder / MASKS)
    found = {key: q.confidence for key, q in summary.quality.structures.items() if q.confidence}
    bare = FinishedCase(
        *(masks.bits, case.ct.affine, masks.classes),
        header=case.ct.header,
        ct=case.ct,
        manifest=manifest,
        summary=summary,
    )
    return replace(bare, confidence=found)


def _move(new: Path, place: Path) -> None:
    """Move a file or folder to its place; other files of an existing folder stay."""
    if place.is_dir():
        for file in new.iterdir():
            file.replace(place / file.name)
    else:
        new.replace(place)
