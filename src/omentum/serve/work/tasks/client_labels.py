"""Labels that a MONAI Label client sends: a label map whose values it lists beside the file, or a `.seg.nrrd`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.anatomy.hosts import may_overlap
from omentum.annotate.accept.read import Renames, masks_of_segments, on_grid
from omentum.errors import InputError, UsageError
from omentum.formatting import listed
from omentum.io.hosts import with_hosts
from omentum.io.labels import label_values, read_labels
from omentum.io.seg_nrrd.segments import is_seg_nrrd, read_segments
from omentum.segmentation import LazyMasks, Segmentation

Mask = NDArray[np.bool_]
HELPERS = ("background", "foreground_scribbles", "background_scribbles")
"""Segments of the client's own that are no structures."""


def read_client_labels(path: Path, names: Sequence[tuple[int, str]], proposal: Segmentation) -> Mapping[str, Mask]:
    """Read the masks of a file.

    Args:
        path: The file.
        names: Number and name of each segment, in their order, as the client lists them.
        proposal: Predicted masks, on the grid of the CT.

    Returns:
        Structure key -> bool [i, j, k] on the grid of the CT; a structure that is not there was not looked at.

    Raises:
        InputError: the file cannot be read, does not fit the names, or a name is no structure.
        GeometryError: it lies on another grid than the CT.
    """
    if is_seg_nrrd(path):
        file = read_segments(path)
        file = replace(file, segments=tuple(one for one in file.segments if one.name not in HELPERS))
        advice = "rename the segment in the client"
        return masks_of_segments(file, path, proposal.grid, Renames(), advice)
    seg = read_labels(path, {value: (key,) for value, key in _meaning(names, label_values(path), path).items()})
    there = LazyMasks(seg.classes, lambda key: on_grid(seg.mask(key), seg.grid, proposal.grid, path))
    drawn = Segmentation.from_masks(there, proposal.affine)
    return _completed(drawn, proposal).masks()


def _completed(drawn: Segmentation, proposal: Segmentation) -> Segmentation:
    """What the client, who sees one structure a voxel, cannot have meant to change stays as it was predicted.

    That is everything where the label map is as the client got it, what lies beneath a structure that is erased, and
    what lies beneath one that is drawn over it. A lesion that is drawn belongs to its organ, too.
    """
    shown, now = proposal.labelmap(), drawn.labelmap()
    is_same, is_empty = shown == now, now == 0

    def kept(key: str) -> Mask:
        mask = drawn.mask(key)
        if key in proposal.classes:
            is_beneath = _drawn_over(key, drawn.classes)[now] | (is_empty & (shown != STRUCTURES[key].index))
            mask |= proposal.mask(key) & (is_same | is_beneath)
        return mask

    complete = Segmentation.from_masks(LazyMasks(drawn.classes, kept), proposal.affine)

    def changed(key: str) -> Mask:
        return complete.mask(key) & ~is_same if STRUCTURES[key].hosts else complete.mask(key)

    hosts = with_hosts(Segmentation.from_masks(LazyMasks(drawn.classes, changed), proposal.affine))
    return Segmentation.from_masks(
        LazyMasks(drawn.classes, lambda key: complete.mask(key) | hosts.mask(key)), proposal.affine
    )


def _drawn_over(key: str, others: Sequence[str]) -> Mask:
    """Template number -> whether a voxel of that structure may belong to this one, too, and is shown instead."""
    table = np.zeros(max(structure.index for structure in STRUCTURES) + 1, np.bool_)
    for other in others:
        is_later = STRUCTURES[other].paint_order > STRUCTURES[key].paint_order
        table[STRUCTURES[other].index] = other != key and is_later and may_overlap(key, other)
    return table


def _meaning(names: Sequence[tuple[int, str]], values: Sequence[int], path: Path) -> Mapping[int, str]:
    """Value -> structure.

    3D Slicer numbers the segments of a label map from 1 in the order of the list, but lists their numbers among all
    segments, those that it leaves out included. Others list the values themselves.
    """
    known = _keys(names, path)
    if not known:
        raise InputError("is a label map, and label_info does not say what its values are", source=path)
    as_listed, in_order = dict(known), {number: key for number, (_, key) in enumerate(known, 1)}
    fitting = [one for one in (as_listed, in_order) if one.keys() >= {*values}]
    if not fitting:
        unknown = sorted({*values} - as_listed.keys())
        raise InputError(f"has the values {listed(unknown)}, which label_info does not name", source=path)
    if len(fitting) == 2 and any(as_listed[value] != in_order[value] for value in values):
        remedy = "number label_info from 1 in its order, or send .seg.nrrd"
        raise InputError("has values that label_info could mean in two ways", source=path, remedy=remedy)
    return fitting[0]


def _keys(names: Sequence[tuple[int, str]], path: Path) -> list[tuple[int, str]]:
    found, unknown = list[tuple[int, str]](), list[str]()
    for number, name in names:
        if name in HELPERS:
            continue
        try:
            found.append((number, STRUCTURES.find(name).key))
        except UsageError:
            unknown.append(name)
    if unknown:
        remedy = "rename the segments as `omentum classes` does, or delete them"
        raise InputError(
            f"has segments that are nothing of ours: {listed(unknown, quoted=True)}", source=path, remedy=remedy
        )
    for what in zip(*found, strict=True):
        if twice := [one for one in what if what.count(one) > 1]:
            raise InputError(f"has {twice[0]} twice in label_info", source=path)
    return found
