"""Sliding-window inference that yields finished slabs of blended logits.

Windows are visited from the feet upwards (along z, the last axis). Planes that no later window can reach
are yielded and dropped, so memory holds one window's height of logits, K x X x Y x patch_z values, for any scan.
Nothing here knows a CT, a class or a file: a predictor is any callable from windows to logits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from omentum.errors import UsageError
from omentum.infer.blend import Blend, Slab
from omentum.infer.confidence import WindowAgreement
from omentum.infer.engines.network import as_logits, autocast
from omentum.infer.profiles import Precision
from omentum.infer.windows import Triple, WindowPlan

Predictor = Callable[[Tensor], Tensor]
"""Windows (B, C, px, py, pz) float32 -> logits (B, K, px, py, pz), any floating dtype."""
Progress = Callable[[int, int], None]
"""Called with windows done and windows in all."""


@dataclass(frozen=True)
class WindowRun:
    """How windows are run.

    Args:
        device: Where the network is and the logits are blended.
        batch: Windows per forward pass.
        precision: float32, or bf16 for the network alone.
        progress: Called after every forward pass.
        sums: What weighted logits are summed up in: float32, or float16, which halves their memory and rounds the sum
            with each window by a two-thousandth at most.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    batch: int = 1
    precision: Precision = "float32"
    progress: Progress | None = None
    sums: torch.dtype = torch.float32

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise UsageError(f"a batch needs at least one window, got {self.batch}")
        if self.precision not in get_args(Precision):
            raise UsageError(f"unknown precision {self.precision!r}", remedy="use float32 or bf16")


def sliding_slabs(
    image: Tensor,
    predict: Predictor,
    plan: WindowPlan,
    run: WindowRun | None = None,
    agreement: WindowAgreement | None = None,
) -> Iterator[Slab]:
    """Blended logits of a volume, slab by slab upwards along z; together the slabs cover it exactly once.

    A slab is valid until the next one is requested. Planes below the first window that is run do not occur.

    The logits equal those of MONAI's `sliding_window_inference(..., mode="gaussian")` with the same windows.

    Args:
        image: float32, shape (X, Y, Z) = plan.shape, or (C, X, Y, Z) for C channels; may stay on the CPU while the
            network is elsewhere.
        predict: The network.
        plan: From `plan_windows`.
        run: Device, batch size, precision, progress.
        agreement: Receives every window and the logits it overlaps.
    """
    run = run or WindowRun()
    image = image if image.ndim == 4 else image[None]
    padding = [side for axis in (2, 1, 0) for side in (plan.before[axis], plan.after[axis])]
    padded = F.pad(image, padding) if any(padding) else image
    if run.device.type == "cuda":
        padded = padded.to(run.device)  # once, so that no window waits for its copy
    blend = Blend(plan, run.device, agreement, run.sums)
    done = 0
    for level, z in enumerate(plan.starts[2]):
        for starts, logits in _level(padded, predict, plan, run, z):
            blend.add(starts, logits)
            done += len(starts)
            if run.progress is not None:
                run.progress(done, len(plan))
            del logits  # before the next window's are made
        end = plan.starts[2][level + 1] if level + 1 < len(plan.starts[2]) else plan.padded_shape[2]
        for slab in blend.release(z, end - z):
            yield from _unpad(plan, slab)


def _level(
    padded: Tensor, predict: Predictor, plan: WindowPlan, run: WindowRun, z: int
) -> Iterator[tuple[list[Triple], Tensor]]:
    """Logits of all windows that start at one z, a batch at a time."""
    px, py, pz = plan.patch
    columns = list(plan.columns(z))
    for first in range(0, len(columns), run.batch):
        now = columns[first : first + run.batch]
        windows = torch.stack([padded[:, x : x + px, y : y + py, z : z + pz] for x, y in now])
        # Not a decorator on the generator: inference mode must not leak to the caller while it holds a slab.
        with torch.inference_mode(), autocast(run.device, run.precision):
            logits = as_logits(predict(windows.to(run.device)))
        yield [(x, y, z) for x, y in now], logits
        del logits


def _unpad(plan: WindowPlan, slab: Slab) -> Iterator[Slab]:
    """Cut the padding away; nothing is left of a slab that was padding altogether."""
    (bx, by, bz), (nx, ny, nz) = plan.before, plan.shape
    z = slab.start
    low, high = max(z, bz), min(z + slab.sums.shape[-1], bz + nz)
    if low < high:
        where = (slice(bx, bx + nx), slice(by, by + ny), slice(low - z, high - z))
        yield Slab(low - bz, slab.sums[:, *where], slab.weights[where])
