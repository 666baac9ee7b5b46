"""Convert label maps (one value per voxel) to overlapping masks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.errors import InputError, UsageError
from omentum.formatting import listed
from omentum.io.hosts import with_hosts
from omentum.io.images import ImageFormat, format_of, read_image
from omentum.io.label_table import LABEL_TABLE_CODE, STRUCTURES_CODE, include_rows_of, labels_in
from omentum.io.nifti import read_extensions
from omentum.io.several_volumes import SeveralVolumesError
from omentum.segmentation import BITS_PER_PLANE, Segmentation, no_bits
from omentum.volume import Volume

MAX_LABEL = 65535
CT_BELOW, CT_VALUES = -100, 1000
"""No label map has a lower value, or more different ones."""
ROUNDING = 1e-3
"""A label stored as a fraction (0.9999) is the nearest integer when it is at most this far away."""


class ForeignLabelsError(InputError):
    """A label map that does not use the template's values.

    Args:
        reason: Evidence for it.
        source: The file.
    """

    def __init__(self, reason: str, source: str | Path) -> None:
        super().__init__(reason, source=source, remedy="read it with read_labels and a mapping of its own numbers")


def read_labels(path: str | Path, mapping: Mapping[int, str | Iterable[str]]) -> Segmentation:
    """Read a label map with foreign label values.

    Args:
        path: A label map: NIfTI, NRRD or MetaImage.
        mapping: Label value -> structure key or synonym, or several (LiTS 2 -> liver and liver_tumour). Other values
            are ignored.

    Returns:
        Classes in order of first mention, all of them annotated, with or without a voxel.

    Raises:
        InputError: The file cannot be read or contains values that are not integers.
        UsageError: A structure is unknown, the mapping is empty, or a value is outside 1..65535.
    """
    volume = _read_volume(path)
    labels = _whole_numbers(volume.voxels, path)
    rows = {v: [STRUCTURES.find(n).key for n in _as_list(names)] for v, names in mapping.items()}
    if not any(rows.values()) or not all(1 <= v <= MAX_LABEL for v in rows):
        raise UsageError(f"label values from 1 to {MAX_LABEL} must be mapped to structures", source=path)
    return packed(labels, rows, volume)


def read_labelmap(path: str | Path, *, may_be_empty: bool = False) -> Segmentation:
    """Read a label map written by `write_labelmap` (or one with template values and no names).

    Classes come from the label table inside the file, else from the values found; a mask written by `write_mask` is the
    structure that it names. Lesions are added to their hosts (see
    `with_hosts`), because one value per voxel cannot express both.

    Args:
        path: A label map: NIfTI, NRRD or MetaImage.
        may_be_empty: Accept a map of zeros without names, as a segmentation without classes.

    Raises:
        InputError: The file is unreadable.
        ForeignLabelsError: Names or values are not those of the template.
        UsageError: The file carries structures with another meaning than in this process.
    """
    volume = _read_volume(path)
    labels = _whole_numbers(volume.voxels, path)
    for code, text in _extensions(path):
        if code == STRUCTURES_CODE:
            include_rows_of(text, path)
    table = label_names(path)
    if (mask := _only_structure(table)) and labels.max(initial=0) <= 1:
        return with_hosts(packed(labels, {1: [mask]}, volume))
    indices = _checked(table, path) or _values(labels, path)
    known = {structure.index: structure.key for structure in STRUCTURES}
    foreign = [i for i in indices if i not in known]
    if not indices and may_be_empty:
        return Segmentation(no_bits(0, volume.shape), volume.affine, (), header=volume.header)
    if not indices:
        raise ForeignLabelsError("has no labels and no names", path)
    if foreign:
        raise ForeignLabelsError(f"has labels {listed(foreign)} that are not template numbers", path)
    return with_hosts(packed(labels, {i: [known[i]] for i in indices}, volume))


def read_label_numbers(path: str | Path) -> Volume:
    """Read a label map as it is, for values that only the caller knows.

    Args:
        path: A label map: NIfTI, NRRD or MetaImage.

    Returns:
        Voxels are whole numbers of any integer type.

    Raises:
        InputError: The file cannot be read or contains values that are not integers.
    """
    volume = _read_volume(path)
    return replace(volume, voxels=_whole_numbers(volume.voxels, path))


def has_label_table(path: str | Path) -> bool:
    """Whether a label map lists the structures it can contain, present or not."""
    return any(code == LABEL_TABLE_CODE for code, _ in _extensions(path))


def label_names(path: str | Path) -> dict[int, str]:
    """Label value -> name in the label table inside a NIfTI file; empty without one."""
    return next((labels_in(content) for code, content in _extensions(path) if code == LABEL_TABLE_CODE), {})


def _extensions(path: str | Path) -> list[tuple[int, bytes]]:
    """Header extensions of NIfTI; none in another format."""
    return read_extensions(path) if format_of(Path(path)) is ImageFormat.NIFTI else []


def packed(labels: NDArray[Any], rows: Mapping[int, list[str]], volume: Volume) -> Segmentation:
    """Masks of a label map from a lookup table of value -> structures, in one pass for any number of classes."""
    classes = tuple(dict.fromkeys(key for keys in rows.values() for key in keys))
    # The entry after the last mapped value is empty; larger and negative labels are clipped to the empty ends.
    table = no_bits(len(classes), (max(rows) + 2,))
    for value, keys in rows.items():
        for k in map(classes.index, keys):
            table[k // BITS_PER_PLANE, value] |= table.dtype.type(1 << (k % BITS_PER_PLANE))
    bits = np.stack([plane.take(labels, mode="clip") for plane in table])
    return Segmentation(bits, volume.affine, classes, header=volume.header)


def _as_list(names: str | Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _read_volume(path: str | Path) -> Volume:
    """Read a label map that must contain a single volume."""
    try:
        return read_image(path)
    except SeveralVolumesError as fault:
        channel_first = fault.shape[0] == 1
        reason = f"is 4D, {' x '.join(map(str, fault.shape))}" + (": channel first" if channel_first else "")
        raise InputError(reason, source=path, remedy="write it as 3D, one label a voxel") from fault


def _values(labels: NDArray[Any], path: str | Path) -> list[int]:
    """Distinct values in a label map, without 0."""
    values = [int(value) for value in np.unique(labels) if value != 0]
    if len(values) > CT_VALUES:
        raise InputError(f"holds {len(values)} different values: an image, no label map", source=path)
    return values


def _whole_numbers(voxels: NDArray[Any], path: str | Path) -> NDArray[Any]:
    lowest = voxels.min(initial=0) if voxels.dtype.kind != "f" else np.nanmin(voxels, initial=0)
    if CT_BELOW > lowest > -(2**15):
        reason = f"looks like a CT, not a label map: values from {lowest:g} on"
        raise InputError(reason, source=path, remedy="give the segmentation or the truth of it")
    if voxels.dtype.kind in "iu":
        return voxels
    if not np.isfinite(voxels).all() or np.abs(voxels).max(initial=0) > 2**31 - 1:
        raise InputError("holds values that are no label numbers", source=path)
    whole: NDArray[np.int32] = np.rint(voxels).astype(np.int32)
    worst = float(np.abs(voxels - whole).max(initial=0))
    if worst > ROUNDING:
        raise InputError(f"holds fractions (off by {worst:.3g}), expected a label map", source=path)
    return whole


def _only_structure(table: Mapping[int, str]) -> str | None:
    """Structure of a mask (see `omentum.io.nifti.write_mask`): the only name in the table, that of value 1."""
    if set(table) != {1}:
        return None
    try:
        return STRUCTURES.find(table[1]).key
    except UsageError:
        return None


def _checked(table: Mapping[int, str], path: str | Path) -> list[int]:
    """Values in a label table; refuses names that contradict the values of the template."""
    for number, name in table.items():
        if not _is_template_row(number, name):
            raise ForeignLabelsError(f"calls label {number} {name!r}, the template does not", path)
    return sorted(table)


def _is_template_row(number: int, name: str) -> bool:
    try:
        return STRUCTURES.find(name).index == number
    except UsageError:
        return False
