import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_run_killed_at_random_moments_is_never_lost_and_ends_the_same():
    """The benchmark with few kills; see benchmarks/results/checkpoint_kills.md for fifty."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/checkpoint_kills.py"), "--kills", "5"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 kills" in done.stdout
    assert "runs lost or set back: 0" in done.stdout
    steps = re.search(r"after (\d+) steps: the same bit for bit", done.stdout)
    assert steps
    assert int(steps[1]) >= 3
