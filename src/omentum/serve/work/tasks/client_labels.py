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
from omentum.io.labels import read_label_numbers
from omentum.io.seg_nrrd.segments import is_seg_nrrd, read_segments
from omentum.segmentation import LazyMasks, Segmentation

Mask = NDArray[np.bool_]
Numbers = NDArray[np.uint16]
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
    volume = read_label_numbers(path)
    meaning = _meaning(names, [int(value) for value in np.unique(volume.voxels) if value != 0], path)
    table = np.zeros(max(meaning) + 1, np.uint16)
    for value, key in meaning.items():
        table[value] = STRUCTURES[key].index
    now = on_grid(table[volume.voxels], volume.grid, proposal.grid, path)
    return _completed(now, tuple(meaning.values()), proposal)


def _completed(now: Numbers, keys: Sequence[str], proposal: Segmentation) -> LazyMasks:
    """What the client, who sees one structure a voxel, cannot have meant to change stays as it was predicted.

    That is everything where the label map is as the client got it, what lies beneath a structure that is erased, and
    what lies beneath one that is drawn over it. A lesion that is drawn belongs to its organ, too.

    Args:
        now: Template numbers [i, j, k].
        keys: Structures that the label map can show.
        proposal: Predicted masks.
    """
    shown = proposal.labelmap()
    changed = np.nonzero(shown != now)
    before, after = shown[changed], now[changed]

    def without_new_lesions(key: str) -> Mask:
        mask = proposal.mask(key) if key in proposal.classes else np.zeros(proposal.shape, np.bool_)
        number = STRUCTURES[key].index
        is_beneath = _drawn_over(key, keys)[after] | ((after == 0) & (before != number))
        mask[changed] = (after == number) | (mask[changed] & is_beneath)
        return mask

    def new_lesion_or_host(key: str) -> Mask:
        if key not in lesions:
            return without_new_lesions(key)
        mask = np.zeros(proposal.shape, np.bool_)
        mask[changed] = after == STRUCTURES[key].index
        return mask

    lesions = [key for key in keys if STRUCTURES[key].hosts and (after == STRUCTURES[key].index).any()]
    if not lesions:
        return LazyMasks(keys, without_new_lesions)
    hosts = dict.fromkeys(host for key in lesions for host in STRUCTURES[key].hosts if host in keys)
    hosted = with_hosts(
        Segmentation.from_masks(LazyMasks(dict.fromkeys((*lesions, *hosts)), new_lesion_or_host), proposal.affine)
    ).masks()
    return LazyMasks(
        keys, lambda key: without_new_lesions(key) | hosted[key] if key in hosts else without_new_lesions(key)
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
