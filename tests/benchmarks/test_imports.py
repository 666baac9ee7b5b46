"""Every benchmark still finds what it imports; a name that moved is noticed before somebody wants to measure."""

import subprocess
import sys

from record import ROOT

FOLDERS = (ROOT / "benchmarks", ROOT / "benchmarks" / "experiments")
NOT_INSTALLED = {"nncf", "parso", "cosmic_ray"}
"""Beyond the extras that `make install` takes; without them a benchmark that needs one is left out."""
CODE = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError as fault:
        print(f"{name}: {fault}: {fault.name}")
"""


def test_every_benchmark_can_be_imported():
    """In a process of its own, where a benchmark is not taken for a folder of tests of the same name."""
    names = sorted(path.stem for folder in FOLDERS for path in folder.glob("*.py"))
    assert len(names) > 40
    paths = [str(folder) for folder in (*FOLDERS, ROOT / "tests" / "support")]
    code = f"import sys; sys.path[:0] = {paths!r}{CODE}"
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True, check=True)
    failed = [line for line in done.stdout.splitlines() if line.rpartition(": ")[2] not in NOT_INSTALLED]
    assert failed == []
