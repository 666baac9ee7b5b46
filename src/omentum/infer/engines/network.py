"""What an engine runs: a network in two parts, the costly one and the one that depends on what is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from omentum.infer.profiles import Precision


@dataclass(frozen=True, eq=False)
class Network:
    """From windows to logits.

    Args:
        front: Windows (B, 1, *patch) float32 -> a tuple of tensors. Engines may compile it, for one patch.
        back: From these tensors, in float32 or the front's precision, to logits (B, K, *patch). Runs in torch. What
            changes from call to call (which classes are wanted) belongs here, so that it needs no new compilation.
        patch: Voxels of a window.
        fingerprint: Hash of everything the front computes with; names what is compiled and kept on disk. Empty: it is
            not known whether the front can be compiled at all.
    """

    front: nn.Module
    back: Callable[..., Tensor]
    patch: tuple[int, int, int]
    fingerprint: str = ""


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
        """Windows (B, 1, *patch) float32 -> logits (B, K, *patch), without gradients; see `as_logits`."""
        ...


def as_logits(drawn: Tensor) -> Tensor:
    """In float32, or in float16 if a network draws in it; bf16 has too few digits to be added up in."""
    return drawn if drawn.dtype == torch.float16 else drawn.float()
