"""Ways in which a segmentation goes wrong, done to exact truth on purpose."""

from __future__ import annotations

from collections.abc import Callable

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from omentum.anatomy import STRUCTURES
from omentum.boxes import grown
from omentum.segmentation import Segmentation

Mask = NDArray[np.bool_]
Injury = Callable[[Mask, "Scene", np.random.Generator], Mask]


class Scene:
    """What an injury may look at.

    Args:
        truth: All exact masks.
        key: The structure that is injured.
    """

    def __init__(self, truth: Segmentation, key: str) -> None:
        self.truth, self.key = truth, key
        self.spacing_mm = np.array(truth.grid.spacing_mm)

    def neighbour(self, rng: np.random.Generator) -> Mask | None:
        """The mask of a structure that touches this one and is not its host or guest."""
        box = grown(self.truth.boxes()[self.key], (3, 3, 3), self.truth.shape)
        mask = self.truth.mask(self.key, box)
        around = ndimage.binary_dilation(mask, iterations=2) & ~mask
        near = [
            key
            for key in self.truth.classes
            if key != self.key
            and STRUCTURES[key].kind in ("organ", "vessel")
            and self.key not in STRUCTURES[key].hosts
            and (self.truth.mask(key, box) & around).any()
        ]
        return self.truth.mask(str(rng.choice(near))) if near else None


def eroded(mask: Mask, scene: Scene, rng: np.random.Generator) -> Mask:
    return ndimage.binary_erosion(mask, iterations=int(rng.integers(1, 4)))


def dilated(mask: Mask, scene: Scene, rng: np.random.Generator) -> Mask:
    return ndimage.binary_dilation(mask, iterations=int(rng.integers(1, 4)))


def shifted(mask: Mask, scene: Scene, rng: np.random.Generator) -> Mask:
    direction = rng.normal(size=3)
    steps = np.rint(rng.uniform(5, 60) * direction / np.linalg.norm(direction) / scene.spacing_mm).astype(int)
    return moved(mask, steps)


def wrong_side(mask: Mask, scene: Scene, rng: np.random.Generator) -> Mask:
    """Mirrored at the middle of the image, left to right."""
    axis = next(a for a, (world, _) in enumerate(scene.truth.grid.axis_directions()) if world == 0)
    return np.flip(mask, axis=axis).copy()


def merged(mask: Mask, scene: Scene, rng: np.random.Generator) -> Mask:
    other = scene.neighbour(rng)
    return mask if other is None else mask | other


def holed(mask: Mask, scene: Scene, rng: np.random.Generator) -> Mask:
    return mask & ~balls(mask, rng, int(rng.integers(2, 12)), (4.0, 16.0), scene)


def fragmented(mask: Mask, scene: Scene, rng: np.random.Generator) -> Mask:
    """Only blobs of it are left, and some crumbs beside it appear."""
    noise = ndimage.gaussian_filter(rng.standard_normal(mask.shape), 6.0 / scene.spacing_mm)
    kept = mask & (noise > np.quantile(noise[mask], rng.uniform(0.1, 0.8)))
    around = ndimage.binary_dilation(mask, iterations=6) & ~mask
    return kept | (balls(around, rng, int(rng.integers(0, 5)), (3.0, 8.0), scene) & around)


def missing_part(mask: Mask, scene: Scene, rng: np.random.Generator) -> Mask:
    """Cut off by a plane."""
    at = np.argwhere(mask) * scene.spacing_mm
    direction = rng.normal(size=3)
    height = at @ direction
    out = mask.copy()
    out[mask] = height > np.quantile(height, rng.uniform(0.1, 0.8))
    return out


def leaking(mask: Mask, scene: Scene, rng: np.random.Generator) -> Mask:
    """A blob that grows out of its surface."""
    surface = mask & ~ndimage.binary_erosion(mask)
    size_mm = (np.count_nonzero(mask) * float(np.prod(scene.spacing_mm))) ** (1 / 3)
    return mask | balls(surface, rng, int(rng.integers(1, 4)), (0.2 * size_mm, 1.0 * size_mm), scene)


