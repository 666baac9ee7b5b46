import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_segmentation_killed_at_random_moments_is_whole_or_not_there():
    """The benchmark with few kills; see benchmarks/results/segment_kills.md for thirty."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/segment_kills.py"), "--kills", "3"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "half files: 0; unwell afterwards: 0" in done.stdout
