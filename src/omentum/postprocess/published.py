"""Post-processing of the published model, implemented from its description, without its failure cases.

Kept: only the largest component of nearly every organ, including interrupted tubes and bowel; the vein is cut off below
the pancreas; lungs are separated by the lateral position of the two largest components; tumours of liver and kidney are
cut to a closed and dilated organ. Changed: with an empty pancreas, a single or fused lung, or a class that was not
requested, the masks stay unchanged, where the original failed or returned nothing. Neighbourhoods that were defined in
voxels of 1.5 mm have the same size here, in mm.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from omentum.boxes import Box, around, grown, relative
from omentum.postprocess.clean import Cleaned
from omentum.postprocess.components import Mask, label_components
from omentum.postprocess.mask_editor import MaskEditor
from omentum.segmentation import Segmentation

LARGEST_ONLY = (
    *("spleen", "right_kidney", "left_kidney", "gallbladder", "oesophagus", "liver", "stomach", "aorta"),
    *("inferior_vena_cava", "pancreas", "right_adrenal", "left_adrenal", "duodenum", "colon", "small_bowel", "rectum"),
    *("bladder", "prostate", "left_femoral_head", "right_femoral_head", "coeliac_trunk"),
)
TUMOUR_IN_LARGEST = {"kidney_tumour": (("right_kidney", "left_kidney"), 2), "liver_tumour": (("liver",), 1)}
"""Tumour -> the organs that hold it, and how many of their largest components count."""
REACH_MM = 3.0
"""Two voxels of 1.5 mm: half the side of the neighbourhood for closing and dilating, without the middle."""


def clean_as_published(seg: Segmentation, *, in_place: bool = False) -> Cleaned:
    """Apply the published rules.

    Args:
        seg: Any segmentation; missing classes and empty masks are allowed.
        in_place: Modify the bits of `seg` instead of a copy.
    """
    editor = MaskEditor(seg if in_place else replace(seg, bits=seg.bits.copy()))
    organs = {key: _organ(editor, *TUMOUR_IN_LARGEST[key]) for key in TUMOUR_IN_LARGEST if key in seg.classes}
    for key in LARGEST_ONLY:
        _keep_largest(editor, key)
    _cut_vein_below_pancreas(editor)
    _tell_lungs_apart(editor)
    for key, organ in organs.items():
        _cut_tumour(editor, key, organ)
    return Cleaned(editor.seg, editor.changes())


def _keep_largest(editor: MaskEditor, key: str) -> None:
    if key in editor.seg.classes:
        components = label_components(editor.islands(key))
        for box, voxels in components.selected(~components.largest(1)):
            editor.remove(key, "largest component", box, voxels)


def _cut_vein_below_pancreas(editor: MaskEditor) -> None:
    if not {"pancreas", "portal_splenic_vein"} <= set(editor.seg.classes):
        return
    pancreas = label_components(editor.islands("pancreas"))
    if not len(pancreas):
        return
    axis, sign = next((a, s) for a, (world, s) in enumerate(editor.seg.grid.axis_directions()) if world == 2)
    ends = around(pancreas.boxes[1:])[axis]
    for box, mask in editor.islands("portal_splenic_vein"):
        planes = np.arange(box[axis].start, box[axis].stop)
        below = planes < ends.start if sign > 0 else planes >= ends.stop
        editor.remove("portal_splenic_vein", "below pancreas", box, mask & np.moveaxis(below[:, None, None], 0, axis))


def _tell_lungs_apart(editor: MaskEditor) -> None:
    lungs = ("right_lung", "left_lung")
    if not set(lungs) <= set(editor.seg.classes):
        return
    components = label_components(editor.islands(*lungs))
    if len(components) < 2:
        return
    two = np.flatnonzero(components.largest(2))
    right_first = sorted(two, key=lambda n: -editor.seg.grid.to_world(components.centres[n])[0])
    for key, number in zip(lungs, right_first, strict=True):
        theirs = np.arange(len(components) + 1) == number
        for box, voxels in components.selected(~theirs):
            editor.remove(key, "largest two", box, voxels)
        for box, voxels in components.selected(theirs):
            editor.add(key, "largest two", box, voxels)


def _cut_tumour(editor: MaskEditor, key: str, organ: tuple[Box, Mask] | None) -> None:
    if organ is None:
        return
    inside = np.zeros(editor.seg.shape, bool)
    inside[organ[0]] = organ[1]
    for box, mask in editor.islands(key):
        editor.remove(key, "inside organ", box, mask & ~inside[box])


def _organ(editor: MaskEditor, keys: tuple[str, ...], count: int) -> tuple[Box, Mask] | None:
    """The predicted organ: largest components, closed and dilated; None if a part of it was not requested."""
    if not set(keys) <= set(editor.seg.classes):
        return None
    components = label_components(editor.islands(*keys))
    largest = components.largest(count)
    reach = [round(REACH_MM / mm) for mm in editor.seg.grid.spacing_mm]
    boxes = [components.boxes[n] for n in np.flatnonzero(largest)] or [components.boxes[0]]
    box = grown(around(boxes), [2 * r for r in reach], editor.seg.shape)
    organ = np.zeros([s.stop - s.start for s in box], np.uint8)
    for part in components.parts:
        for number in range(part.offset + 1, part.offset + part.n + 1):
            if largest[number]:
                where = components.boxes[number]
                organ[relative(where, box)] |= part.component(number, where)
    size = [2 * r + 1 for r in reach]
    closed = ndimage.grey_erosion(ndimage.maximum_filter(organ, size), size)
    return box, ndimage.maximum_filter(closed, size).astype(bool)
