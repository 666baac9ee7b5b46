"""Pairs of scans with known truth: balls for lesions in a body, which lies, is cut, stored and breathes otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import edt
import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from omentum.boxes import Box
from omentum.segmentation import Segmentation
from omentum.volume import Grid

TYPES = {"liver": "liver_tumour", "right_kidney": "kidney_tumour", "left_kidney": "kidney_tumour",
         "pancreas": "pancreas_tumour", "left_lung": "lung_tumour", "right_lung": "lung_tumour"}  # fmt: skip
"""Host -> what grows in it."""
APART_MM = 30.0
"""Least distance of two balls' centres."""


@dataclass(frozen=True)
class Ball:
    """A lesion.

    Args:
        host: Organ it is in.
        centre: RAS+ mm.
        before_mm, after_mm: Radius then and now; 0 where it is not there.
    """

    host: str
    centre: tuple[float, float, float]
    before_mm: float
    after_mm: float

    @property
    def status(self) -> str:
        """What became of it."""
        return "new" if self.before_mm == 0 else "gone" if self.after_mm == 0 else "same"


def draw_balls(rng: np.random.Generator, truth: Segmentation, number: int, radii_mm: tuple[float, float]) -> list[Ball]:
    """Balls that lie wholly in organs, far from one another: most of them grow or shrink, some come or go."""
    balls: list[Ball] = []
    boxes = truth.boxes()
    depths = {host: _depth_mm(truth, host, boxes[host]) for host in TYPES if host in boxes}
    for _ in range(100 * number):
        if len(balls) == number or not depths:
            break
        host = str(rng.choice(list(depths)))
        then, now = rng.uniform(*radii_mm, 2)
        deep = np.argwhere(depths[host] > max(then, now) + 2)
        if not len(deep):
            continue
        corner = [s.start for s in boxes[host]]
        centre = truth.grid.to_world(deep[rng.integers(len(deep))] + corner)
        if all(np.linalg.norm(centre - other.centre) >= APART_MM for other in balls):
            status = rng.choice(["same", "new", "gone"], p=[0.6, 0.2, 0.2])
            x, y, z = centre.tolist()
            balls.append(Ball(host, (x, y, z), 0 if status == "new" else then, 0 if status == "gone" else now))
    return balls


def with_balls(truth: Segmentation, spheres: Sequence[tuple[str, Sequence[float], float]]) -> Segmentation:
    """A body without other lesions than these: (host, centre, radius in mm); all types of lesion are annotated."""
    masks = {key: truth.mask(key) for key in truth.classes if not key.endswith(("_tumour", "_cyst"))}
    masks |= {key: np.zeros(truth.shape, bool) for key in dict.fromkeys(TYPES.values())}
    for host, centre, radius_mm in spheres:
        if radius_mm > 0:
            box = _around(truth.grid, centre, radius_mm)
            corner = [s.start for s in box]
            at = truth.grid.to_world(np.moveaxis(np.indices([s.stop - s.start for s in box]), 0, -1) + corner)
            masks[TYPES[host]][box] |= np.linalg.norm(at - np.asarray(centre), axis=-1) <= radius_mm
    return Segmentation.from_masks(masks, truth.affine)


def _depth_mm(truth: Segmentation, host: str, box: Box) -> NDArray[np.float32]:
    """How deep the voxels of a box lie in an organ."""
    return edt.edt(truth.mask(host, box), anisotropy=truth.grid.spacing_mm, black_border=True)


def _around(grid: Grid, centre: Sequence[float], radius_mm: float) -> Box:
    back = np.linalg.inv(grid.affine)
    at, reach = back[:3, :3] @ np.asarray(centre) + back[:3, 3], radius_mm / np.array(grid.spacing_mm) + 1
    low, high = np.maximum(np.floor(at - reach), 0).astype(int), np.ceil(at + reach).astype(int) + 1
    i, j, k = (slice(int(a), int(min(b, n))) for a, b, n in zip(low, high, grid.shape, strict=True))
    return i, j, k


def scans_of(truth: Segmentation, balls: Sequence[Ball]) -> tuple[Segmentation, Segmentation]:
    """The body then and now, where it lies as `truth` does."""
    then, now = ([(b.host, b.centre, r) for b, r in zip(balls, radii, strict=True)]
                 for radii in ([b.before_mm for b in balls], [b.after_mm for b in balls]))  # fmt: skip
    return with_balls(truth, then), with_balls(truth, now)


