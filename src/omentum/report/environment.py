"""Environment variables that matplotlib reads on import, corrected where they would break it.

Figures are rendered in memory, so no interactive backend is needed. A backend that is not installed (inherited from a
notebook, for example) would raise an error, and a read-only home folder would print warnings.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from omentum.home import writable_home

BACKEND, FOLDER = "MPLBACKEND", "MPLCONFIGDIR"
_MODULE = "module://"


def ready_matplotlib() -> None:
    """Correct the environment where matplotlib would fail or warn; call before importing it."""
    if "matplotlib" in sys.modules:
        return
    backend = os.environ.get(BACKEND, "")
    if backend.startswith(_MODULE) and not _is_there(backend.removeprefix(_MODULE)):
        os.environ[BACKEND] = "agg"
    if FOLDER not in os.environ and not all(_can_be_written(folder) for folder in _its_folders()):
        os.environ[FOLDER] = str(writable_home() / "matplotlib")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _its_folders() -> list[Path]:
    """Configuration and cache folders of matplotlib on Linux; elsewhere they are in the home folder, too."""
    try:
        home = Path.home()
    except RuntimeError:
        return []
    named = (("XDG_CONFIG_HOME", ".config"), ("XDG_CACHE_HOME", ".cache"))
    return [Path(os.environ.get(variable) or home / usual) / "matplotlib" for variable, usual in named]


def _can_be_written(folder: Path) -> bool:
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    return os.access(there, os.W_OK | os.X_OK)
