"""Which patch comes next: a pure function of the seed and the step, so that a run can be repeated and resumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from omentum.data import augment
from omentum.data.augment import Augmentation
from omentum.data.cases import LabelledCase


@dataclass(frozen=True)
class Source:
    """A collection of cases and how often it is drawn from."""

    name: str
    cases: tuple[LabelledCase, ...]
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Batch:
    """Patches with what is known about them.

    Args:
        images: float32 [B, 1, X, Y, Z], HU window mapped to 0..1.
        bits: int32 [B, X, Y, Z]; bit k = class k.
        annotated: bool [B, K].
        names: The cases, for messages.
    """

    images: Tensor
    bits: Tensor
    annotated: Tensor
    names: tuple[str, ...]


@dataclass(frozen=True)
class PatchSampler:
    """Draws batches: source by weight, then a case, then a structure the case has, then a voxel of it.

    Choosing the structure uniformly shows a coeliac trunk as often as a liver. What is not annotated is never chosen.

    Args:
        sources: Where cases come from.
        classes: The model's class keys, bit order of the cases.
        patch: Patch size in voxels.
        window_hu: HU mapped to 0 and 1.
        augmentation: How far patches are varied.
        foreground: Probability of centring on a structure instead of anywhere in the body.
        seed: Root of all randomness.
    """

    sources: tuple[Source, ...]
    classes: tuple[str, ...]
    patch: tuple[int, int, int]
    window_hu: tuple[float, float]
    augmentation: Augmentation
    foreground: float = 0.75
    seed: int = 0

    def batch(self, step: int, size: int) -> Batch:
        """The patches of one training step."""
        drawn = [self._patch(np.random.default_rng((self.seed, step, i))) for i in range(size)]
        images, bits, annotated, names = zip(*drawn, strict=True)
        return Batch(torch.stack(images)[:, None], torch.stack(bits), torch.stack(annotated), tuple(names))

    def _patch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, str]:
        case = self._case(rng)
        hu, bits = augment.patch_at(case, self._centre(case, rng), self.patch, rng, self.augmentation)
        hu = augment.vary_appearance(hu, bits, sorted(case.points), rng, self.augmentation)
        low, high = self.window_hu
        image = ((hu - low) / (high - low)).clamp(0, 1)
        annotated = torch.from_numpy(case.annotated)
        if rng.random() < self.augmentation.flip:
            image, bits = augment.flip_left_right(image, bits, self.classes)
            annotated = flip_annotated(annotated, self.classes)
        return image, bits, annotated, case.name

    def _case(self, rng: np.random.Generator) -> LabelledCase:
        weights = np.array([s.weight for s in self.sources])
        source = self.sources[rng.choice(len(self.sources), p=weights / weights.sum())]
        return source.cases[rng.integers(len(source.cases))]

    def _centre(self, case: LabelledCase, rng: np.random.Generator) -> list[float]:
        points = case.body
        if case.points and rng.random() < self.foreground:
            points = case.points[int(rng.choice(sorted(case.points)))]
        jitter = rng.uniform(-0.35, 0.35, 3) * np.array(self.patch)
        return list(points[rng.integers(len(points))] + jitter)


def flip_annotated(annotated: Tensor, classes: Sequence[str]) -> Tensor:
    """Which classes are annotated after a left-right flip (bool [K])."""
    packed = sum(1 << k for k, known in enumerate(annotated.tolist()) if known)
    packed -= (1 << 32) if packed >= 1 << 31 else 0
    swapped = augment.swap_sides(torch.tensor(packed, dtype=torch.int32), classes)
    return augment.unpack(swapped, len(classes))
