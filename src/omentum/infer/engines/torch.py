"""Torch on whatever device it knows: CUDA, MPS, or the CPU as the fallback that always works."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from omentum.infer.engines.network import Network
from omentum.infer.profiles import Precision

_CHANNELS_LAST = frozenset({"cuda"})
"""Devices whose convolutions are faster with the channels of a voxel side by side."""


class TorchEngine:
    """See `Engine`.

    Args:
        network: Its front is moved to the device.
        device: Any that torch has.
        precision: bf16 by autocast; float32 elsewhere than on CUDA means float32, on CUDA convolutions may use TF32
            only if the user allowed torch to.
    """

    name = "torch"

    def __init__(self, network: Network, device: torch.device, precision: Precision = "float32") -> None:
        self.device, self.precision, self._network = device, precision, network
        layout = torch.channels_last_3d if device.type in _CHANNELS_LAST else torch.preserve_format
        self._front = network.front.to(device=device, memory_format=layout).eval()

    def __call__(self, windows: Tensor) -> Tensor:
        """See `Engine`."""
        windows = windows.to(self.device, non_blocking=True)
        batches = (windows,) if self._network.batched else windows.split(1)
        with torch.inference_mode(), self._autocast():
            logits = [self._network.back(*self._front(batch)).float() for batch in batches]
        return logits[0] if len(logits) == 1 else torch.cat(logits)

    def _autocast(self) -> AbstractContextManager[object]:
        if self.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)
