"""Which engine runs a network here."""

from __future__ import annotations

from importlib.util import find_spec

import torch

from omentum.errors import UsageError, warn_of_case
from omentum.infer.engines.network import Engine, Network
from omentum.infer.engines.openvino import OpenVinoEngine
from omentum.infer.engines.torch import TorchEngine
from omentum.infer.profiles import Precision

ENGINES = ("auto", "openvino", "torch")


def check_engine(name: str, device: torch.device) -> None:
    """Refuse what `choose_engine` would refuse, before anything is loaded.

    Raises:
        UsageError: an unknown engine, or one that does not run on this device.
    """
    if name not in ENGINES:
        raise UsageError(f"unknown engine {name!r}", remedy=f"use one of {', '.join(ENGINES)}")
    if name == "openvino" and device.type != "cpu":
        raise UsageError(f"OpenVINO runs on the CPU here, not on {device.type}", remedy="add --device cpu")


def choose_engine(
    network: Network, device: torch.device, precision: Precision = "float32", name: str = "auto"
) -> Engine:
    """An engine for a network on a device.

    Args:
        network: What to run.
        device: Where.
        precision: Of its front; each engine says in `precision` what it became.
        name: auto takes OpenVINO on a CPU where it is installed and can compile the network (known by its
            fingerprint), else torch.

    Raises:
        UsageError: an unknown engine, or one that does not run on this device.
        MissingDependencyError: OpenVINO was asked for and is not installed.
    """
    check_engine(name, device)
    if name == "openvino":
        return OpenVinoEngine(network, precision)
    if name == "auto" and device.type == "cpu" and network.fingerprint and find_spec("openvino") is not None:
        try:
            return OpenVinoEngine(network, precision)
        except (RuntimeError, ValueError, TypeError, NotImplementedError) as fault:
            reason = str(fault).strip().partition("\n")[0]
            warn_of_case(f"OpenVINO cannot run this network, torch does: {reason}", stacklevel=2)
    return TorchEngine(network, device, precision)
