"""Crops that the second pass learns from, as a pure function of seed, step and number, so that a run can be resumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from omentum.boxes import Triple, cut
from omentum.preprocess.organ_crop import organ_tensor
from omentum.spec import PreprocessSpec
from omentum.train.second_pass.cases import FIRST_CLASS, INSIDE, NEAR, OrganBox
from omentum.train.second_pass.implants import NO_IMPLANTS, Implant, Implants

JITTER = 10
"""The voxel that a crop is drawn for lies up to so many voxels from its middle, along each axis."""
FLIP = 0.5
"""Probability of a flip along each axis; what is looked for inside an organ has no side."""
NOISE_HU = 6.0
"""Largest SD of the noise that is added."""
SHIFT_HU = 3.0
"""SD of the shift that is added: the first pass finds an organ a little otherwise in another scan."""
GAIN = (0.8, 1.25)
"""Range of a factor of the contrast."""
PART_LOST, PART_ADDED = 0.15, 0.1
"""Probabilities that a part of the organ's mask is taken away, and that something is added to it: in another scan the
first pass misses what it found in this one."""
ADDED_VOXELS = (2.0, 6.0)
"""Range of the radius of what is added."""


@dataclass(frozen=True, eq=False)
class Crop:
    """One training sample.

    Args:
        case: For messages.
        channels: The annotated classes, by number.
        image: Input of the network, float32 [2, x, y, z].
        truth: Bool [len(channels), x, y, z].
        near: Where there is a loss: near the organ and inside its box; bool [x, y, z].
    """

    case: str
    channels: tuple[int, ...]
    image: Tensor
    truth: Tensor
    near: Tensor


@dataclass(frozen=True, eq=False)
class Candidate:
    """A box that crops are drawn from.

    Args:
        case: Its case.
        box: The box.
        weight: How often it is drawn, relative to others of its region.
    """

    case: str
    box: OrganBox
    weight: float


@dataclass(frozen=True, eq=False)
class CropSampler:
    """Draws crops.

    Args:
        candidates: Boxes of all cases.
        weights: Of the regions, by number.
        foreground_probability: Probability that a crop is drawn around a piece of a class.
        size: Of a crop, in voxels.
        specs: Grid and window of the second pass in each region.
        seed: Of all crops.
        implants: What synthetic lesions are put into crops.
    """

    candidates: Sequence[Candidate]
    weights: Sequence[float]
    foreground_probability: float
    size: Triple
    specs: Sequence[PreprocessSpec]
    seed: int
    implants: Implants = NO_IMPLANTS

    def draw(self, step: int, number: int) -> Crop:
        """The crop with this number in a step."""
        rng = np.random.default_rng((self.seed, step, number))
        region = self._regions[int(rng.choice(len(self._regions), p=self._shares))]
        lesion = self.implants.draw(region, rng)
        wants_piece = rng.random() < self.foreground_probability and lesion is None
        pool = self._with_pieces[region] if wants_piece and self._with_pieces[region] else self._pools[region]
        chosen = pool[int(rng.choice(len(pool), p=_shares_of([one.weight for one in pool])))]
        points = chosen.box.organ
        if wants_piece and chosen.box.pieces:
            pieces = chosen.box.pieces[rng.integers(len(chosen.box.pieces))]
            points = pieces[rng.integers(len(pieces))]
        middle = points[rng.integers(len(points))] + rng.integers(-JITTER, JITTER + 1, 3)
        return crop_around(chosen.case, chosen.box, middle, self.size, self.specs[region], rng, lesion)

    @cached_property
    def _pools(self) -> list[list[Candidate]]:
        return [[one for one in self.candidates if one.box.region == number] for number in range(len(self.weights))]

    @cached_property
    def _with_pieces(self) -> list[list[Candidate]]:
        return [[one for one in pool if one.box.pieces] for pool in self._pools]

    @cached_property
    def _regions(self) -> list[int]:
        """Regions that have a box at all."""
        return [number for number, pool in enumerate(self._pools) if pool]

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        return _shares_of([self.weights[number] for number in self._regions])


def crop_around(
    case: str,
    box: OrganBox,
    middle: NDArray[Any],
    size: Triple,
    spec: PreprocessSpec,
    rng: np.random.Generator,
    implant: Implant | None = None,
) -> Crop:
    """A crop around a voxel, moved into the box and augmented.

    Where the box is smaller than the crop, both channels are padded with 0 on both sides, as windows are in inference.

    Args:
        case: Name of the case.
        box: The box.
        middle: Voxel of the box, or near it.
        size: Of the crop.
        spec: Grid and window of the second pass in the box's region.
        rng: Source of flips, noise, shift, gain, and of errors in the organ's mask.
        implant: A synthetic lesion to put into it.
    """
    start = [
        int(np.clip(at - n // 2, 0, length - n)) if length > n else -((n - length) // 2)
        for at, n, length in zip(middle, size, box.bits.shape, strict=True)
    ]
    flipped = tuple(axis for axis in range(3) if rng.random() < FLIP)
    bits = cut(box.bits, start, size, 0)
    relative = cut(box.relative, start, size, 0).astype(np.float32)
    if implant is not None:
        relative, bits = implant.put_into(relative, bits, box.channels, spec, rng)
    bits, relative = np.flip(bits, flipped), np.flip(relative, flipped)
    noise = rng.normal(0, rng.uniform(0, NOISE_HU), relative.shape).astype(np.float32)
    relative = (relative + noise + np.float32(rng.normal(0, SHIFT_HU))) * np.float32(rng.uniform(*GAIN))
    masks = [torch.from_numpy((bits >> k & 1).astype(np.bool_)) for k in range(FIRST_CLASS + len(box.channels))]
    hint = torch.from_numpy(_misjudged(masks[INSIDE].numpy(), masks[NEAR].numpy(), rng))
    image = organ_tensor(torch.from_numpy(relative), hint, spec)
    return Crop(case, box.channels, image, torch.stack(masks[FIRST_CLASS:]), masks[NEAR])


def _misjudged(inside: NDArray[np.bool_], near: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """The organ's mask as the first pass might have found it: now and then cut off at a plane, or with a ball more."""
    lost, added = rng.random() < PART_LOST, rng.random() < PART_ADDED
    if lost and inside.any():
        inside = inside & ((_offsets(inside, rng) @ rng.standard_normal(3)) > 0)
    if added and near.any():
        inside = inside | (near & (np.linalg.norm(_offsets(near, rng), axis=-1) < rng.uniform(*ADDED_VOXELS)))
    return inside


def _offsets(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float32]:
    """From one voxel of a mask, drawn at random, to all of its array, [x, y, z, 3]."""
    places = np.flatnonzero(mask)
    middle = np.unravel_index(places[rng.integers(len(places))], mask.shape)
    axes = (np.arange(n, dtype=np.float32) - at for n, at in zip(mask.shape, middle, strict=True))
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)


def _shares_of(weights: Sequence[float]) -> NDArray[np.float64]:
    """Probabilities in the ratio of weights."""
    return np.array(weights, np.float64) / sum(weights)
