import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from own_structures import included

from omentum.anatomy import STRUCTURES
from omentum.process_pool import map_in_processes


def doubled(task: int) -> int:
    """Twice the task; a negative one is the death of its process."""
    if task < 0:
        os._exit(9)
    return 2 * task


def doubled_slowly(task: int) -> int:
    time.sleep(60)
    return 2 * task


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_task_is_done_once(jobs):
    assert sorted(map_in_processes(doubled, [3, 1, 2, 5], jobs)) == [(1, 2), (2, 4), (3, 6), (5, 10)]


def test_a_death_costs_one_task():
    found = dict(map_in_processes(doubled, [1, -1, 2, 3, -2, 4, 5, 6], 2))
    assert found == {-1: None, -2: None, **{k: 2 * k for k in range(1, 7)}}


PARENT = """
import sys
sys.path[:0] = {path!r}
from omentum.process_pool import map_in_processes
from test_process_pool import doubled_slowly
if __name__ == "__main__":
    print("ready", flush=True)
    for _ in map_in_processes(doubled_slowly, [1, 2], 2):
        pass
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_processes_end_with_their_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT.format(path=[*sys.path, os.path.dirname(__file__)]))
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        deadline = time.monotonic() + 30
        while len(members(process.pid)) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(members(process.pid)) >= 3  # the parent and its two children
        process.send_signal(signal.SIGKILL)
    while members(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert members(process.pid) == []


def members(group: int) -> list[int]:
    """Processes of a group that are alive."""
    found = []
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        try:
            state, _, pgrp = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(pgrp) == group and state != "Z":
            found.append(int(pid))
    return found


def number_of(key: str) -> int:
    return STRUCTURES[key].index


def learned(folder: str) -> str:
    """What a task reads may bring structures along."""
    return included(Path(folder), "[rib]\nindex = 77")[0]


def test_other_processes_know_the_structures_of_this_one_and_the_other_way_round(tmp_path):
    included(tmp_path)
    assert dict(map_in_processes(number_of, ["vertebra_L1", "liver"], 2)) == {"vertebra_L1": 33, "liver": 6}
    STRUCTURES.reset()
    assert list(map_in_processes(learned, [str(tmp_path)], 2)) == [(str(tmp_path), "rib")]
    assert STRUCTURES["rib"].index == 77
