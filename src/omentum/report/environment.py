"""What matplotlib takes from the environment when it is imported, where it would not work here.

Figures are drawn into memory: no backend is needed. But the name of one that is not installed (a notebook's, in the
environment of a command it starts) is an error, and a home that cannot be written makes noise.
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
    """Change the environment where matplotlib would fail or complain, and only there; before it is imported."""
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
    """Of settings and of its cache, as matplotlib finds them on Linux; elsewhere they lie in the home, too."""
    try:
        home = Path.home()
    except RuntimeError:
        return []
    named = (("XDG_CONFIG_HOME", ".config"), ("XDG_CACHE_HOME", ".cache"))
    return [Path(os.environ.get(variable) or home / usual) / "matplotlib" for variable, usual in named]


def _can_be_written(folder: Path) -> bool:
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    return os.access(there, os.W_OK | os.X_OK)
