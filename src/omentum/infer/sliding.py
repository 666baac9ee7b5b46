"""Run a network over a volume window by window and hand out finished slabs of blended logits.

Windows are visited from the feet upwards (along z, the last axis). What no later window can touch any more is divided
by the summed importance and released, so memory holds one window's height of logits, however long the scan:
K x X x Y x patch_z values.
Nothing here knows a CT, a class or a file: a predictor is any callable from windows to logits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from omentum.errors import UsageError
from omentum.infer.confidence import Agreement
from omentum.infer.windows import WindowPlan, importance

Predictor = Callable[[Tensor], Tensor]
"""Windows (B, 1, px, py, pz) float32 -> logits (B, K, px, py, pz), any floating dtype."""
Progress = Callable[[int, int], None]
"""Called with windows done and windows in all."""
Precision = Literal["float32", "bf16"]

ABSENT_LOGIT = -20.0
"""Where no window looked: surely not, and finite, so that it can be interpolated."""


@dataclass(frozen=True)
class Slab:
    """Finished logits of the planes start, start + 1, ... along z.

    Args:
        start: First plane in voxels of the volume.
        logits: float32, shape (K, X, Y, planes), on the device of the computation.
    """

    start: int
    logits: Tensor


@dataclass(frozen=True)
class WindowRun:
    """How windows are run.

    Args:
        device: Where the network is and the logits are blended.
        batch: Windows per forward pass.
        precision: float32, or bf16 for the network alone (blending stays float32).
        progress: Told after every forward pass.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    batch: int = 1
    precision: Precision = "float32"
    progress: Progress | None = None

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise UsageError(f"a batch needs at least one window, got {self.batch}")
        if self.precision not in get_args(Precision):
            raise UsageError(f"unknown precision {self.precision!r}", remedy="use float32 or bf16")

    def autocast(self) -> AbstractContextManager[object]:
        """The context in which the network runs."""
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)


def sliding_slabs(
    image: Tensor,
    predict: Predictor,
    plan: WindowPlan,
    run: WindowRun | None = None,
    agreement: Agreement | None = None,
) -> Iterator[Slab]:
    """Blended logits of a volume, slab by slab upwards; together the slabs cover it exactly once.

    They begin at z = 0, or with the lowest window that is run (see `WindowPlan.kept`). The logits equal those of
    MONAI's `sliding_window_inference(..., mode="gaussian")` with the same windows.

    Args:
        image: float32, shape (X, Y, Z) = plan.shape; may stay on the CPU while the network is elsewhere.
        predict: The network.
        plan: From `plan_windows`.
        run: Device, batch size, precision, progress.
        agreement: Shown every window and what it overlaps.
    """
    run = run or WindowRun()
    padding = [side for axis in (2, 1, 0) for side in (plan.before[axis], plan.after[axis])]
    padded = F.pad(image, padding)
    weight = importance(plan.patch).to(run.device)
    blend = _Blend(plan, weight, agreement)
    done = 0
    for level, z in enumerate(plan.starts[2]):
        for columns, logits in _level(padded, predict, plan, run, level):
            blend.add(columns, logits)
            done += len(columns)
            if run.progress is not None:
                run.progress(done, len(plan))
        end = plan.starts[2][level + 1] if level + 1 < len(plan.starts[2]) else plan.padded_shape[2]
        if blend.begun:
            yield from _unpad(plan, z, blend.release(end - z))


def _level(
    padded: Tensor, predict: Predictor, plan: WindowPlan, run: WindowRun, level: int
) -> Iterator[tuple[list[tuple[int, int]], Tensor]]:
    """Logits of all windows that start at one z, a batch at a time."""
    px, py, pz = plan.patch
    z, columns = plan.starts[2][level], list(plan.columns(level))
    for first in range(0, len(columns), run.batch):
        now = columns[first : first + run.batch]
        windows = torch.stack([padded[x : x + px, y : y + py, z : z + pz] for x, y in now])[:, None]
        # Not a decorator on the generator: inference mode must not leak to the caller while it holds a slab.
        with torch.inference_mode(), run.autocast():
            logits = predict(windows.to(run.device)).float()
        yield now, logits


class _Blend:
    """Importance-weighted sums over one window's height, sliding upwards."""

    def __init__(self, plan: WindowPlan, weight: Tensor, agreement: Agreement | None) -> None:
        self._patch, self._weight, self._agreement = plan.patch, weight, agreement
        self._area = (*plan.padded_shape[:2], plan.patch[2])
        self._total = weight.new_zeros(self._area)
        self._sums: Tensor | None = None

    @property
    def begun(self) -> bool:
        """Whether any window was added yet."""
        return self._sums is not None

    def add(self, columns: list[tuple[int, int]], logits: Tensor) -> None:
        """Add the logits (B, K, *patch) of windows at the given (x, y), all at the current height."""
        if self._sums is None:
            self._sums = self._weight.new_zeros((logits.shape[1], *self._area))
        px, py, _ = self._patch
        for (x, y), window in zip(columns, logits, strict=True):
            sums, total = self._sums[:, x : x + px, y : y + py], self._total[x : x + px, y : y + py]
            if self._agreement is not None:
                self._agreement.compare(window, sums, total > 0)
            sums.addcmul_(window, self._weight)
            total += self._weight

    def release(self, planes: int) -> Tensor:
        """The lowest planes, averaged, as a tensor of their own; the rest moves down by as much."""
        assert self._sums is not None
        total = self._total[..., :planes]
        finished = (self._sums[..., :planes] / total).masked_fill_(total == 0, ABSENT_LOGIT)
        for sums in (self._sums, self._total):
            _move_down(sums, planes)
        return finished


def _move_down(sums: Tensor, planes: int) -> None:
    """Shift the last axis down in place and clear what became free, in steps whose two ranges never overlap."""
    kept = sums.shape[-1] - planes
    for low in range(0, kept, planes):
        high = min(low + planes, kept)
        sums[..., low:high] = sums[..., low + planes : high + planes]
    sums[..., kept:] = 0


def _unpad(plan: WindowPlan, z: int, finished: Tensor) -> Iterator[Slab]:
    """Cut the padding away; nothing is left of a slab that was padding altogether."""
    (bx, by, bz), (nx, ny, nz) = plan.before, plan.shape
    low, high = max(z, bz), min(z + finished.shape[-1], bz + nz)
    if low < high:
        yield Slab(low - bz, finished[:, bx : bx + nx, by : by + ny, low - z : high - z])
