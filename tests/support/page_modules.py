"""Modules of the page run by Node.js, for comparison with Python."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"


def run_module(source: str, program: Path, *arguments: Path) -> None:
    """Bundle a module of `web/test` and run it; skips the test where Node.js or the packages of web/ are missing.

    Args:
        source: The module, from `web`.
        program: Where the bundle is written.
        arguments: Of the program.
    """
    rolldown = WEB / "node_modules" / "rolldown" / "bin" / "cli.mjs"
    node = shutil.which("node")
    if node is None or not rolldown.is_file():
        pytest.skip("needs Node.js and the packages of web/ (make web)")
    _run([node, str(rolldown), source, "--format", "esm", "--platform", "node", "-o", str(program)])
    _run([node, str(program), *map(str, arguments)])


def _run(command: list[str]) -> None:
    told = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
