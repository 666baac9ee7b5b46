"""The versions of corrected masks of a job, such as `0001_liver.nii.gz`, and the record of who made them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.atomic import write_json
from omentum.data.correction_records import CaseCorrections
from omentum.errors import GeometryError
from omentum.io.nifti import read_volume
from omentum.serve.state.folders import RECORDS, correction_name
from omentum.serve.work.child import TaskContext
from omentum.temporary_names import remove
from omentum.volume import Grid

Mask = NDArray[np.bool_]


def read_records(folder: Path) -> CaseCorrections | None:
    """Who corrected what; None where nobody did."""
    path = folder / RECORDS
    return CaseCorrections.from_json(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def write_records(folder: Path, records: CaseCorrections) -> None:
    """Write who corrected what; a version counts from then on."""
    write_json(folder / RECORDS, records.to_json())


def corrected_masks(folder: Path, grid: Grid) -> dict[str, Mask]:
    """The newest version of each corrected structure.

    Args:
        folder: Corrections of a job.
        grid: That of its results.

    Returns:
        Key -> bool [i, j, k].

    Raises:
        OmentumError: a mask cannot be read, or lies on another grid.
    """
    records = read_records(folder)
    newest = {} if records is None else {one.structure: n for n, one in enumerate(records.records, 1)}
    found = {}
    for key, version in newest.items():
        place = folder / correction_name(version, key)
        volume = read_volume(place)
        if not volume.grid.same_as(grid):
            raise GeometryError("lies on another grid than the results", source=place)
        found[key] = np.asarray(volume.voxels) > 0
    return found


def delete_corrections(context: TaskContext, folder: Path) -> list[str]:
    """Delete all versions, then the records, so that an interrupted deletion is seen and can be repeated.

    Args:
        context: Unused.
        folder: Corrections of a job.

    Returns:
        Names of the files that were deleted.
    """
    records = read_records(folder)
    versions = [] if records is None else enumerate(records.records, 1)
    names = [*(correction_name(number, one.structure) for number, one in versions), RECORDS]
    for name in names:
        remove(folder / name)
    return names


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
