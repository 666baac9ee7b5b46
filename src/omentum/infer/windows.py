"""Where the windows lie and how much each of their voxels counts; pure functions, no network.

The plan equals that of MONAI's `sliding_window_inference` (windows every `(1 - overlap) * patch` voxels, the last one
flush with the border, small volumes padded with 0 on both sides), so that published weights see what they were
evaluated with.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from omentum.errors import UsageError

Triple = tuple[int, int, int]

SIGMA_SCALE = 0.125
"""Standard deviation of the Gaussian importance, as a share of the window's length (MONAI's default)."""
MIN_IMPORTANCE = 1e-3
"""No voxel counts less, so that the far corners of a window cannot divide by zero (MONAI's clamp)."""


@dataclass(frozen=True)
class WindowPlan:
    """All windows over one volume.

    Args:
        shape: Voxels of the volume.
        patch: Voxels of a window.
        before, after: Voxels of padding on each side where the volume is smaller than a window.
        starts: First voxel of the windows along each axis of the padded volume, ascending; every combination
            is a window.
        wanted: First voxels of the windows to run; None for all windows.
    """

    shape: Triple
    patch: Triple
    before: Triple
    after: Triple
    starts: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    wanted: frozenset[Triple] | None = None

    @property
    def padded_shape(self) -> Triple:
        """Voxels of the volume with its padding."""
        x, y, z = (n + b + a for n, b, a in zip(self.shape, self.before, self.after, strict=True))
        return x, y, z

    def __len__(self) -> int:
        if self.wanted is not None:
            return len(self.wanted)
        return len(self.starts[0]) * len(self.starts[1]) * len(self.starts[2])

    def columns(self, z: int) -> Iterator[tuple[int, int]]:
        """Starts along x and y of the windows to be run that start at z."""
        for x, y in itertools.product(self.starts[0], self.starts[1]):
            if self.wanted is None or (x, y, z) in self.wanted:
                yield x, y

    def touching(self, needed: NDArray[np.bool_]) -> WindowPlan:
        """The same plan with only those windows that hold a needed voxel.

        A needed voxel keeps every window over it, so its logits do not change.

        Args:
            needed: bool, shape `shape`.
        """
        padded = np.pad(needed, list(zip(self.before, self.after, strict=True)))
        px, py, pz = self.patch
        wanted = {
            (x, y, z)
            for x, y, z in itertools.product(*self.starts)
            if (self.wanted is None or (x, y, z) in self.wanted) and padded[x : x + px, y : y + py, z : z + pz].any()
        }
        return replace(self, wanted=frozenset(wanted))


def plan_windows(shape: Triple, patch: Triple, overlap: float = 0.5) -> WindowPlan:
    """Windows over a volume.

    Args:
        shape: Voxels of the volume along x, y, z, each >= 1.
        patch: Voxels of a window.
        overlap: Share of a window that its neighbour covers too, 0 <= overlap < 1.

    Raises:
        UsageError: overlap out of range.
    """
    if not 0 <= overlap < 1:
        raise UsageError(f"the overlap of windows must be at least 0 and below 1, got {overlap}")
    missing = [max(p - n, 0) for n, p in zip(shape, patch, strict=True)]
    before = tuple(m // 2 for m in missing)
    after = tuple(m - m // 2 for m in missing)
    starts = tuple(_starts(n + m, p, overlap) for n, m, p in zip(shape, missing, patch, strict=True))
    return WindowPlan(shape, patch, before, after, starts)  # type: ignore[arg-type]  # three axes each


def _starts(length: int, window: int, overlap: float) -> tuple[int, ...]:
    step = max(int(window * (1 - overlap)), 1)
    last = length - window
    return (*range(0, last, step), last)


def importance(patch: Triple) -> Tensor:
    """Weight of a window's voxels, float32, shape `patch`: a Gaussian about the centre, never below a floor."""
    weight = torch.ones(())
    for axis, length in enumerate(patch):
        offset = torch.arange(-(length - 1) / 2.0, (length - 1) / 2.0 + 1, dtype=torch.float32)
        profile = torch.exp(offset**2 / (-2 * (SIGMA_SCALE * length) ** 2))
        weight = weight.unsqueeze(-1) * profile if axis else profile
    return weight.clamp_(min=max(float(weight.min()), MIN_IMPORTANCE))
