"""The torch engine: CUDA, MPS, or the CPU as the fallback that always works."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

import torch
from torch import Tensor

from omentum.infer.engines.forks import note_computing, refuse_after_fork
from omentum.infer.engines.network import Network, as_logits, autocast
from omentum.infer.profiles import Precision

_CHANNELS_LAST = frozenset({"cuda"})
"""Devices whose convolutions are faster with the channels of a voxel side by side."""
_TF32_SWITCH = threading.Lock()


class TorchEngine:
    """See `Engine`.

    Args:
        network: Its front is moved to the device.
        device: Any that torch has.
        precision: bf16 by autocast. On CUDA, torch computes float32 convolutions in TF32 by default; here TF32 is
            switched off.
    """

    name = "torch"

    def __init__(self, network: Network, device: torch.device, precision: Precision = "float32") -> None:
        refuse_after_fork()
        note_computing()
        self.device, self.precision, self._network = device, precision, network
        self._front = network.front.to(device).eval()
        if device.type in _CHANNELS_LAST:
            self._front.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # missing in its stub

    def __call__(self, windows: Tensor) -> Tensor:
        """Compute logits of windows; see `Engine`."""
        refuse_after_fork()
        with torch.inference_mode(), self._autocast():
            return as_logits(self._network.back(*self._front(windows.to(self.device, non_blocking=True))))

    def with_back(self, back: Callable[..., Tensor]) -> TorchEngine:
        """The same front with another back; see `Engine`."""
        other = copy.copy(self)
        other._network = replace(self._network, back=back)
        return other

    def _autocast(self) -> AbstractContextManager[object]:
        if self.precision == "float32":
            return _without_tf32(self.device)
        return autocast(self.device, self.precision)


@contextmanager
def _without_tf32(device: torch.device) -> Iterator[None]:
    """float32 as float32; the switch is the whole process's, so that threads take turns with it."""
    if device.type != "cuda":
        yield
        return
    with _TF32_SWITCH, torch.backends.cudnn.flags(allow_tf32=False):
        yield
