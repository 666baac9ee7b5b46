"""How long a segmentation will take and how much memory it needs, estimated from recorded benchmarks.

The model is a sum of parts that grow with the number of windows (the networks) or of voxels (all else); its numbers are
in costs.toml. It runs nothing, so it knows neither the load of this machine nor how much is found in the CT.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

WINDOW_VOXELS = 96**3
"""Size of the windows that were measured."""
MIB, GB, MILLION = 2**20, 1e9, 1e6


@dataclass(frozen=True)
class NetworkPass:
    """What one network has to do; a second pass is another one.

    Args:
        backbone: Of the network.
        windows: Windows of the network.
        window_voxels: Voxels of a window.
    """

    backbone: str
    windows: int
    window_voxels: int

    @property
    def size(self) -> float:
        """A window relative to those that were measured."""
        return self.window_voxels / WINDOW_VOXELS


@dataclass(frozen=True)
class Workload:
    """What decides the costs of one segmentation.

    Args:
        voxels: Voxels of the CT.
        passes: The networks, one after the other.
        weights_bytes: Size of the file with the weights of all passes.
        engine: openvino or torch.
        precision: float32 or bf16, as the engine computes here.
    """

    voxels: int
    passes: tuple[NetworkPass, ...]
    weights_bytes: int
    engine: str
    precision: str


@dataclass(frozen=True)
class Estimate:
    """Estimated costs of one segmentation.

    Args:
        seconds: By the clock, for one CT alone; None where nothing was measured (devices other than the CPU).
        network_seconds: Of these, of all passes, with the way back to the CT's grid.
        memory_bytes: Peak of the whole command; without that of a GPU.
    """

    seconds: float | None
    network_seconds: float | None
    memory_bytes: int


def estimate(work: Workload, *, on_cpu: bool = True, cores: int = 2, avx512: bool = True) -> Estimate:
    """Estimate time and memory; see the module."""
    costs = _costs()
    reference, memory, backbones = costs["reference"], costs["memory"], costs["backbone"]
    known = [one for one in work.passes if one.backbone in backbones]
    forward_mib = max((backbones[one.backbone]["forward_mib"] * one.size for one in known), default=0.0)
    peak = memory["base_gb"] * GB + memory["bytes_per_voxel"] * work.voxels
    if on_cpu:
        half = 0.5 if work.precision == "bf16" else 1.0
        measured_with_it = _of_base_mib()
        peak += memory["of_forward"] * half * max(forward_mib - measured_with_it, 0.0) * MIB
    peak += memory["of_weights"] * work.weights_bytes
    if not on_cpu or len(known) < len(work.passes):
        return Estimate(None, None, math.ceil(peak))
    slower = 1.0 if avx512 else reference["without_avx512"]
    share = reference["cores"] / min(max(cores, 1), reference["most_cores"])
    windows = sum(one.windows * one.size * _window_seconds(one.backbone, work) for one in work.passes)
    network = (windows + costs["back"]["seconds_per_million_voxels"] * work.voxels / MILLION) * slower * share
    rest = costs["start"]["seconds"] + sum(costs["seconds_per_million_voxels"].values()) * work.voxels / MILLION
    # Reading, measuring and writing use little more than one core.
    return Estimate(network + rest * slower * (1.0 if cores > 1 else 1.3), network, math.ceil(peak))


def _window_seconds(backbone: str, work: Workload) -> float:
    row = _costs()["backbone"][backbone]
    if "relative_to" in row:
        return float(row["times"]) * _window_seconds(row["relative_to"], work)
    return float(row[f"{work.engine}_{work.precision if work.engine == 'openvino' else 'float32'}"])


def _of_base_mib() -> float:
    """The network whose memory `base_gb` includes."""
    return float(_costs()["backbone"]["residual_unet"]["forward_mib"])


@cache
def _costs() -> dict[str, Any]:
    return tomllib.loads((resources.files("omentum.doctor") / "costs.toml").read_text(encoding="utf-8"))
