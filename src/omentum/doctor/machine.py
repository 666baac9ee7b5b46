"""What this machine offers: versions, optional packages, engines, devices, memory, disk, caches, weights."""

from __future__ import annotations

import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from omentum.doctor.kept_files import KINDS, Kept, kept
from omentum.errors import OmentumError
from omentum.home import home
from omentum.json_values import from_json_values
from omentum.model.catalogue import list_weights
from omentum.pipeline.room import free_bytes
from omentum.schemas import Schema, read_stamped, stamped

NOT_FOR_USERS = ("dev", "mutation")
"""Extras of developers."""
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)[^;]*(?:;.*extra == ['\"](?P<extra>[a-z]+)['\"])?")
INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")
"""Of a processor, those that decide how fast a network runs; see benchmarks/facts.py."""


@dataclass(frozen=True)
class Extra:
    """Optional packages that are installed together.

    Args:
        name: As in `omentum[name]`.
        packages: Package -> installed version; None if missing.
    """

    name: str
    packages: dict[str, str | None]

    @property
    def missing(self) -> tuple[str, ...]:
        """Packages that are not installed."""
        return tuple(name for name, found in self.packages.items() if found is None)

    @property
    def remedy(self) -> str | None:
        """Command that installs what is missing."""
        return f"pip install 'omentum[{self.name}]'" if self.missing else None


@dataclass(frozen=True)
class EngineState:
    """An engine that runs networks.

    Args:
        name: openvino or torch.
        version: None if it is not installed.
        bf16: Whether it computes in bf16 here; None if unknown.
    """

    name: str
    version: str | None
    bf16: bool | None


@dataclass(frozen=True)
class MachineReport:
    """Everything about the machine that decides whether and how fast Omentum works.

    Args:
        versions: omentum, python and the packages it always needs.
        platform: Operating system and architecture.
        extras: Optional packages.
        engines: What runs networks.
        devices: Processors that `--device` can name, the one of `auto` first.
        cores: Processor cores this process may use.
        threads: Threads of the network.
        instructions: Of `INSTRUCTIONS`, those the processor has; None if unknown.
        memory_bytes, memory_available_bytes: Of the machine; None if unknown.
        home: Folder of the caches.
        kept: Caches.
        free_bytes: Free disk space of the working folder, of the folder of the caches and of that for temporary files.
        weights: Named weights that are on this machine.
        weights_to_pull: Named weights that `omentum weights pull` fetches.
    """

    versions: dict[str, str]
    platform: str
    extras: tuple[Extra, ...]
    engines: tuple[EngineState, ...]
    devices: dict[str, str]
    cores: int
    threads: int
    instructions: tuple[str, ...] | None
    memory_bytes: int | None
    memory_available_bytes: int | None
    home: str
    kept: tuple[Kept, ...]
    free_bytes: dict[str, int]
    weights: tuple[str, ...]
    weights_to_pull: tuple[str, ...]

    @property
    def has_avx512(self) -> bool:
        """Whether the processor has the instructions with which the reference timings were measured."""
        return self.instructions is None or "avx512f" in self.instructions

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON values; `from_json` reverses it."""
        extras = [asdict(extra) | {"missing": extra.missing, "remedy": extra.remedy} for extra in self.extras]
        return stamped(Schema.DOCTOR_MACHINE, asdict(self) | {"extras": extras})

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> MachineReport:
        """Inverse of `to_json`."""
        return from_json_values(cls, read_stamped(content, Schema.DOCTOR_MACHINE))


def examine_machine() -> MachineReport:
    """Collect the report; loads torch, and OpenVINO where it is installed."""
    import torch

    core, extras = _packages()
    memory = _memory()
    named = list_weights()
    places = {"working folder": Path.cwd(), "caches": home(), "temporary files": Path(tempfile.gettempdir())}
    return MachineReport(
        versions={"omentum": version("omentum"), "python": platform.python_version(), **core},
        platform=f"{platform.system()} {platform.release()}, {platform.machine()}",
        extras=extras,
        engines=tuple(_engines()),
        devices=_devices(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        instructions=_instructions(),
        memory_bytes=memory.get("MemTotal"),
        memory_available_bytes=memory.get("MemAvailable"),
        home=str(home()),
        kept=tuple(kept(kind) for kind in KINDS),
        free_bytes={what: free_bytes(place) for what, place in places.items()},
        weights=tuple(entry.name for entry in named if entry.here),
        weights_to_pull=tuple(entry.name for entry in named if not entry.here and not entry.resource),
    )


def _packages() -> tuple[dict[str, str], tuple[Extra, ...]]:
    """Required packages with their versions, and the extras, as the installed package declares them."""
    core: dict[str, str] = {}
    extras: dict[str, dict[str, str | None]] = {}
    for line in requires("omentum") or ():
        match = _REQUIREMENT.match(line)
        if match is None or match["extra"] in NOT_FOR_USERS:
            continue
        found = _version(match["name"])
        if match["extra"]:
            extras.setdefault(match["extra"], {})[match["name"]] = found
        else:
            core[match["name"]] = found or "missing"
    return core, tuple(Extra(name, packages) for name, packages in extras.items())


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _engines() -> Iterator[EngineState]:
    import torch

    from omentum.infer.engines.openvino import computes_bf16

    try:
        yield EngineState("openvino", _version("openvino"), computes_bf16() if find_spec("openvino") else None)
    except (OmentumError, RuntimeError, ImportError):  # installed, but not for this machine
        yield EngineState("openvino", None, None)
    supported = torch.cuda.is_bf16_supported() if torch.cuda.is_available() else None
    yield EngineState("torch", torch.__version__, supported)


def _devices() -> dict[str, str]:
    import torch

    from omentum.infer.device import describe_device

    names = [f"cuda:{n}" for n in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    found = {name: describe_device(torch.device(name)) for name in names}
    return (
        found
        | {"cpu": describe_device(torch.device("cpu"))}
        | ({"mps": "Apple GPU"} if torch.backends.mps.is_available() else {})
    )


def _instructions() -> tuple[str, ...] | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # no Linux
        return None
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith("flags")), None)
    return None if flags is None else tuple(name for name in INSTRUCTIONS if name in flags)


def _memory() -> dict[str, int]:
    """Memory in bytes by the names of /proc/meminfo; empty where there is none."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        if sys.platform == "win32" or "SC_PHYS_PAGES" not in os.sysconf_names:
            return {}
        return {"MemTotal": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")}
    pairs = (line.split(":") for line in lines)
    return {name: int(value.split()[0]) * 1024 for name, value in pairs}
