"""The same CT on the same machine gives the same bytes, in a process of its own and from a compiled network kept."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from omentum.cli import main
from omentum.io.nifti import write_volume
from omentum.phantom import make_case
from omentum.volume import Volume

COMMAND = [sys.executable, "-c", "import sys; from omentum.cli import main; sys.exit(main())"]


def segmented(out: str, run: Callable[[list[str]], int]) -> tuple[bytes, dict]:
    """What the command writes for the CT in the working directory, and its measurements."""
    assert run(["segment", "ct.nii.gz", "-o", out, "--no-preview", "--no-report", "--quiet"]) == 0
    case = Path(out, "ct")
    return (case / "segmentation.nii.gz").read_bytes(), json.loads((case / "measurements.json").read_text())


@pytest.mark.slow
def test_the_same_input_gives_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMENTUM_HOME", str(tmp_path / "home"))
    ct = make_case(5, (6.0, 6.0, 8.0)).ct
    part = ct.voxels[10:-10, 8:-8, 10:26]  # enough for several windows and structures
    write_volume(tmp_path / "ct.nii.gz", Volume(part, ct.affine))
    first, measured = segmented("first", main)
    again, measured_again = segmented("again", lambda arguments: subprocess.run([*COMMAND, *arguments]).returncode)
    assert again == first
    assert measured_again == measured
    assert measured["structures"]
