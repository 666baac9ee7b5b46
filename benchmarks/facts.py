"""What a result is a result of: date, commit, command and machine."""

from __future__ import annotations

import datetime
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")
"""Of a processor, those that decide how fast a network runs."""


def facts() -> dict[str, Any]:
    """When, from which commit, with which command and on which machine."""
    date, time = datetime.datetime.now().isoformat(" ", "minutes").split()
    return {"date": date, "time": time, "commit": commit(), "command": command(sys.argv), "machine": machine()}


def commit() -> str:
    """Of the code in use, "-dirty" with changes; "" without git."""
    if shutil.which("git") is None:
        return ""
    found = subprocess.run(
        ("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude", "*"), capture_output=True, text=True
    )
    return found.stdout.strip()


def command(argv: Sequence[str]) -> str:
    """As somebody else would type it at the root: paths outside the repository lose what only this machine has."""
    return " ".join(["python", *(portable(word) for word in argv)])


def portable(word: str) -> str:
    """A word of a command; of a path outside the repository a file's last two names, or a folder's last, are kept.

    The path may follow a name: NAME=PATH.
    """
    name, equals, after = word.rpartition("=")
    if equals and Path(after).is_absolute():
        return f"{name}={portable(after)}"
    path = Path(word)
    if not path.exists() and not path.is_absolute():
        return f'"{word}"' if " " in word else word
    whole = path.resolve()
    if whole.is_relative_to(ROOT):
        return str(whole.relative_to(ROOT))
    return "/".join(("...", *whole.parts[-2 if whole.is_file() else -1 :]))


def machine() -> dict[str, Any]:
    """Processor, cores, memory, versions, threads, and the load of the last minute."""
    name, flags = platform.processor() or platform.machine(), set[str]()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = dict(line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line)
        found = {key.strip(): text.strip() for key, text in lines.items()}
        name, flags = found.get("model name", name), set(found.get("flags", "").split())
    told = {
        "processor": name,
        "instructions": [instruction for instruction in INSTRUCTIONS if instruction in flags],
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        told |= {"torch": torch.__version__, "threads": torch.get_num_threads()}
        if torch.cuda.is_available():
            told["gpu"] = torch.cuda.get_device_name()
    return told