def jittered(mask: Mask, scene: Scene, rng: np.random.Generator) -> Mask:
    """The edge moved in and out a little, as two people differ: usually still good."""
    noise = ndimage.gaussian_filter(rng.standard_normal(mask.shape), 5.0 / scene.spacing_mm)
    noise /= noise.std() + 1e-9
    ins, outs = ndimage.binary_erosion(mask), ndimage.binary_dilation(mask)
    return (mask & (ins | (noise > -0.8))) | (outs & ~mask & (noise > 1.0))


def nothing_but_noise(mask: Mask, scene: Scene, rng: np.random.Generator) -> Mask:
    """A blob of about the right size somewhere else in the body."""
    return moved(balls(mask, rng, 1, (15.0, 40.0), scene), rng.integers(-30, 30, 3))


INJURIES: dict[str, Injury] = {
    f.__name__: f
    for f in (
        *(eroded, dilated, shifted, wrong_side, merged, holed, fragmented, missing_part, leaking, jittered),
        nothing_but_noise,
    )
}


FAR = {"shifted", "wrong_side", "merged", "nothing_but_noise"}
"""Injuries that reach beyond the surroundings of a structure."""
SURROUNDINGS = (25, 25, 25)
"""Voxels; more than any other injury reaches at 3 mm."""


def moved(mask: Mask, steps: NDArray[np.int_]) -> Mask:
    """Shifted by whole voxels, what leaves the image is lost."""
    out = np.zeros_like(mask)
    to = tuple(slice(max(s, 0), max(0, n + min(s, 0))) for s, n in zip(steps, mask.shape, strict=True))
    of = tuple(slice(max(-s, 0), max(0, n + min(-s, 0))) for s, n in zip(steps, mask.shape, strict=True))
    out[to] = mask[of]
    return out


def balls(where: Mask, rng: np.random.Generator, count: int, radius_mm: tuple[float, float], scene: Scene) -> Mask:
    """Balls around random voxels of a mask."""
    out = np.zeros_like(where)
    at = np.argwhere(where)
    for _ in range(count if len(at) else 0):
        centre, radius = at[rng.integers(len(at))], rng.uniform(*radius_mm)
        reach = np.ceil(radius / scene.spacing_mm).astype(int)
        low, high = np.maximum(centre - reach, 0), np.minimum(centre + reach + 1, where.shape)
        grid = np.stack(np.meshgrid(*(np.arange(a, b) for a, b in zip(low, high, strict=True)), indexing="ij"), -1)
        inside = (((grid - centre) * scene.spacing_mm) ** 2).sum(-1) <= radius**2
        out[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] |= inside
    return out


def largest_piece_of(mask: Mask) -> Mask:
    """The largest connected piece, as cleaning would leave it."""
    return cc3d.largest_k(np.ascontiguousarray(mask), k=1, connectivity=26) > 0


def injured(truth: Segmentation, rng: np.random.Generator, share: float) -> tuple[Segmentation, dict[str, str]]:
    """Do harm to a share of the structures, each in its own way.

    Returns:
        The segmentation, and structure key -> injury ("none" for those left alone) of all that were there.
    """
    masks, boxes, done = {key: truth.mask(key) for key in truth.classes}, truth.boxes(), {}
    for key in sorted(truth.present()):
        if rng.random() >= share:
            done[key] = "none"
            continue
        done[key] = str(rng.choice(sorted(INJURIES)))
        near = grown(boxes[key], SURROUNDINGS, truth.shape)
        where = (slice(None),) * 3 if done[key] in FAR else near
        masks[key][where] = INJURIES[done[key]](masks[key][where], Scene(truth, key), rng)
        # Cleaning usually leaves one piece; scores must tell good from bad before and after it.
        if masks[key].any() and rng.random() < 0.3:
            masks[key] = largest_piece_of(masks[key])
    return Segmentation.from_masks(masks, truth.affine, truth.annotated), done
