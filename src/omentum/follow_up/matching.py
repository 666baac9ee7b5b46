"""Matching of the lesions of two scans.

Lesions match only within organs of the same kind, independent of type (a kidney tumour may have been labelled a cyst).
After alignment, lesions are matched by overlap; the remaining ones by distance, nearest first. Lesions that overlap the
same counterpart form one group; whether a lesion split or two merged is for the reader to decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.boxes import Box
from omentum.follow_up.alignment import Alignment
from omentum.measure.diameters import Mask, Points
from omentum.measure.lesions import Lesion, find_lesions, lesion_masks
from omentum.segmentation import BITS_PER_PLANE, Segmentation
from omentum.volume import Grid

SHARE = 0.2
"""Minimum overlap, as a share of a lesion, for two lesions to match: soft organs are aligned to a few mm."""
REACH_MM = 15.0
"""Maximum distance of centroids for lesions without overlap: as far as breathing moves small ones."""
POINTS_PER_LESION = 4000


@dataclass(frozen=True, eq=False)
class LocatedLesion:
    """A lesion with its voxels.

    Args:
        lesion: Measurements on its own scan.
        mask, box: Voxels: mask within the box.
        grid: Grid of its scan.
    """

    lesion: Lesion
    box: Box
    mask: Mask
    grid: Grid

    @property
    def points_mm(self) -> Points:
        """Voxel centres in RAS+ mm, evenly subsampled if there are many."""
        voxels = np.argwhere(self.mask) + [s.start for s in self.box]
        return self.grid.to_world(voxels[:: -(-len(voxels) // POINTS_PER_LESION)])

    def share_inside(self, points_mm: Points) -> float:
        """Share of the points that lie in the lesion."""
        at = (points_mm - self.grid.affine[:3, 3]) @ np.linalg.inv(self.grid.affine[:3, :3]).T
        at = np.rint(at).astype(np.int64) - [s.start for s in self.box]
        within = ((at >= 0) & (at < self.mask.shape)).all(axis=1)
        return float(np.count_nonzero(self.mask[tuple(at[within].T)])) / len(points_mm)


@dataclass(frozen=True)
class LesionGroup:
    """Matched lesions: indices into the lists of both scans; one list may be empty."""

    before: tuple[int, ...]
    after: tuple[int, ...]


def locate_lesions(seg: Segmentation) -> list[LocatedLesion]:
    """Every lesion of a segmentation, with types of the same organ and kind merged."""
    seg = with_one_type_an_organ(seg)
    found = zip(find_lesions(None, seg), lesion_masks(seg), strict=True)
    return [LocatedLesion(lesion, box, mask, seg.grid) for lesion, (_, box, mask) in found]


def with_one_type_an_organ(seg: Segmentation) -> Segmentation:
    """Merge types with the same hosts and kind into the first of them (the template has two liver tumours)."""
    bits, first = seg.bits.copy(), dict[tuple[str, tuple[str, ...]], str]()
    for key in seg.classes:
        structure = STRUCTURES[key]
        if structure.is_lesion:
            chosen = first.setdefault((structure.kind, structure.hosts), key)
            if chosen != key:
                plane, bit = divmod(seg.classes.index(chosen), BITS_PER_PLANE)
                bits[plane][seg.mask(key)] |= bits.dtype.type(1 << bit)
    kept = [key for key in seg.classes if not STRUCTURES[key].is_lesion or key in first.values()]
    return Segmentation(bits, seg.affine, seg.classes, seg.annotated).subset(kept)


def match_lesions(
    before: Sequence[LocatedLesion], after: Sequence[LocatedLesion], alignment: Alignment
) -> list[LesionGroup]:
    """Assign every lesion of both scans to exactly one group."""
    links = _overlapping(before, after, alignment)
    links += _nearest(before, after, alignment, links)
    return _groups(len(before), len(after), links)


Link = tuple[int, int]


def _overlapping(before: Sequence[LocatedLesion], after: Sequence[LocatedLesion], alignment: Alignment) -> list[Link]:
    links = []
    for m, later in enumerate(after):
        motion = alignment.motion_of(later.lesion.host)
        moved = motion(later.points_mm)
        for n, earlier in enumerate(before):
            if _may_be_one(earlier, later):
                back = motion.inverse(earlier.points_mm)
                if max(earlier.share_inside(moved), later.share_inside(back)) >= SHARE:
                    links.append((n, m))
    return links


def _nearest(
    before: Sequence[LocatedLesion], after: Sequence[LocatedLesion], alignment: Alignment, taken: Sequence[Link]
) -> list[Link]:
    free = [n for n in range(len(before)) if n not in {n for n, _ in taken}]
    free_later = [m for m in range(len(after)) if m not in {m for _, m in taken}]
    near = []
    for m in free_later:
        centre = alignment.motion_of(after[m].lesion.host)(after[m].lesion.centroid_mm)
        for n in free:
            away = float(np.linalg.norm(centre - before[n].lesion.centroid_mm))
            if away <= REACH_MM and _may_be_one(before[n], after[m]):
                near.append((away, n, m))
    links: list[Link] = []
    for _, n, m in sorted(near):
        if n not in {a for a, _ in links} and m not in {b for _, b in links}:
            links.append((n, m))
    return links


def _may_be_one(one: LocatedLesion, other: LocatedLesion) -> bool:
    return STRUCTURES[one.lesion.key].hosts == STRUCTURES[other.lesion.key].hosts


def _groups(earlier: int, later: int, links: Sequence[Link]) -> list[LesionGroup]:
    """Connected components of the links, in the order of the earlier, then the later lesions."""
    label: NDArray[np.int64] = np.arange(earlier + later)
    for n, m in links:
        low, high = sorted((label[n], label[earlier + m]))
        label[label == high] = low
    groups = []
    for one in dict.fromkeys(label.tolist()):
        members = np.flatnonzero(label == one).tolist()
        groups.append(
            LesionGroup(tuple(n for n in members if n < earlier), tuple(n - earlier for n in members if n >= earlier))
        )
    return groups
