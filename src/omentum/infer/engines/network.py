"""The network that an engine runs, in two parts: the costly one, and the one that depends on the classes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from omentum.infer.profiles import Precision


@dataclass(frozen=True, eq=False)
class Network:
    """From windows to logits.

    Args:
        front: Windows (B, channels, *patch) float32 -> a tuple of tensors. Engines may compile it, for one patch.
        back: From these tensors, in float32 or the front's precision, to logits (B, K, *patch). Runs in torch. What
            changes from call to call (which classes are wanted) belongs here, so that it needs no new compilation.
        patch: Voxels of a window.
        fingerprint: Hash of everything the front computes with; names what is compiled and kept on disk. Empty: it is
            not known whether the front can be compiled at all.
        channels: Channels of a window.
    """

    front: nn.Module
    back: Callable[..., Tensor]
    patch: tuple[int, int, int]
    fingerprint: str = ""
    channels: int = 1


class Engine(Protocol):
    """Runs a network.

    Attributes:
        name: For the manifest.
        device: Where logits come out.
        precision: What the front is really computed in.
    """

    name: str
    device: torch.device
    precision: Precision

    def __call__(self, windows: Tensor) -> Tensor:
        """Windows (B, channels, *patch) float32 -> logits (B, K, *patch), without gradients; see `as_logits`."""
        ...

    def with_back(self, back: Callable[..., Tensor]) -> Engine:
        """An engine with another back and the same front, which is not compiled again."""
        ...


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """The context in which a network computes in a precision: bf16 by torch's autocast, float32 as it is."""
    return nullcontext() if precision == "float32" else torch.autocast(device.type, dtype=torch.bfloat16)


def as_logits(output: Tensor) -> Tensor:
    """Convert the output of a network to float32, unless it is float16; bf16 has too few digits to be summed."""
    return output if output.dtype == torch.float16 else output.float()
