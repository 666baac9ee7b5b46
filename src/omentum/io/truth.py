"""A case with ground truth as a folder: the CT, the exact overlapping masks, and metadata.

`ct.nii.gz` (int16 HU), `labels.nii.gz` (one value per voxel, for viewers), `bits.nii.gz` (one bit per class, exact),
`case.json` (classes in bit order, annotated classes, facts, and rows of structures that differ from the packaged ones).
case.json is written last, so a folder that has one is complete. More than 64 classes are written to `bits.nii.gz`,
`bits_1.nii.gz` and so on, 64 each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from omentum.anatomy.structure_rows import carried_rows, include_carried
from omentum.atomic import replacing
from omentum.errors import GeometryError, InputError, OutputError
from omentum.io.nifti import read_volume, write_labelmap, write_volume
from omentum.schemas import VERSIONS, Schema, stamped, version_of
from omentum.segmentation import Segmentation, bits_dtype, planes_for
from omentum.volume import Volume

DESCRIPTION = "case.json"
SOURCES_FACT = "label_sources"
"""Fact of a case folder: structure key -> source of its label; without it, all are true labels."""
TRUE_LABEL = "truth"
"""Source of a label that did not begin as a prediction."""


def write_case(folder: str | Path, ct: Volume, truth: Segmentation, facts: Mapping[str, Any]) -> None:
    """Write a CT and its ground truth.

    Args:
        folder: Created if missing.
        ct: HU; rounded to int16.
        truth: On the grid of `ct`.
        facts: JSON-serialisable values (seed, phase, lesions, ...).

    Raises:
        GeometryError: CT and truth lie on different grids.
        OutputError: The facts are not JSON-serialisable, or a file cannot be written.
    """
    folder = Path(folder)
    if not ct.grid.same_as(truth.grid):
        raise GeometryError("the truth is not on the grid of the CT", source=folder)
    description = _description(folder, truth, facts)
    whole_hu = np.rint(ct.voxels).clip(-32768, 32767).astype(np.int16)
    write_volume(folder / "ct.nii.gz", Volume(whole_hu, ct.affine, ct.header))
    write_labelmap(folder / "labels.nii.gz", truth)
    for name, plane in zip(_planes(truth.classes), truth.bits, strict=True):
        narrow = plane.astype(bits_dtype(len(truth.classes)), copy=False)
        write_volume(folder / name, Volume(narrow, ct.affine, ct.header))
    with replacing(folder / DESCRIPTION) as file:
        file.write(description)


def read_case(folder: str | Path) -> tuple[Volume, Segmentation, dict[str, Any]]:
    """Read a case written by `write_case`.

    Raises:
        InputError: A file is missing or damaged, or case.json is not ours.
        GeometryError: The files lie on different grids.
    """
    truth, facts = read_truth(folder)
    ct = read_volume(Path(folder) / "ct.nii.gz")
    if not ct.grid.same_as(truth.grid):
        raise GeometryError("bits.nii.gz is not on the grid of ct.nii.gz", source=folder)
    return ct, Segmentation(truth.bits, ct.affine, truth.classes, truth.annotated, ct.header), facts


def read_truth(folder: str | Path) -> tuple[Segmentation, dict[str, Any]]:
    """Read the masks and facts of a case without its CT.

    Raises:
        InputError: A file is missing or damaged, or case.json is not ours.
    """
    folder = Path(folder)
    classes, annotated, facts = _read_description(folder / DESCRIPTION)
    planes = [read_volume(folder / name) for name in _planes(classes)]
    if not all(plane.grid.same_as(planes[0].grid) for plane in planes):
        raise GeometryError("its planes of bits lie on different grids", source=folder)
    packed = np.stack([plane.voxels.astype(bits_dtype(len(classes)), copy=False) for plane in planes])
    return Segmentation(packed, planes[0].affine, classes, annotated, planes[0].header), facts


def assisted_in(facts: Mapping[str, Any]) -> frozenset[str]:
    """Structures of a case folder whose labels began as predictions, whether a person changed them or not.

    Such labels are trained on, but nothing is measured against them: a model that agrees with its own earlier
    proposals would look better than it is. `omentum evaluate` and the validation of a training run leave them out.

    Args:
        facts: Facts of the case folder.
    """
    return frozenset(key for key, source in facts.get(SOURCES_FACT, {}).items() if source != TRUE_LABEL)


def _planes(classes: Sequence[str]) -> list[str]:
    """File names, one per 64 classes."""
    return [f"bits_{n}.nii.gz" if n else "bits.nii.gz" for n in range(planes_for(len(classes)))]


def _description(folder: Path, truth: Segmentation, facts: Mapping[str, Any]) -> bytes:
    annotated = [key for key in truth.classes if truth.annotated is None or key in truth.annotated]
    content: dict[str, Any] = {
        "classes": truth.classes,
        "annotated": annotated,
        "facts": dict(facts),
    }
    if rows := carried_rows(truth.classes):
        content["structures"] = rows
    try:
        return json.dumps(stamped(Schema.CASE, content), indent=1, allow_nan=False).encode()
    except (TypeError, ValueError) as fault:
        raise OutputError(f"the facts are not JSON: {fault}", source=folder) from fault


def _read_description(path: Path) -> tuple[tuple[str, ...], frozenset[str], dict[str, Any]]:
    try:
        raw = json.loads(path.read_bytes())
        if (found := version_of(raw, Schema.CASE)) != VERSIONS[Schema.CASE]:
            raise InputError(f"is case format {found}, this version reads {VERSIONS[Schema.CASE]}", source=path)
        include_carried(raw.get("structures", {}), path)
        return tuple(raw["classes"]), frozenset(raw["annotated"]), dict(raw["facts"])
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path) from fault
    except (ValueError, KeyError, TypeError) as fault:
        raise InputError(f"is not the description of a case: {fault!r}", source=path) from fault
