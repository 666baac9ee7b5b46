"""Rules based on anatomy: sides of paired organs, hosts of lesions."""

from __future__ import annotations

from collections.abc import Iterator

import edt
import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.boxes import Box, grown_mm, relative
from omentum.midline.plane import Midline
from omentum.postprocess.components import Mask, label_components
from omentum.postprocess.mask_editor import MaskEditor
from omentum.postprocess.trunk import Trunk
from omentum.volume import Grid

CLEARLY_MM = 10.0
"""A voxel this far beyond the middle is on the other side even if the middle was found some millimetres off."""
CROSSES, WRONG = 0.25, 0.75
"""A component with more than the first share clearly on the other side is cut at the middle; with more than the second,
all of it goes over. Lungs and horseshoe kidneys do cross the middle, but not with so much."""
ROUNDING_MM = 1e-3
ON_THE_LINE_MM = 1e-3
"""Voxels nearer to the midline than this are neither left nor right."""
OUTSIDE = 0.5
"""A component with more than this share outside the trunk is no organ."""


def repair_sides(editor: MaskEditor, pair: tuple[str, str], midline: Midline) -> None:
    """Move voxels on the wrong side of the body to the paired structure.

    If the partner is no class of the segmentation, they are removed. The order, size and number of components play no
    role: a single kidney belongs to the side it lies on, fused lungs are cut at the midline.
    """
    _part_overlap(editor, pair, midline)
    moves = [(key, *move) for key in pair if key in editor.seg.classes for move in _other_side(editor, key, midline)]
    for key, box, voxels in moves:
        editor.remove(key, "sides", box, voxels)
    for key, box, voxels in moves:
        partner = STRUCTURES[key].pair
        if partner in editor.seg.classes:
            editor.add(partner, "sides", box, voxels)


def keep_in_trunk(editor: MaskEditor, key: str, trunk: Trunk) -> None:
    """Remove components that lie mostly outside the trunk."""
    if not any((mask & trunk.outside(box)).any() for box, mask in editor.islands(key)):
        return
    components = label_components(editor.islands(key))
    gone = np.zeros(len(components) + 1, bool)
    for part in components.parts:
        for number in range(part.offset + 1, part.offset + part.n + 1):
            box = components.boxes[number]
            gone[number] = trunk.outside(box)[part.component(number, box)].mean() > OUTSIDE
    for box, voxels in components.selected(gone):
        editor.remove(key, "in trunk", box, voxels)


def on_own_side(key: str, grid: Grid, box: Box, midline: Midline) -> Mask:
    """Voxels of a box on the structure's side of the midline."""
    return _beyond_mm(key, grid, box, midline) < -ON_THE_LINE_MM


def keep_near_hosts(editor: MaskEditor, key: str, limit_mm: float) -> None:
    """Remove whole components farther than `limit_mm` from every host; see `hosts_to_go_by`."""
    hosts = hosts_to_go_by(editor, key)
    components = label_components(editor.islands(key) if hosts else ())
    far = np.zeros(len(components) + 1, bool)
    for part in components.parts:
        for number in range(part.offset + 1, part.offset + part.n + 1):
            box = components.boxes[number]
            far[number] = not _is_near(editor, hosts, limit_mm, box, part.component(number, box))
    for box, voxels in components.selected(far):
        editor.remove(key, "near host", box, voxels)


def cut_to_hosts(editor: MaskEditor, key: str, limit_mm: float) -> None:
    """Remove voxels farther than `limit_mm` from every host; see `hosts_to_go_by`."""
    hosts = hosts_to_go_by(editor, key)
    for box, mask in editor.islands(key) if hosts else ():
        outside = mask & ~editor.mask(box, *hosts)
        if outside.any():
            around = grown_mm(box, limit_mm, editor.seg.grid)
            outside &= _distance_mm(editor, hosts, around)[relative(box, around)] > limit_mm + ROUNDING_MM
            editor.remove(key, "inside host", box, outside)


def hosts_to_go_by(editor: MaskEditor, key: str) -> tuple[str, ...]:
    """Hosts of a structure if all of them were segmented and found, else an empty tuple.

    A lesion is not removed because the model missed its organ or because the organ was not requested.
    """
    hosts = STRUCTURES[key].hosts
    return hosts if set(hosts) <= set(editor.seg.classes) and all(editor.has(host) for host in hosts) else ()


def _part_overlap(editor: MaskEditor, pair: tuple[str, str], midline: Midline) -> None:
    """Resolve voxels that are both left and right."""
    box = editor.shared_box(*pair) if set(pair) <= set(editor.seg.classes) else None
    if box:
        both = editor.mask(box, pair[0]) & editor.mask(box, pair[1])
        for key in pair:
            wrong = both & (_beyond_mm(key, editor.seg.grid, box, midline) > ON_THE_LINE_MM)
            editor.remove(key, "sides", box, wrong)


def _other_side(editor: MaskEditor, key: str, midline: Midline) -> Iterator[tuple[Box, Mask]]:
    """The voxels of a structure that belong to its partner."""
    for box, mask in editor.islands(key):
        beyond_mm = _beyond_mm(key, editor.seg.grid, box, midline)
        clearly = mask & (beyond_mm > CLEARLY_MM + ON_THE_LINE_MM)
        if clearly.any():
            (part,) = (components := label_components([(box, mask)])).parts
            on_a_side = part.count(np.abs(beyond_mm) > ON_THE_LINE_MM)
            share = part.count(clearly) / np.maximum(on_a_side, 1)
            cut = part.selected((share > CROSSES) & (components.voxels > 0)) & (beyond_mm > ON_THE_LINE_MM)
            yield box, cut | part.selected((share > WRONG) & (components.voxels > 0))


def _is_near(editor: MaskEditor, hosts: tuple[str, ...], limit_mm: float, box: Box, component: Mask) -> bool:
    if (editor.mask(box, *hosts) & component).any():
        return True
    around = grown_mm(box, limit_mm, editor.seg.grid)
    distance_mm = _distance_mm(editor, hosts, around)[relative(box, around)][component]
    return bool(distance_mm.min() <= limit_mm + ROUNDING_MM)


def _beyond_mm(key: str, grid: Grid, box: Box, midline: Midline) -> np.ndarray:
    """Distance in mm of each voxel of a box beyond the midline, on the wrong side of the structure."""
    right_mm = midline.box_offsets_mm(grid, box)
    return right_mm if STRUCTURES[key].side == "left" else -right_mm


def _distance_mm(editor: MaskEditor, hosts: tuple[str, ...], box: Box) -> np.ndarray:
    """Distance in mm of each voxel of a box to the nearest host voxel in the box; infinite if there is none."""
    free = np.ascontiguousarray(~editor.mask(box, *hosts))
    return np.full(free.shape, np.inf) if free.all() else edt.edt(free, anisotropy=editor.seg.grid.spacing_mm)
