"""OpenVINO on the CPU: the front of a network compiled once for its patch, and kept on disk."""

from __future__ import annotations

import copy
import functools
import hashlib
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from omentum.errors import MissingDependencyError, silence_library_warnings
from omentum.home import COMPILED, writable_home
from omentum.infer.engines.forks import note_computing, refuse_after_fork
from omentum.infer.engines.kept import drop_kept, keep, read_kept
from omentum.infer.engines.network import Network, as_logits
from omentum.infer.engines.plain_norms import with_plain_norms
from omentum.infer.engines.split_concat import split_concat
from omentum.infer.profiles import Precision

CONVERSION = 5
"""Part of the name of what is kept on disk: raised whenever `converted` makes another graph of the same network."""
_COMPILING = threading.Lock()
"""Torch cannot export in two threads at once, and the second one may use what the first one kept."""
_HINTS: dict[Precision, str] = {"float32": "f32", "bf16": "bf16"}
_CAPABILITIES: dict[Precision, str] = {"float32": "FP32", "bf16": "BF16"}


class OpenVinoEngine:
    """See `Engine`. Threads that share it take turns: it computes one window at a time, with all threads it may use.

    Args:
        network: The network; its front must be exportable by `torch.export`.
        precision: bf16 falls back to float32 where the processor does not compute in it.
        cache: Folder for compiled networks; below OMENTUM_HOME by default.

    Raises:
        MissingDependencyError: the extra `[cpu]` is not installed.
    """

    name = "openvino"
    device = torch.device("cpu")

    def __init__(self, network: Network, precision: Precision = "float32", cache: Path | None = None) -> None:
        refuse_after_fork()
        note_computing()
        openvino, core = import_openvino(), _core()
        self.precision: Precision = precision if _computes(core, precision) else "float32"
        self._network = network
        settings = {
            "INFERENCE_PRECISION_HINT": _HINTS[self.precision],
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
        }
        made_by = f"{CONVERSION} {openvino.__version__}"
        key = f"{made_by} {core.get_property('CPU', 'FULL_DEVICE_NAME')} {network.patch} {self.precision}"
        file = (cache or writable_home() / COMPILED) / f"{_short_hash(network.fingerprint)}-{_short_hash(key)}.blob"
        with _COMPILING:
            compiled = _compiled(core, network, settings, file if network.fingerprint else None)
        self._request = compiled.create_infer_request()
        # One request has one memory for its answers; see `_one`.
        self._turn = threading.Lock()

    def __call__(self, windows: Tensor) -> Tensor:
        """Compute logits of windows; see `Engine`."""
        refuse_after_fork()
        with torch.inference_mode():
            logits = [self._one(window) for window in windows.split(1)]
        return logits[0] if len(logits) == 1 else torch.cat(logits)

    def with_back(self, back: Callable[..., Tensor]) -> OpenVinoEngine:
        """The same front with another back; see `Engine`."""
        other = copy.copy(self)
        other._network = replace(self._network, back=back)
        return other

    def _one(self, window: Tensor) -> Tensor:
        with self._turn:  # until nothing looks at the memory that the request writes its next answer to
            self._request.infer([np.ascontiguousarray(window.numpy())], share_inputs=True)
            outputs = self._request.model_outputs
            parts = [torch.from_numpy(self._request.get_tensor(output).data) for output in outputs]
            logits = as_logits(self._network.back(*parts))
            shared = any(logits.untyped_storage().data_ptr() == part.untyped_storage().data_ptr() for part in parts)
            return logits.clone() if shared else logits


def computes_bf16() -> bool:
    """Whether OpenVINO computes in bf16 on this processor.

    Raises:
        MissingDependencyError: see `import_openvino`.
    """
    return _computes(_core(), "bf16")


@functools.cache
def _core() -> Any:
    """The one core of this process, never destroyed.

    A core gives its thread a signal stack and, destroyed, hands back the one of before, which is gone if it was that of
    an older core: the next signal (Ctrl-C, say) would kill the process (OpenVINO 2026.4).
    """
    return import_openvino().Core()


def _computes(core: Any, precision: Precision) -> bool:
    return _CAPABILITIES[precision] in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def import_openvino() -> Any:
    """The package, kept from telling its makers that and how it is used.

    Raises:
        MissingDependencyError: it is not installed.
    """
    # Its Python part reports every import and conversion to a web analytics service unless this module is missing.
    # Software that runs on patients' images must not contact anyone.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # "not installed", says the import system
    try:
        import openvino
    except ImportError as fault:
        raise MissingDependencyError(
            "the OpenVINO engine needs openvino", remedy="pip install 'omentum[cpu]', or --engine torch"
        ) from fault
    return openvino


def converted(network: Network) -> Any:
    """The front as an OpenVINO model of fixed shape, weights in float32."""
    example = torch.zeros(1, network.channels, *network.patch)
    # torch warns about how it copies its trees, which no user could change
    with torch.no_grad(), silence_library_warnings():
        program = torch.export.export(with_plain_norms(network.front.cpu().eval()), (example,))
        openvino = import_openvino()
        model = openvino.convert_model(program)
        split_concat(model, openvino)
        return model


def _compiled(core: Any, network: Network, settings: dict[str, Any], file: Path | None) -> Any:
    kept = None if file is None else read_kept(file)
    if file is not None and kept is not None:
        try:
            return core.import_model(kept, "CPU", settings)
        except RuntimeError:
            drop_kept(file)  # of another build: made again
    compiled = core.compile_model(converted(network), "CPU", settings)
    if file is not None:
        keep(compiled.export_model().getbuffer(), file)
    return compiled


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
