"""Patches varied in space and in appearance, in torch; what is drawn and what is applied are kept apart.

Appearance is varied in HU far beyond what scanners do (each annotated structure's grey value is shifted on its own),
so that a network trained on few bodies learns shape and context instead of one scanner's greys
(domain randomisation: Billot et al., SynthSeg, Medical Image Analysis 2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from omentum.anatomy import STRUCTURES
from omentum.data.cases import LabelledCase

AIR_HU = -1024.0

GAMMA_HU = (-200.0, 300.0)
"""Gamma bends the greys of soft tissue between these ends and leaves the rest as it is."""


@dataclass(frozen=True)
class Augmentation:
    """How far patches are varied; probabilities per patch.

    Args:
        rotation_deg: Largest rotation about each axis.
        scale: Smallest and largest zoom.
        elastic_voxels: Standard deviation of the coarse displacement field, in voxels of the model grid.
        flip: Probability of a left-right flip (paired structures change names).
        slab: Probability that only a slab of the patch was scanned, and its thickness in voxels.
        structure_hu: Probability of own grey shifts per structure, and their standard deviation in HU.
        contrast: Probability of a change of gain and offset.
        gamma, bias, noise, blur, coarse: Probabilities of these effects.
    """

    rotation_deg: float = 12.0
    scale: tuple[float, float] = (0.8, 1.25)
    elastic_voxels: float = 2.5
    flip: float = 0.5
    slab: float = 0.25
    slab_voxels: tuple[int, int] = (8, 48)
    structure_hu: tuple[float, float] = (0.4, 35.0)
    contrast: float = 0.5
    gamma: float = 0.3
    bias: float = 0.2
    noise: float = 0.6
    blur: float = 0.25
    coarse: float = 0.2


def patch_at(
    case: LabelledCase, centre: Sequence[float], size: Sequence[int], rng: np.random.Generator, how: Augmentation
) -> tuple[Tensor, Tensor]:
    """A spatially varied patch around a voxel.

    Returns:
        HU float32 [x, y, z] (air outside the scan) and bits int32 [x, y, z].
    """
    index = _source_index(centre, size, rng, how)
    hu, bits = _sample(case, index)
    if rng.random() < how.slab:
        _cut_slab(hu, bits, rng, how.slab_voxels)
    return hu, bits


def vary_appearance(
    hu: Tensor, bits: Tensor, present: Sequence[int], rng: np.random.Generator, how: Augmentation
) -> Tensor:
    """HU float32 [x, y, z] -> HU as another scanner, phase or patient might show them."""
    scanned = hu > AIR_HU + 1
    hu = _shift_structures(hu.clone(), bits, present, rng, how)
    if rng.random() < how.bias:
        hu += _smooth_field(hu.shape, rng, cells=3) * rng.uniform(5, 30)
    if rng.random() < how.blur:
        hu = _blur(hu, rng.uniform(0.3, 1.0))
    if rng.random() < how.coarse:
        hu = _coarsen(hu, rng)
    if rng.random() < how.noise:
        hu = hu + _noise(hu.shape, rng)
    if rng.random() < how.contrast:
        hu = (hu - 40) * rng.uniform(0.75, 1.3) + 40 + rng.normal(0, 15)
    if rng.random() < how.gamma:
        hu = _bend(hu, float(rng.uniform(0.7, 1.4)))
    return torch.where(scanned, hu, torch.full_like(hu, AIR_HU))


def _bend(hu: Tensor, gamma: float) -> Tensor:
    low, high = GAMMA_HU
    part = ((hu - low) / (high - low)).clamp(0, 1)
    return hu + (part**gamma - part) * (high - low)


def flip_left_right(x: Tensor, bits: Tensor, classes: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Mirror a RAS+ patch; what was the right kidney is now the left."""
    return x.flip(0), swap_sides(bits.flip(0), classes)


def swap_sides(bits: Tensor, classes: Sequence[str]) -> Tensor:
    """Exchange the bits of paired structures; a pair with only one member among the classes keeps its bit."""
    out = bits.clone()
    for k, key in enumerate(classes):
        pair = STRUCTURES[key].pair
        if pair in classes:
            other = classes.index(pair)
            out &= ~_bit(other)
            out |= ((bits >> k) & 1) << other
    return out


def unpack(bits: Tensor, number: int) -> Tensor:
    """int32 [...] -> bool [number, ...]."""
    return torch.stack([(bits & _bit(k)) != 0 for k in range(number)])


def _bit(k: int) -> int:
    """Bit k of a signed 32-bit integer."""
    return (1 << k) - (1 << 32) if k == 31 else 1 << k


def _source_index(centre: Sequence[float], size: Sequence[int], rng: np.random.Generator, how: Augmentation) -> Tensor:
    """Voxel index in the case, float32 [x, y, z, 3], for every voxel of the patch."""
    axes = [torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in size]
    offsets = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    matrix = torch.from_numpy(_random_matrix(rng, how)).float()
    index = offsets @ matrix.T + torch.tensor([float(c) for c in centre])
    if how.elastic_voxels > 0 and rng.random() < 0.5:
        fields = [_smooth_field(tuple(size), rng, cells=5) for _ in range(3)]
        index += torch.stack(fields, dim=-1) * rng.uniform(0, how.elastic_voxels)
    return index


