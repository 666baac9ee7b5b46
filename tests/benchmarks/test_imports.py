"""Every benchmark still finds what it imports; a name that moved is noticed before somebody wants to measure."""

import importlib

import pytest

from record import ROOT

FOLDERS = (ROOT / "benchmarks", ROOT / "benchmarks" / "experiments")
NOT_INSTALLED = {"quantise": "nncf"}
"""Benchmark -> what it needs beyond the extras."""


@pytest.mark.parametrize("name", sorted(path.stem for folder in FOLDERS for path in folder.glob("*.py")))
def test_it_can_be_imported(name):
    if name in NOT_INSTALLED:
        pytest.importorskip(NOT_INSTALLED[name])
    importlib.import_module(name)
