"""How much memory a part of a program needs at most: Linux forgets the peak when asked to."""

from __future__ import annotations

import os
from pathlib import Path


def forget_peak() -> float:
    """Start measuring; GB that are held now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e9


def peak_gb() -> float:
    """Most GB held since `forget_peak`."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (kilobytes,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(kilobytes) * 1024 / 1e9
