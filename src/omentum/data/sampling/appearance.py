"""Intensity augmentation that imitates other scanners, phases and patients.

Each effect has its own random stream, so changing the probability of one effect leaves the others unchanged. An effect
is applied to the rows of a batch that sampled it; the result does not depend on the other rows.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from omentum.data.sampling.augmentation import Augmentation
from omentum.data.sampling.warp import FIELD_SD, weights

GAMMA_HU = (-200.0, 300.0)
"""Gamma bends the greys of soft tissue between these ends and leaves the rest as it is."""
MIDDLE_HU = 40.0
"""Gain turns about soft tissue."""
BIAS_NODES = 3
"""Nodes of a bias field along each axis."""
EDGE_SIGMA = 0.5
"""Shifted structures keep edges as soft as a scanner's, in voxels."""
NOISE_SIGMA = 0.7
"""Correlation of a soft kernel's noise, in voxels."""
TAPS = 2
"""Reach of the blur in voxels, enough for a sigma of up to about 1."""

Rng = np.random.Generator


@dataclass(frozen=True)
class Effect:
    """One intensity augmentation.

    Args:
        name: Also the name of its random stream.
        draw: Samples the parameters for one patch, or None to skip the effect.
        apply: Applies the sampled parameters to float32 [n, x, y, z]; may modify its input.
    """

    name: str
    draw: Callable[[Rng, Augmentation], Any]
    apply: Callable[[Tensor, Sequence[Any]], Tensor]


def stream(seed: int, name: str) -> Rng:
    """Random stream of one effect for one patch."""
    return np.random.default_rng((seed, zlib.crc32(name.encode())))


def vary(hu: Tensor, seeds: Sequence[int], how: Augmentation) -> Tensor:
    """Apply every effect to the samples that draw it.

    Args:
        hu: float32 [B, x, y, z] in HU on any device; may be modified in place.
        seeds: Seed of each sample.
        how: Probabilities and magnitudes.
    """
    for effect in EFFECTS:
        drawn = [effect.draw(stream(seed, effect.name), how) for seed in seeds]
        hu = _on_rows(hu, drawn, effect.apply)
    return hu


def shift_structures(
    hu: Tensor, labels: Tensor, sets: Sequence[NDArray[np.bool_]], seeds: Sequence[int], how: Augmentation
) -> Tensor:
    """Shift the intensity of each structure by its own random offset.

    Args:
        hu: float32 [B, x, y, z] in HU; may be modified in place.
        labels: int16 of the same shape, row indices into `sets`.
        sets: For each sample, bool [S, K], the class sets that occur.
        seeds: Seed of each sample.
        how: Probabilities and magnitudes.
    """
    probability, sd_hu = how.structure_hu
    for row, seed in enumerate(seeds):
        rng = stream(seed, "structures")
        if rng.random() < probability:
            own = sets[row] @ rng.normal(0, sd_hu, sets[row].shape[1])
            table = torch.from_numpy(own.astype(np.float32)).to(hu.device)
            shift = table.index_select(0, labels[row].reshape(-1).int()).view(1, *labels[row].shape)
            hu[row] += blurred(shift, [EDGE_SIGMA])[0]
    return hu


