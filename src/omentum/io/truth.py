"""A case with its truth as a folder: the CT, the exact overlapping masks, and what is known about them.

`ct.nii.gz` (int16 HU), `labels.nii.gz` (one number a voxel, for viewers), `bits.nii.gz` (one bit a class, exact),
`case.json` (classes in bit order, which of them were looked for, facts). case.json is written last: a folder that
has one is complete.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from omentum.errors import GeometryError, InputError, OutputError
from omentum.io.nifti import read_volume, write_labelmap, write_volume
from omentum.io.outputs import replacing
from omentum.segmentation import Segmentation, bits_dtype
from omentum.volume import Volume

CASE_FORMAT = 1


def write_case(folder: str | Path, ct: Volume, truth: Segmentation, facts: Mapping[str, Any]) -> None:
    """Write a CT and its truth.

    Args:
        folder: Made if need be.
        ct: HU; rounded to int16.
        truth: On the grid of `ct`, at most 64 classes.
        facts: JSON values (seed, phase, lesions, ...).

    Raises:
        GeometryError: truth and CT lie on different grids.
        OutputError: more than 64 classes, facts that are not JSON, or a file cannot be written.
    """
    folder = Path(folder)
    if not ct.grid.same_as(truth.grid):
        raise GeometryError("the truth is not on the grid of the CT", source=folder)
    if truth.bits.shape[0] > 1:
        raise OutputError(f"{len(truth.classes)} classes, a case holds at most 64", source=folder)
    description = _description(folder, truth, facts)
    bits = truth.bits[0].astype(bits_dtype(len(truth.classes)), copy=False)
    whole_hu = np.rint(ct.voxels).clip(-32768, 32767).astype(np.int16)
    write_volume(folder / "ct.nii.gz", Volume(whole_hu, ct.affine, ct.header))
    write_labelmap(folder / "labels.nii.gz", truth)
    write_volume(folder / "bits.nii.gz", Volume(bits, ct.affine, ct.header))
    with replacing(folder / "case.json") as file:
        file.write(description)


def read_case(folder: str | Path) -> tuple[Volume, Segmentation, dict[str, Any]]:
    """Read what `write_case` wrote.

    Raises:
        InputError: a file is missing or damaged, or case.json is not ours.
        GeometryError: the files lie on different grids.
    """
    truth, facts = read_truth(folder)
    ct = read_volume(Path(folder) / "ct.nii.gz")
    if not ct.grid.same_as(truth.grid):
        raise GeometryError("bits.nii.gz is not on the grid of ct.nii.gz", source=folder)
    return ct, Segmentation(truth.bits, ct.affine, truth.classes, truth.annotated, ct.header), facts


def read_truth(folder: str | Path) -> tuple[Segmentation, dict[str, Any]]:
    """The masks and facts of a case without its CT.

    Raises:
        InputError: a file is missing or damaged, or case.json is not ours.
    """
    folder = Path(folder)
    classes, annotated, facts = _read_description(folder / "case.json")
    bits = read_volume(folder / "bits.nii.gz")
    packed = bits.voxels.astype(bits_dtype(len(classes)), copy=False)[None]
    return Segmentation(packed, bits.affine, classes, annotated, bits.header), facts


def _description(folder: Path, truth: Segmentation, facts: Mapping[str, Any]) -> bytes:
    annotated = [key for key in truth.classes if truth.annotated is None or key in truth.annotated]
    content = {"format": CASE_FORMAT, "classes": truth.classes, "annotated": annotated, "facts": dict(facts)}
    try:
        return json.dumps(content, indent=1, allow_nan=False).encode()
    except (TypeError, ValueError) as fault:
        raise OutputError(f"the facts are not JSON: {fault}", source=folder) from fault


def _read_description(path: Path) -> tuple[tuple[str, ...], frozenset[str], dict[str, Any]]:
    try:
        raw = json.loads(path.read_bytes())
        if raw["format"] != CASE_FORMAT:
            raise InputError(f"is case format {raw['format']}, this version reads {CASE_FORMAT}", source=path)
        return tuple(raw["classes"]), frozenset(raw["annotated"]), dict(raw["facts"])
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path) from fault
    except (ValueError, KeyError, TypeError) as fault:
        raise InputError(f"is not the description of a case: {fault!r}", source=path) from fault
