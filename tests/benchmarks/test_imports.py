"""Every benchmark still finds what it imports; a name that moved is noticed before somebody wants to measure."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

from record import ROOT

FOLDERS = (ROOT / "benchmarks", ROOT / "benchmarks" / "experiments")
BENCHMARKS = sorted(path for folder in FOLDERS for path in folder.glob("*.py"))
BESIDE = {path.stem: path for path in BENCHMARKS}
"""Found in these folders first, also where a folder of tests has the same name."""
NOT_INSTALLED = {"nncf", "parso", "cosmic_ray"}
"""Beyond the extras that `make install` takes; a benchmark that needs one is read as far as the others."""


def imported(path: Path) -> list[tuple[str, str | None]]:
    """(module, name) of every import in a file, also those within functions."""
    found: list[tuple[str, str | None]] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.module, alias.name) for alias in node.names]
    return found


def defined(path: Path) -> set[str]:
    """Names at the top of a module, read without running it."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        else:
            names |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    return names


def is_there(module: str, name: str | None) -> bool:
    if module in BESIDE:
        return name is None or name in defined(BESIDE[module])
    try:
        loaded = import_module(module)
        return name is None or hasattr(loaded, name) or bool(import_module(f"{module}.{name}"))
    except ImportError as fault:
        return (fault.name or "").partition(".")[0] in NOT_INSTALLED


def test_there_are_benchmarks():
    assert len(BENCHMARKS) > 40


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_every_import_of_a_benchmark_is_found(path):
    assert [found for found in imported(path) if not is_there(*found)] == []
