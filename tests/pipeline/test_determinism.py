"""The same CT on the same machine gives the same bytes, in a process of its own and from a compiled network kept."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from omentum.io.nifti import write_volume
from omentum.phantom import make_case
from omentum.volume import Volume

COMMAND = [sys.executable, "-c", "import sys; from omentum.cli import main; sys.exit(main())"]


def segmented(folder: Path, out: str) -> tuple[bytes, dict]:
    """What a command of its own writes for the CT in the folder, and its measurements."""
    told = ["segment", "ct.nii.gz", "-o", out, "--no-preview", "--no-report"]
    environment = os.environ | {"OMENTUM_HOME": str(folder / "home")}
    done = subprocess.run([*COMMAND, *told], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    case = folder / out / "ct"
    return (case / "segmentation.nii.gz").read_bytes(), json.loads((case / "measurements.json").read_text())


@pytest.mark.slow
def test_the_same_input_gives_the_same_bytes(tmp_path):
    ct = make_case(5, (6.0, 6.0, 8.0)).ct
    part = ct.voxels[10:-10, 8:-8, 10:26]  # enough for several windows and structures
    write_volume(tmp_path / "ct.nii.gz", Volume(part, ct.affine))
    first, measured = segmented(tmp_path, "first")
    again, measured_again = segmented(tmp_path, "again")
    assert again == first
    assert measured_again == measured
    assert measured["structures"]
