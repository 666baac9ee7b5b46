"""Ended from the keyboard or by a signal: nothing half-written stays, what is complete is said and can be used."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import segment_slowly
from case_files import put_ct

TESTS = Path(segment_slowly.__file__).parent
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals are sent to processes"),
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tmp").mkdir()
    return tmp_path


def started(where, *arguments, **environment):
    paths = [str(TESTS), str(TESTS.parents[1] / "src"), *(os.environ.get("PYTHONPATH") or "").split(os.pathsep)]
    given = {"PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(Path("tmp").resolve()), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, str(TESTS / "segment_slowly.py"), where, *arguments],
        env={**os.environ, **given, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process, pattern):
    until = time.monotonic() + 100
    while not list(Path().glob(pattern)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, f"no {pattern}"
        time.sleep(0.05)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_batch_that_is_ended_says_what_is_kept_and_its_tables_hold_it(number, code, here):
    put_ct("first.nii.gz")
    put_ct("slow.nii.gz")
    put_ct("third.nii.gz")
    inputs = ["first.nii.gz", "slow.nii.gz", "third.nii.gz"]
    process = started("writing", "segment", *inputs, "-o", "out", "-j", "0", "--no-preview", "--no-report")
    wait_for(process, "out/.slow.tmp-*/measurements.json")
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert "interrupted; 1 of 3 cases are complete, with their tables: out; the same command does the rest" in said
    assert "Traceback" not in said
    tables = ["lesions.csv", "measurements.csv", "quality.csv", "report.json"]
    assert sorted(path.name for path in Path("out").iterdir()) == sorted(["first", *tables])
    cases = json.loads(Path("out/report.json").read_text())["cases"]
    assert [(case["case"], case["status"]) for case in cases] == [
        ("first", "done"),
        ("slow", "not done"),
        ("third", "not done"),
    ]
    assert {row["case"] for row in csv.DictReader(Path("out/measurements.csv").read_text().splitlines())} == {"first"}


def test_one_case_that_is_ended_leaves_nothing(here):
    put_ct("slow.nii.gz")
    process = started("writing", "segment", "slow.nii.gz", "-o", "out", "--no-preview", "--no-report", "--quiet")
    wait_for(process, "out/.slow.tmp-*/measurements.json")
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (143, "warning: interrupted; nothing of slow is kept\n")
    assert list(Path("out").iterdir()) == []


def test_what_a_kill_left_is_gone_after_the_next_start(here):
    put_ct("slow.nii.gz")
    command = ["segment", "slow.nii.gz", "-o", "out", "--no-preview", "--no-report", "--quiet"]
    process = started("writing", *command)
    wait_for(process, "out/.slow.tmp-*/measurements.json")
    process.kill()
    process.communicate()
    assert list(Path("out").glob(".slow.tmp-*"))
    assert started("-", *command).communicate(timeout=100) == ("", "")
    assert [path.name for path in Path("out").iterdir()] == ["slow"]


@pytest.mark.parametrize("length", [0, 120])
def test_with_processes_beside_it_no_temporary_folder_stays(length, here):
    """The second folder is too long for the socket of a server of processes, as those of clusters may be."""
    put_ct("a.nii.gz")
    put_ct("b.nii.gz")
    with TemporaryDirectory(dir="/tmp") as short:
        folder = Path(short, "x" * length)
        folder.mkdir(exist_ok=True)
        inputs = ["a.nii.gz", "b.nii.gz"]
        process = started("computing", "segment", *inputs, "-o", "out", "-j", "2", "--quiet", TMPDIR=str(folder))
        wait_for(process, "computing")
        assert length or list(folder.glob("pymp-*"))
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode == 143
        assert list(folder.iterdir()) == []
    assert not list(Path("out").glob(".*"))


@pytest.mark.parametrize("backend", ["module://matplotlib_inline.backend_inline", "nonsense"])
def test_figures_are_drawn_whatever_backend_the_environment_names(backend, here):
    put_ct("ct.nii.gz")
    process = started("-", "segment", "ct.nii.gz", "-o", "out", "--no-report", "--quiet", MPLBACKEND=backend)
    assert process.communicate(timeout=100) == ("", "")
    assert Path("out/ct/preview.png").is_file()
