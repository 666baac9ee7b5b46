"""The rules of the published code, re-enacted from their description, without what made them fail.

Kept: one largest piece for nearly every organ, torn tubes and pieces of bowel included; vein below the pancreas cut
off; lungs told apart by which of the two largest pieces lies further right; tumours of liver and kidney cut to a closed
and dilated organ. Changed: an empty pancreas, a single or fused lung and a class that was not asked for leave the
masks concerned as they are, where the original stopped or returned nothing. Neighbourhoods that were counted in voxels
of 1.5 mm are as large here, in mm.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from omentum.postprocess.boxes import around, grown
from omentum.postprocess.clean import Cleaned
from omentum.postprocess.components import Mask, Pieces, pieces_of
from omentum.postprocess.packed import Workbench
from omentum.segmentation import Box, Segmentation

LARGEST_ONLY = (
    *("spleen", "right_kidney", "left_kidney", "gallbladder", "oesophagus", "liver", "stomach", "aorta"),
    *("inferior_vena_cava", "pancreas", "right_adrenal", "left_adrenal", "duodenum", "colon", "small_bowel", "rectum"),
    *("bladder", "prostate", "left_femoral_head", "right_femoral_head", "coeliac_trunk"),
)
TUMOUR_IN_LARGEST = {"kidney_tumour": (("right_kidney", "left_kidney"), 2), "liver_tumour": (("liver",), 1)}
"""Tumour -> the organs that hold it, and how many of their largest pieces count."""
REACH_MM = 3.0
"""Two voxels of 1.5 mm: half the side of the neighbourhood for closing and dilating, without the middle."""


def clean_as_published(seg: Segmentation, *, in_place: bool = False) -> Cleaned:
    """Apply the published rules.

    Args:
        seg: Any segmentation; missing classes and empty masks are fine.
        in_place: Write into the bits of `seg` instead of a copy.
    """
    bench = Workbench(seg if in_place else replace(seg, bits=seg.bits.copy()))
    organs = {key: _organ(bench, key, *TUMOUR_IN_LARGEST[key]) for key in TUMOUR_IN_LARGEST if key in seg.classes}
    for key in LARGEST_ONLY:
        _keep_largest(bench, key)
    _cut_vein_below_pancreas(bench)
    _tell_lungs_apart(bench)
    for key, organ in organs.items():
        _cut_tumour(bench, key, organ)
    return Cleaned(bench.seg, bench.changes())


def _keep_largest(bench: Workbench, key: str) -> None:
    box = bench.box(key) if key in bench.seg.classes else None
    if box:
        pieces = pieces_of(bench.mask(key, box))
        largest = _largest(pieces, 1)
        bench.remove(key, "largest piece", box, bench.mask(key, box) & ~pieces.selected(largest))
        bench.narrow(key, pieces.boxes_of(largest, box))


def _cut_vein_below_pancreas(bench: Workbench) -> None:
    pancreas, vein = bench.box("pancreas"), bench.box("portal_splenic_vein")
    if not pancreas or not vein:
        return
    axis, sign = next((a, s) for a, (world, s) in enumerate(bench.seg.grid.axis_directions()) if world == 2)
    planes = np.arange(vein[axis].start, vein[axis].stop)
    below = planes < pancreas[axis].start if sign > 0 else planes >= pancreas[axis].stop
    mask = bench.mask("portal_splenic_vein", vein)
    bench.remove("portal_splenic_vein", "below pancreas", vein, mask & np.moveaxis(below[:, None, None], 0, axis))


def _tell_lungs_apart(bench: Workbench) -> None:
    lungs = ("right_lung", "left_lung")
    boxes = [box for key in lungs if (box := bench.box(key))]
    if not boxes or not set(lungs) <= set(bench.seg.classes):
        return
    box = around(boxes)
    pieces = pieces_of(np.logical_or(*(bench.mask(key, box) for key in lungs)))
    if len(pieces) < 2:
        return
    two = np.argsort(-pieces.voxels[1:], kind="stable")[:2] + 1
    right_first = sorted(two, key=lambda n: -bench.seg.grid.to_world(pieces.centres[n] + [s.start for s in box])[0])
    for key, number in zip(lungs, right_first, strict=True):
        old, new = bench.mask(key, box), pieces.labels == number
        bench.remove(key, "largest two", box, old & ~new)
        bench.add(key, "largest two", box, new & ~old)


def _cut_tumour(bench: Workbench, key: str, organ: tuple[Box, Mask] | None) -> None:
    box = bench.box(key)
    if not box or organ is None:
        return
    inside = np.zeros(bench.seg.shape, bool)
    inside[organ[0]] = organ[1]
    bench.remove(key, "inside organ", box, bench.mask(key, box) & ~inside[box])


def _organ(bench: Workbench, tumour: str, keys: tuple[str, ...], count: int) -> tuple[Box, Mask] | None:
    """The organ as the network said it, largest pieces, closed and dilated; None when not all of it was asked for."""
    if not set(keys) <= set(bench.seg.classes) or not bench.box(tumour):
        return None
    boxes = [box for key in keys if (box := bench.box(key))]
    if not boxes:
        return (slice(0), slice(0), slice(0)), np.zeros((0, 0, 0), bool)
    reach = [round(REACH_MM / mm) for mm in bench.seg.grid.spacing_mm]
    box = grown(around(boxes), [2 * r for r in reach], bench.seg.shape)
    pieces = pieces_of(np.logical_or.reduce([bench.mask(key, box) for key in keys]))
    size = [2 * r + 1 for r in reach]
    largest = pieces.selected(_largest(pieces, count)).view(np.uint8)
    closed = ndimage.grey_erosion(ndimage.maximum_filter(largest, size), size)
    return box, ndimage.maximum_filter(closed, size).astype(bool)


def _largest(pieces: Pieces, count: int) -> Mask:
    """By label: among the `count` largest."""
    largest = np.zeros(len(pieces) + 1, bool)
    largest[np.argsort(-pieces.voxels[1:], kind="stable")[:count] + 1] = True
    return largest
