"""Rules that know where things are in the body: a pair's sides, a lesion's host."""

from __future__ import annotations

import edt
import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.postprocess.boxes import grown_mm, relative, shared, shifted
from omentum.postprocess.components import Mask, pieces_of
from omentum.postprocess.midline import ON_THE_LINE_MM, Midline
from omentum.postprocess.packed import Workbench
from omentum.segmentation import Box
from omentum.volume import Grid

CLEARLY_MM = 10.0
"""A voxel this far beyond the middle is on the other side even if the middle was found some millimetres off."""
CROSSES, WRONG = 0.25, 0.75
"""A piece with more than the first share clearly on the other side is cut at the middle; with more than the second,
all of it goes over. Lungs and horseshoe kidneys do cross the middle, but not with so much."""
ROUNDING_MM = 1e-3


def repair_sides(bench: Workbench, pair: tuple[str, str], midline: Midline) -> None:
    """Give what lies on the other side of the body to the structure of that side.

    A pair whose partner is no class of the segmentation just loses it. Nothing is decided by the order, size or
    number of pieces: a single kidney is whose side it is on, fused lungs are cut at the middle.
    """
    _part_overlap(bench, pair, midline)
    moves = [(key, box, _other_side(bench, key, box, midline)) for key in pair if (box := bench.box(key))]
    for key, box, voxels in moves:
        if voxels.any():
            bench.remove(key, "sides", box, voxels)
    for key, box, voxels in moves:
        partner = STRUCTURES[key].pair
        if partner in bench.seg.classes and voxels.any():
            bench.add(partner, "sides", box, voxels & ~bench.mask(partner, box))


def on_own_side(key: str, grid: Grid, box: Box, midline: Midline) -> Mask:
    """Voxels of a box on the structure's side of the middle."""
    return _beyond_mm(key, grid, box, midline) < -ON_THE_LINE_MM


def keep_near_hosts(bench: Workbench, key: str, limit_mm: float) -> None:
    """Remove whole pieces that are further than `limit_mm` from every host; see `hosts_to_go_by`."""
    hosts, box = hosts_to_go_by(bench, key), bench.box(key)
    if not hosts or box is None:
        return
    pieces = pieces_of(bench.mask(key, box))
    far = np.zeros(len(pieces) + 1, bool)
    for number in range(1, len(far)):
        within = shifted(pieces.boxes[number], box)
        piece = pieces.labels[pieces.boxes[number]] == number
        if not any((bench.mask(host, within) & piece).any() for host in hosts):
            around = grown_mm(within, limit_mm, bench.seg.grid)
            mm = _distance_mm(bench, hosts, around)[relative(within, around)][piece]
            far[number] = mm.min() > limit_mm + ROUNDING_MM
    if far.any():
        bench.remove(key, "near host", box, pieces.selected(far))


def cut_to_hosts(bench: Workbench, key: str, limit_mm: float) -> None:
    """Remove voxels that are further than `limit_mm` from every host; see `hosts_to_go_by`."""
    hosts, box = hosts_to_go_by(bench, key), bench.box(key)
    if not hosts or box is None:
        return
    outside = bench.mask(key, box) & ~hosts_mask(bench, hosts, box)
    if outside.any():
        around = grown_mm(box, limit_mm, bench.seg.grid)
        outside &= _distance_mm(bench, hosts, around)[relative(box, around)] > limit_mm + ROUNDING_MM
        bench.remove(key, "inside host", box, outside)


def hosts_to_go_by(bench: Workbench, key: str) -> tuple[str, ...]:
    """The hosts, if they can be relied on: none unless each was looked for and found.

    A lesion is not thrown away because the model missed its organ, or because nobody asked for the organ.
    """
    hosts = STRUCTURES[key].hosts
    found = [(box := bench.box(host)) is not None and bench.mask(host, box).any() for host in hosts]
    return hosts if all(found) else ()


def hosts_mask(bench: Workbench, hosts: tuple[str, ...], box: Box) -> Mask:
    """Where any of the hosts is."""
    return np.logical_or.reduce([bench.mask(host, box) for host in hosts])


def _part_overlap(bench: Workbench, pair: tuple[str, str], midline: Midline) -> None:
    """No voxel is both left and right."""
    boxes = [bench.box(key) for key in pair if key in bench.seg.classes]
    if len(boxes) < 2 or boxes[0] is None or boxes[1] is None:
        return
    box = shared(boxes[0], boxes[1])
    both = bench.mask(pair[0], box) & bench.mask(pair[1], box)
    if both.any():
        for key in pair:
            wrong = both & (_beyond_mm(key, bench.seg.grid, box, midline) > ON_THE_LINE_MM)
            bench.remove(key, "sides", box, wrong)


def _other_side(bench: Workbench, key: str, box: Box, midline: Midline) -> Mask:
    """The voxels of a structure that belong to its partner."""
    mask, beyond_mm = bench.mask(key, box), _beyond_mm(key, bench.seg.grid, box, midline)
    clearly = mask & (beyond_mm > CLEARLY_MM + ON_THE_LINE_MM)
    if not clearly.any():
        return clearly
    pieces = pieces_of(mask)
    n = len(pieces.voxels)
    on_a_side = np.bincount(pieces.labels[np.abs(beyond_mm) > ON_THE_LINE_MM], minlength=n)
    share = np.bincount(pieces.labels[clearly], minlength=n) / np.maximum(on_a_side, 1)
    share[0] = 0.0
    cut = pieces.selected(share > CROSSES) & (beyond_mm > ON_THE_LINE_MM)
    return cut | pieces.selected(share > WRONG)


def _beyond_mm(key: str, grid: Grid, box: Box, midline: Midline) -> np.ndarray:
    """How far beyond the middle, on the side that is not the structure's, each voxel of a box lies."""
    right_mm = midline.towards_right_mm(grid, box)
    return right_mm if STRUCTURES[key].side == "left" else -right_mm


def _distance_mm(bench: Workbench, hosts: tuple[str, ...], box: Box) -> np.ndarray:
    """Distance of each voxel of a box to the nearest host voxel of the box; infinite without one."""
    free = np.ascontiguousarray(~hosts_mask(bench, hosts, box))
    return np.full(free.shape, np.inf) if free.all() else edt.edt(free, anisotropy=bench.seg.grid.spacing_mm)
