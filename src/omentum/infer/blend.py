"""Averages of overlapping windows in bounded memory: a ring of planes, as high as one window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from omentum.infer.confidence import WindowAgreement
from omentum.infer.windows import MIN_IMPORTANCE, WindowPlan, importance

THICKNESS = 16
"""Planes handed out at once: thin slabs fit structures closely and need little memory."""

MOST = 500.0
"""Logits beyond this are as sure as can be; so limited, the sum of a hundred windows is a number in float16."""


@dataclass(frozen=True, eq=False)
class Slab:
    """Finished logits of the planes start, start + 1, ... along z, not yet divided by their weights.

    The tensors are views of a ring: they hold until the next slab is asked for. The sign of a sum is that of its logit,
    so most classes can be passed over without dividing anything.

    Args:
        start: First plane in voxels of the volume.
        sums: Weighted sums of logits, as wide as the blend has them, shape (K, X, Y, planes), on the device of the
            computation.
        weights: Their weights, float32, shape (X, Y, planes); 0 where no window was run, the sums too.
    """

    start: int
    sums: Tensor
    weights: Tensor

    @property
    def logits(self) -> Tensor:
        """float32, shape (K, X, Y, planes), a tensor of its own; 0 where no window was run."""
        return averaged(self.sums, self.weights)

    def highest(self) -> Slab:
        """The uppermost plane, in memory of its own."""
        start = self.start + self.sums.shape[-1] - 1
        return Slab(start, self.sums[..., -1:].clone(), self.weights[..., -1:].clone())


def averaged(sums: Tensor, weights: Tensor) -> Tensor:
    """Sums divided by their weights; 0 where there is no weight."""
    return sums / weights.clamp_min(MIN_IMPORTANCE / 2)  # no window weighs so little: it changes nothing but 0 / 0


class Blend:
    """Importance-weighted sums over one window's height; plane z lies at z modulo that height.

    Args:
        plan: Where windows lie.
        device: Where the sums are kept.
        agreement: Shown every window and what it overlaps.
        dtype: Of the sums, float32 or float16; each addition is made in float32.
    """

    def __init__(
        self,
        plan: WindowPlan,
        device: torch.device,
        agreement: WindowAgreement | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self._patch, self._agreement, self._dtype = plan.patch, agreement, dtype
        self._weight = importance(plan.patch).to(device)
        self._area = (*plan.padded_shape[:2], plan.patch[2])
        self._total = self._weight.new_zeros(self._area)
        self._sums: Tensor | None = None

    def add(self, starts: list[tuple[int, int, int]], logits: Tensor) -> None:
        """Add the logits (B, K, *patch) of windows at the given (x, y, z) of the padded volume."""
        if self._sums is None:
            self._sums = self._weight.new_zeros((logits.shape[1], *self._area), dtype=self._dtype)
        px, py, pz = self._patch
        for (x, y, z), window in zip(starts, logits, strict=True):
            for ring, part in _wrapped(z, pz):
                sums = self._sums[:, x : x + px, y : y + py, ring]
                total = self._total[x : x + px, y : y + py, ring]
                if self._agreement is not None:
                    self._agreement.compare(window[..., part], sums, total > 0)
                _add(sums, window[..., part], self._weight[..., part])
                total += self._weight[..., part]

    def release(self, z: int, planes: int) -> Iterator[Slab]:
        """The planes from z on, which no later window touches; nothing if there has not been a window yet."""
        height, end = self._patch[2], z + planes
        while self._sums is not None and z < end:
            place = z % height
            n = min(THICKNESS, end - z, height - place)
            sums, total = self._sums[..., place : place + n], self._total[..., place : place + n]
            yield Slab(z, sums, total)
            sums.zero_()
            total.zero_()
            z += n


def _add(sums: Tensor, logits: Tensor, weights: Tensor) -> None:
    """Add a window's weighted logits, float32 or float16."""
    if sums.dtype == logits.dtype == torch.float32:
        sums.addcmul_(logits, weights)
        return
    for total, of_class in zip(sums, logits, strict=True):  # what is made wide on the way is one class
        total.copy_(torch.addcmul(total.float(), of_class.float().clamp(-MOST, MOST), weights))


def _wrapped(z: int, height: int) -> list[tuple[slice, slice]]:
    """Where the planes z .. z + height lie in the ring, and which planes of the window these are."""
    place = z % height
    halves = [(slice(place, height), slice(0, height - place)), (slice(0, place), slice(height - place, height))]
    return halves if place else halves[:1]
