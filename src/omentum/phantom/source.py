"""A real label map, prepared once so that many different bodies can be made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cc3d
import edt
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from omentum.axis_order import axis_order
from omentum.errors import GeometryError
from omentum.phantom.label_names import AnatomicalPart, parts_of
from omentum.phantom.texture import Field, sample_axes
from omentum.volume import Volume

WORKING_SPACING_MM = 1.5
HULL_STEP = 4
"""The hulls are kept on every fourth voxel: they are smooth."""
HULL_CLIP_MM = 80.0
HULL_PAD = 14
"""Extra coarse voxels at the four sides, so that the distances reach out to the skin of an obese body."""
NOTHING = AnatomicalPart((), "nothing")
HEAD_AND_NECK_MM = 60.0
"""Femoral head region: what lies less than this below the middle of the head (as in WORD: head, neck, trochanters)."""


@dataclass(frozen=True, eq=False)
class RestyleSource:
    """Parts of a real body on a RAS+ grid of about 1.5 mm.

    Args:
        labels: uint8, index into `parts`.
        parts: What each value is; the first is `NOTHING`.
        spacing_mm: Of `labels`.
        annotated: Keys of the structures that the label map determines, present or not.
        inner_mm: Distance to the hull of chest, abdomen and pelvis, negative inside; every `HULL_STEP`-th voxel,
            `HULL_PAD` of them added at the four sides.
        outline_mm: The same for the hull of everything.
    """

    labels: NDArray[np.uint8]
    parts: tuple[AnatomicalPart, ...]
    spacing_mm: tuple[float, float, float]
    annotated: frozenset[str]
    inner_mm: Field
    outline_mm: Field

    @classmethod
    def from_labels(cls, labels: Volume, names: Mapping[int, str]) -> RestyleSource:
        """Prepare a label map.

        The colon of TotalSegmentator reaches the anus: below the third sacral segment it becomes `rectum`. Where
        there is a colon but neither a rectum nor a sacrum, neither is annotated. The femora become the femoral head
        regions (head, neck and trochanters as WORD draws them), discs and the fluid around the cord are added.

        Args:
            labels: Integer label map, axis-aligned up to rotations that can be ignored.
            names: Label value -> name, e.g. TotalSegmentator's.

        Raises:
            UsageError: no name is known.
            GeometryError: nothing is labelled.
        """
        part_by_value = parts_of(names)
        parts = (NOTHING, *dict.fromkeys(part_by_value.values()))
        compact, spacing = _canonical(labels, part_by_value, parts)
        working, spacing = _resampled(compact, spacing, len(parts))
        working, parts = _with_femoral_heads(working, spacing, parts)
        working, parts, has_rectum = _with_rectum(working, spacing, parts)
        working, parts = _with_spine(working, spacing, parts)
        annotated = {key for part in parts for key in part.structures}
        if not has_rectum:
            annotated -= {"colon", "rectum"}
        inner, outline = _hulls(working, spacing, parts)
        return cls(working, parts, spacing, frozenset(annotated), inner, outline)

    def having(self, *, structure: str = "", material: str = "") -> NDArray[np.bool_]:
        """Lookup table over part indices: which parts belong to a structure, or are of a material."""
        return np.array([structure in p.structures if structure else p.material == material for p in self.parts])


def _canonical(
    labels: Volume, part_by_value: Mapping[int, AnatomicalPart], parts: tuple[AnatomicalPart, ...]
) -> tuple[NDArray[np.uint8], tuple[float, float, float]]:
    """Part indices in RAS+ order, cut to what is labelled, with empty sides but no empty ends."""
    order = axis_order(labels.grid)
    values = np.rint(order.view(labels.voxels)).astype(np.int64)
    table = np.zeros(max(int(values.max()), *part_by_value) + 1, np.uint8)
    for value, part in part_by_value.items():
        table[value] = parts.index(part)
    found = table[np.maximum(values, 0)]
    boxes = ndimage.find_objects((found != 0).astype(np.uint8))
    if not boxes:
        raise GeometryError("nothing is labelled with a known name")
    return np.pad(found[boxes[0]], ((2, 2), (2, 2), (0, 0))), order.grid(labels.grid).spacing_mm


def _resampled(
    labels: NDArray[np.uint8], spacing_mm: tuple[float, float, float], count: int
) -> tuple[NDArray[np.uint8], tuple[float, float, float]]:
    """About 1.5 mm everywhere; each part (and nothing) is interpolated by itself and the strongest wins."""
    if max(abs(s - WORKING_SPACING_MM) for s in spacing_mm) < 0.05:
        return labels, spacing_mm
    extent = [n * s for n, s in zip(labels.shape, spacing_mm, strict=True)]
    shape = [max(1, round(mm / WORKING_SPACING_MM)) for mm in extent]
    # Voxel centres, not corners: twice as fine, no sample falls on a tie between two labels.
    i, j, k = ((np.arange(m) + 0.5) * n / m - 0.5 for m, n in zip(shape, labels.shape, strict=True))
    best = sample_axes((labels == 0).astype(np.float32), (i, j, k))
    out = np.zeros(best.shape, np.uint8)
    for part in range(1, count):
        share = sample_axes((labels == part).astype(np.float32), (i, j, k))
        wins = share > best
        out[wins], best[wins] = part, share[wins]
    x, y, z = (mm / m for mm, m in zip(extent, shape, strict=True))
    return out, (x, y, z)


def _with_femoral_heads(
    labels: NDArray[np.uint8], spacing_mm: tuple[float, float, float], parts: tuple[AnatomicalPart, ...]
) -> tuple[NDArray[np.uint8], tuple[AnatomicalPart, ...]]:
    """Split each whole femur into the head region and the shaft.

    The head is the ball at the medial upper end: its middle is the deepest point (largest inscribed sphere) of the
    medial third of the top 70 mm.
    """
    parts_out, labels = list(parts), labels.copy()
    for side, medial in (("right", -1), ("left", 1)):  # x grows to the right
        name = f"femur_{side}"
        k = next((k for k, part in enumerate(parts) if part.material == name), None)
        if k is None:
            continue
        whole = parts[k].structures  # of a user's own
        parts_out[k] = AnatomicalPart(whole, "long_bone")
        parts_out.append(AnatomicalPart((f"{side}_femoral_head", *whole), "femoral_head"))
        bone = labels == k
        middle_z = _head_middle_z(bone, spacing_mm, medial)
        if middle_z is not None:
            bone[:, :, : max(0, round(middle_z - HEAD_AND_NECK_MM / spacing_mm[2]))] = False
            labels[bone] = len(parts_out) - 1
    return labels, tuple(parts_out)


def _head_middle_z(bone: NDArray[np.bool_], spacing_mm: tuple[float, float, float], medial: int) -> int | None:
    where = np.argwhere(bone)
    if len(where) == 0:
        return None
    where = where[where[:, 2] > where[:, 2].max() - 70.0 / spacing_mm[2]]
    across = where[:, 0] * medial
    where = where[across >= np.quantile(across, 0.6)]
    depth = edt.edt(bone, anisotropy=spacing_mm, black_border=False)
    return int(where[np.argmax(depth[tuple(where.T)]), 2])


def _with_rectum(
    labels: NDArray[np.uint8], spacing_mm: tuple[float, float, float], parts: tuple[AnatomicalPart, ...]
) -> tuple[NDArray[np.uint8], tuple[AnatomicalPart, ...], bool]:
    """Name the last piece of colon, below the middle of the sacrum and connected to the lowest point, the rectum."""
    colon = next((k for k, part in enumerate(parts) if "colon" in part.structures), None)
    if colon is None or any("rectum" in part.structures for part in parts):
        return labels, parts, True
    sacrum = [k for k, part in enumerate(parts) if part.material == "sacrum"]
    levels = np.flatnonzero(np.isin(labels, sacrum).any(axis=(0, 1)))
    if not sacrum or len(levels) * spacing_mm[2] < 60.0:
        return labels, parts, False
    third_sacral = int(levels[0] + 0.5 * (levels[-1] - levels[0]))
    pieces = cc3d.connected_components(labels[:, :, :third_sacral] == colon, connectivity=6)
    labels = labels.copy()
    if pieces.any():
        lowest = int(np.flatnonzero((pieces != 0).any(axis=(0, 1)))[0])
        at_bottom = pieces[:, :, lowest]
        last = pieces == np.bincount(at_bottom[at_bottom != 0]).argmax()
        labels[:, :, :third_sacral][last] = len(parts)
    return labels, (*parts, replace(parts[colon], structures=("rectum", *parts[colon].structures[1:]))), True


def _with_spine(
    labels: NDArray[np.uint8], spacing_mm: tuple[float, float, float], parts: tuple[AnatomicalPart, ...]
) -> tuple[NDArray[np.uint8], tuple[AnatomicalPart, ...]]:
    """Add what label maps leave out: discs between the vertebral bodies, and the sac around the cord."""
    bones = np.isin(labels, [k for k, p in enumerate(parts) if p.material in {"vertebra", "sacrum"}])
    cord = np.isin(labels, [k for k, p in enumerate(parts) if p.material == "spinal_canal"])
    free, labels = labels == 0, labels.copy()
    if cord.any():
        near = edt.edt(~cord, anisotropy=spacing_mm, black_border=False) < 6.0
        labels[near & free] = len(parts)
        free &= ~near
    reach = np.ones((1, 1, 2 * round(8.0 / spacing_mm[2]) + 1), bool)
    solid = ndimage.binary_opening(bones, np.ones((5, 5, 1), bool), iterations=2)  # bodies, not the arches
    discs = ndimage.binary_closing(solid, reach) & free
    labels[ndimage.binary_opening(discs, np.ones((3, 3, 1), bool))] = len(parts) + 1
    return labels, (*parts, AnatomicalPart((), "spinal_canal"), AnatomicalPart((), "disc"))


def _hulls(
    labels: NDArray[np.uint8], spacing_mm: tuple[float, float, float], parts: tuple[AnatomicalPart, ...]
) -> tuple[Field, Field]:
    sides = (HULL_PAD, HULL_PAD)
    coarse = np.pad(labels[::HULL_STEP, ::HULL_STEP, ::HULL_STEP], (sides, sides, (0, 0)))
    x, y, z = (s * HULL_STEP for s in spacing_mm)
    inner = _hull_distance(np.array([p.inner for p in parts])[coarse], (x, y, z))
    return inner, _hull_distance((coarse != 0) | (inner < 10.0), (x, y, z))


def _hull_distance(mask: NDArray[np.bool_], spacing_mm: tuple[float, float, float]) -> Field:
    """Distance in mm to the convex hull of each axial slice, negative inside, smooth from slice to slice.

    Inside it is the distance to the nearest side of the polygon, outside that to the farthest side's line, which
    differs from the true distance only beyond corners.
    """
    distance = np.full(mask.shape, HULL_CLIP_MM, np.float32)
    plane = np.stack([i.ravel() * s for i, s in zip(np.indices(mask.shape[:2]), spacing_mm[:2], strict=True)])
    for k in range(mask.shape[2]):
        points = np.argwhere(mask[:, :, k]) * spacing_mm[:2]
        if len(points) < 4:
            continue
        try:
            sides = ConvexHull(points).equations
        except QhullError:  # all on one line
            continue
        distance[:, :, k] = (sides[:, :2] @ plane + sides[:, 2:]).max(axis=0).reshape(mask.shape[:2])
    distance = np.clip(distance, -HULL_CLIP_MM, HULL_CLIP_MM)
    smooth: Field = ndimage.gaussian_filter(
        distance, [8.0 / spacing_mm[0], 8.0 / spacing_mm[1], 12.0 / spacing_mm[2]], mode="nearest"
    )
    return smooth