def draw_motion(rng: np.random.Generator, degrees: float = 10.0, shift_mm: float = 150.0) -> NDArray[np.float64]:
    """How a patient may lie on another day, 4x4, RAS+ mm -> RAS+ mm."""
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler("xyz", rng.uniform(-degrees, degrees, 3), degrees=True).as_matrix()
    motion[:3, 3] = rng.uniform(-shift_mm, shift_mm, 3)
    return motion


def field_of(
    seg: Segmentation, motion: NDArray[np.float64], spacing_mm: Sequence[float], part: tuple[float, float] = (0, 1)
) -> Grid:
    """An upright field of view around the moved patient, of which only a part along the body axis is scanned."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in seg.shape], indexing="ij")).reshape(3, -1).T
    moved = seg.grid.to_world(corners) @ motion[:3, :3].T + motion[:3, 3]
    low, high = moved.min(axis=0), moved.max(axis=0)
    low[2], high[2] = low[2] + part[0] * (high - low)[2], low[2] + part[1] * (high - low)[2]
    affine = np.diag([*spacing_mm, 1.0])
    affine[:3, 3] = low
    i, j, k = (int(n) for n in np.maximum(np.ceil((high - low) / spacing_mm), 1))
    return Grid((i, j, k), affine)


def seen_on(seg: Segmentation, motion: NDArray[np.float64], grid: Grid, breath_mm: float = 0.0) -> Segmentation:
    """The patient after a motion, scanned on a grid (nearest voxel).

    Args:
        seg: Where the patient lay before.
        motion: See `draw_motion`.
        grid: Of the new scan.
        breath_mm: How far the dome of the liver moves down, everything below it less.
    """
    there = np.moveaxis(np.indices(grid.shape), 0, -1).reshape(-1, 3)
    back = np.linalg.inv(motion)
    places = grid.to_world(there) @ back[:3, :3].T + back[:3, 3]
    if breath_mm:
        liver = seg.boxes()["liver"][2]
        dome_mm = max(seg.grid.to_world([[0, 0, k] for k in (liver.start, liver.stop)])[:, 2])
        places[:, 2] += breath_mm * np.exp(-(((places[:, 2] - dome_mm + 20) / 110) ** 2))
    at = np.rint((places - seg.affine[:3, 3]) @ np.linalg.inv(seg.affine[:3, :3]).T).astype(int)
    shown = ((at >= 0) & (at < np.array(seg.shape))).all(axis=1)
    bits = np.zeros((len(seg.bits), len(places)), seg.bits.dtype)
    bits[:, shown] = seg.bits[:, at[shown, 0], at[shown, 1], at[shown, 2]]
    return Segmentation(bits.reshape(-1, *grid.shape), grid.affine, seg.classes)


def stored_otherwise(rng: np.random.Generator, seg: Segmentation) -> Segmentation:
    """The same voxels in another order of axes and directions."""
    order = rng.permutation(3)
    bits = np.transpose(seg.bits, (0, *(1 + order)))
    turn = np.zeros((4, 4))
    turn[3, 3] = 1
    for axis, old in enumerate(order.tolist()):
        flip = bool(rng.integers(2))
        turn[old, axis] = -1 if flip else 1
        turn[old, 3] = seg.shape[old] - 1 if flip else 0
        if flip:
            bits = np.flip(bits, 1 + axis)
    return Segmentation(np.ascontiguousarray(bits), seg.affine @ turn, seg.classes)


def cut(seg: Segmentation, start: float, stop: float) -> Segmentation:
    """A part of a scan along its third axis, as shares of it."""
    i, j, k = seg.shape
    return seg.part((slice(0, i), slice(0, j), slice(round(start * k), round(stop * k))))


def inside(grid: Grid, ball: Ball, motion: NDArray[np.float64], radius_mm: float) -> bool:
    """Whether all of a ball lies in the field of view of the moved patient."""
    at = np.asarray(ball.centre) @ motion[:3, :3].T + motion[:3, 3]
    index = np.linalg.inv(grid.affine)[:3, :3] @ at + np.linalg.inv(grid.affine)[:3, 3]
    reach = radius_mm / np.array(grid.spacing_mm)
    return bool((index - reach >= -0.5).all() and (index + reach <= np.array(grid.shape) - 0.5).all())
