"""Outputs that are added to a finished case: made from what lies in its folder and from its CT, without the network."""

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
from omentum.pipeline.options import SaveOptions, Step
from omentum.pipeline.reading import LoadedCase
from omentum.quality import Quality
from omentum.result_files import MANIFEST, MASKS
from omentum.temporary_names import unfinished

NO_OUTPUTS = SaveOptions(preview=False, report=False)


@dataclass(frozen=True, eq=False)
class FinishedCase(CaseSegmentation):
    """A case as an earlier run left it: measured already.

    Args:
        summary: What it wrote of itself.
    """

    summary: CaseSummary = field(kw_only=True, repr=False)

    def measures(self, numbering: Numbering | None = None) -> list[StructureMeasure]:
        """See `CaseSegmentation`."""
        return self.summary.measures

    def lesions(self) -> list[Lesion]:
        """See `CaseSegmentation`."""
        return self.summary.lesions

    def quality(self) -> Quality:
        """See `CaseSegmentation`."""
        return self.summary.quality


def add_outputs(
    folder: Path, names: Sequence[str], save: SaveOptions, case: LoadedCase, summary: CaseSummary, step: Step
) -> None:
    """Write to a case folder what it lacks; its manifest says so when all of it is there.

    Args:
        folder: Of the case, checked to be what is wanted.
        names: Fields of `SaveOptions` that are to be added.
        save: What is wanted in all.
        case: Its CT, read again.
        summary: What `read_case_summary` found in the folder.
        step: Told what is begun.

    Raises:
        OutputError: something cannot be written.
        InputError: its masks are damaged.
    """
    manifest = read_manifest(folder)
    whole = _case(folder, manifest, case, summary)
    wanted = replace(NO_OUTPUTS, **{name: getattr(save, name) for name in names}, numbering=save.numbering)
    new = unfinished(folder)
    try:
        new.mkdir()
        whole.write_beside(new, wanted, step)
        for part in new.iterdir():
            _move(part, folder / part.name)
    except OSError as fault:
        raise OutputError(f"cannot be written: {fault.strerror or fault}", source=folder) from fault
    finally:
        shutil.rmtree(new, ignore_errors=True)
    outputs = {**manifest["outputs"], **{name: save.outputs()[name] for name in names}}
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
    """Put a file or folder in its place; files of a folder that is there already stay beside the new ones."""
    if place.is_dir():
        for file in new.iterdir():
            file.replace(place / file.name)
    else:
        new.replace(place)