def blurred(x: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Gaussian blur of [n, x, y, z] with one sigma per row, in voxels; borders are replicated."""
    for row, sigma in enumerate(sigmas):
        x[row] = along_axes(x[row], [blur_of(n, sigma) for n in x.shape[1:]])
    return x


def along_axes(x: Tensor, matrices: Sequence[Tensor | None]) -> Tensor:
    """Multiply [x, y, z] by a matrix along each axis; None leaves an axis unchanged.

    On a CPU this is faster than convolution. On a GPU with TF32 enabled, values deviate by up to 0.5 HU, which only
    affects augmentation.
    """
    first, second, third = (None if m is None else m.to(x.device) for m in matrices)
    if first is not None:
        x = (first @ x.reshape(len(x), -1)).view_as(x)
    if second is not None:
        x = second @ x
    return x if third is None else x @ third.T


def blur_of(size: int, sigma: float) -> Tensor:
    """Blur along an axis of `size` voxels, as a matrix [size, size]."""
    wide = F.pad(torch.eye(size)[:, None], (TAPS, TAPS), mode="replicate")  # a row is the response to one voxel
    return F.conv1d(wide, taps_of(sigma)[None, None])[:, 0].T.contiguous()


def taps_of(sigma: float) -> Tensor:
    """Gaussian kernel [2 * TAPS + 1], normalised to sum 1."""
    taps = torch.exp(-0.5 * (torch.arange(-TAPS, TAPS + 1, dtype=torch.float32) / sigma) ** 2)
    return taps / taps.sum()


def _on_rows(hu: Tensor, drawn: Sequence[Any], apply: Callable[[Tensor, Sequence[Any]], Tensor]) -> Tensor:
    rows = [row for row, what in enumerate(drawn) if what is not None]
    if not rows:
        return hu
    if len(rows) == len(hu):
        return apply(hu, drawn)
    where = torch.tensor(rows, device=hu.device)
    return hu.index_copy_(0, where, apply(hu.index_select(0, where), [drawn[row] for row in rows]))


def _each(values: Sequence[float], like: Tensor) -> Tensor:
    """One value per row, shaped to broadcast over its voxels."""
    return torch.tensor(values, dtype=torch.float32).to(like.device).view(-1, 1, 1, 1)


def _draw_bias(rng: Rng, how: Augmentation) -> NDArray[np.float32] | None:
    if rng.random() >= how.bias:
        return None
    nodes = rng.standard_normal((BIAS_NODES,) * 3) * (FIELD_SD * rng.uniform(5, 30))
    return nodes.astype(np.float32)


def _add_bias(hu: Tensor, drawn: Sequence[NDArray[np.float32]]) -> Tensor:
    along = [weights(n, BIAS_NODES, hu.device) for n in hu.shape[1:]]
    for row, nodes in enumerate(drawn):
        plane = torch.einsum("xi,yj,ijk->xyk", along[0], along[1], torch.from_numpy(nodes).to(hu.device))
        hu[row] += plane @ along[2].T
    return hu


def _draw_blur(rng: Rng, how: Augmentation) -> float | None:
    return float(rng.uniform(0.3, 1.0)) if rng.random() < how.blur else None


def _draw_coarse(rng: Rng, how: Augmentation) -> tuple[float, float, float] | None:
    """Sample the coarsening factor of each axis: thick slices (mostly) or a coarse in-plane matrix."""
    if rng.random() >= how.coarse:
        return None
    if rng.random() < 0.7:
        return 1.0, 1.0, float(rng.uniform(1.3, 2.7))
    return (float(rng.uniform(1.2, 2.0)),) * 3


def _coarsen(hu: Tensor, drawn: Sequence[tuple[float, float, float]]) -> Tensor:
    for row, factors in enumerate(drawn):
        matrices = [coarser(n, f) if f > 1 else None for n, f in zip(hu.shape[1:], factors, strict=True)]
        hu[row] = along_axes(hu[row], matrices)
    return hu


def coarser(size: int, factor: float) -> Tensor:
    """Average an axis of `size` voxels over fewer, wider voxels and interpolate back, as a matrix [size, size].

    A thick slice is the mean over its thickness (a box-shaped slice profile), not a subsampled thin slice.
    """
    fewer = max(2, round(size / factor))
    wide = size / fewer
    first = torch.arange(fewer, dtype=torch.float64)[:, None] * wide
    voxel = torch.arange(size, dtype=torch.float64)
    shared = torch.minimum(first + wide, voxel + 1) - torch.maximum(first, voxel)
    averaged = (shared.clamp_min(0) / wide).float()
    # `averaged` maps the voxels to wider ones; interpolating its rows gives the whole matrix.
    return F.interpolate(averaged.T[:, None], size=size, mode="linear", align_corners=False)[:, 0].T.contiguous()


def _draw_noise(rng: Rng, how: Augmentation) -> tuple[int, float, bool] | None:
    """Sample the seed, standard deviation in HU, and whether the noise is spatially correlated."""
    if rng.random() >= how.noise:
        return None
    return int(rng.integers(2**62)), float(rng.uniform(2, 45)), bool(rng.random() < 0.5)


def _add_noise(hu: Tensor, drawn: Sequence[tuple[int, float, bool]]) -> Tensor:
    gain = (
        float(taps_of(NOISE_SIGMA).square().sum()) ** 1.5
    )  # standard deviation that remains after blurring along three axes
    for row, (seed, sd_hu, correlated) in enumerate(drawn):
        generator = torch.Generator(hu.device).manual_seed(seed)
        noise = torch.randn(hu.shape[1:], generator=generator, device=hu.device)
        if correlated:
            noise = blurred(noise[None], [NOISE_SIGMA])[0]
        hu[row].add_(noise, alpha=sd_hu / gain if correlated else sd_hu)
    return hu


def _draw_contrast(rng: Rng, how: Augmentation) -> tuple[float, float] | None:
    """Sample the gain around soft-tissue intensity, and the offset in HU."""
    return (float(rng.uniform(0.75, 1.3)), float(rng.normal(0, 15))) if rng.random() < how.contrast else None


def _change_contrast(hu: Tensor, drawn: Sequence[tuple[float, float]]) -> Tensor:
    gain = _each([g for g, _ in drawn], hu)
    return hu.sub_(MIDDLE_HU).mul_(gain).add_(_each([MIDDLE_HU + offset for _, offset in drawn], hu))


def _draw_gamma(rng: Rng, how: Augmentation) -> float | None:
    return float(rng.uniform(0.7, 1.4)) if rng.random() < how.gamma else None


def _bend(hu: Tensor, drawn: Sequence[float]) -> Tensor:
    low, high = GAMMA_HU
    part = hu.sub(low).div_(high - low).clamp_(0, 1)
    return hu.add_(part.pow(_each(drawn, hu)).sub_(part), alpha=high - low)


EFFECTS = (
    Effect("bias", _draw_bias, _add_bias),
    Effect("blur", _draw_blur, blurred),
    Effect("coarse", _draw_coarse, _coarsen),
    Effect("noise", _draw_noise, _add_noise),
    Effect("contrast", _draw_contrast, _change_contrast),
    Effect("gamma", _draw_gamma, _bend),
)
"""In the order in which they are applied: the patient's, the scanner's, the reader's."""
