"""Real data and reference results that are too large or not ours to keep in the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("OMENTUM_SHARED") or Path(__file__).parents[3] / "shared")


def shared(*parts: str) -> Path:
    """A file or folder below the shared folder; the calling test is skipped where it is absent."""
    path = ROOT.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no {path} (set OMENTUM_SHARED to the folder with the shared data)")
    return path