def _random_matrix(rng: np.random.Generator, how: Augmentation) -> np.ndarray:
    a, b, c = np.deg2rad(rng.uniform(-how.rotation_deg, how.rotation_deg, 3))
    about_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    about_y = [[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]]
    about_z = [[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]]
    zoom = np.exp(rng.uniform(*np.log(how.scale))) * np.exp(rng.normal(0, 0.05, 3))
    return np.array(about_x) @ np.array(about_y) @ np.array(about_z) @ np.diag(1 / zoom)


def _sample(case: LabelledCase, index: Tensor) -> tuple[Tensor, Tensor]:
    shape = torch.tensor(case.hu.shape, dtype=torch.float32)
    # Only the part of the case that the patch can touch is converted to float.
    low = index.amin(dim=(0, 1, 2)).floor().clamp_min(0).long()
    high = torch.minimum(index.amax(dim=(0, 1, 2)).ceil().long() + 1, shape.long())
    if bool((high <= low).any()):
        return torch.full(index.shape[:3], AIR_HU), torch.zeros(index.shape[:3], dtype=torch.int32)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    part = torch.from_numpy(case.hu[box].astype(np.float32)) - AIR_HU
    labels = torch.from_numpy(case.bits[box].copy())
    local, size = index - low, torch.tensor(part.shape, dtype=torch.float32)
    unit = (2 * local + 1) / size - 1
    hu = F.grid_sample(part[None, None], unit.flip(-1)[None], padding_mode="zeros", align_corners=False)[0, 0] + AIR_HU
    nearest = local.round().long()
    inside = ((nearest >= 0) & (nearest < size.long())).all(-1)
    i, j, k = (nearest[..., a].clamp(0, int(size[a]) - 1) for a in range(3))
    return hu, torch.where(inside, labels[i, j, k], torch.zeros((), dtype=torch.int32))


def _cut_slab(hu: Tensor, bits: Tensor, rng: np.random.Generator, thickness: tuple[int, int]) -> None:
    """Keep only a slab of axial slices around the patch's middle, in place, as if no more had been scanned."""
    depth = hu.shape[2]
    keep = int(rng.integers(thickness[0], min(thickness[1], depth) + 1))
    start = int(np.clip(depth // 2 - rng.integers(0, keep + 1), 0, depth - keep))
    for z in (slice(0, start), slice(start + keep, depth)):
        hu[:, :, z] = AIR_HU
        bits[:, :, z] = 0


def _shift_structures(
    hu: Tensor, bits: Tensor, present: Sequence[int], rng: np.random.Generator, how: Augmentation
) -> Tensor:
    probability, sd_hu = how.structure_hu
    if rng.random() >= probability:
        return hu
    shift = torch.zeros_like(hu)
    for k in present:
        shift += ((bits & _bit(k)) != 0) * float(rng.normal(0, sd_hu))
    return hu + _blur(shift, 0.5)


def _smooth_field(shape: Sequence[int], rng: np.random.Generator, cells: int) -> Tensor:
    """A smooth random field of about unit standard deviation."""
    coarse = torch.from_numpy(rng.standard_normal((1, 1, cells, cells, cells)).astype(np.float32))
    return F.interpolate(coarse, size=tuple(shape), mode="trilinear", align_corners=True)[0, 0] * 1.5


def _blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of [x, y, z] along each axis; sigma in voxels, up to about 1."""
    taps = torch.exp(-0.5 * (torch.arange(-2, 3, dtype=torch.float32) / sigma) ** 2)
    taps = taps / taps.sum()
    out = x[None, None]
    for axis in range(3):
        kernel = taps.view([5 if a == axis else 1 for a in range(3)])[None, None]
        # padding order is last axis first
        padding = [2 if a == axis else 0 for a in (2, 2, 1, 1, 0, 0)]
        out = F.conv3d(F.pad(out, padding, mode="replicate"), kernel)
    return out[0, 0]


def _coarsen(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Thick slices (mostly) or a coarse matrix, interpolated back."""
    factors = [1.0, 1.0, rng.uniform(1.3, 2.7)] if rng.random() < 0.7 else [rng.uniform(1.2, 2.0)] * 3
    size = [max(2, round(n / f)) for n, f in zip(x.shape, factors, strict=True)]
    low = F.interpolate(x[None, None], size=size, mode="trilinear", align_corners=False)
    return F.interpolate(low, size=x.shape, mode="trilinear", align_corners=False)[0, 0]


def _noise(shape: Sequence[int], rng: np.random.Generator) -> Tensor:
    """Noise of up to 45 HU, half of the time correlated like a soft kernel's."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    noise = torch.randn(tuple(shape), generator=generator)
    if rng.random() < 0.5:
        noise = _blur(noise, 0.7)
        noise = noise / noise.std()
    return noise * float(rng.uniform(2, 45))
