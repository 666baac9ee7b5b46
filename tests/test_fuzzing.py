"""A short run of the fuzzer with a fixed seed, and everything it ever found; `make fuzz` runs it for minutes."""

import sys
from pathlib import Path

import pytest
from fuzzing import TARGETS, HangError, Target, limited, mutated, try_bytes
from hypothesis import HealthCheck, given, settings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited as Linux does it")
CORPUS = Path(__file__).parent / "corpus"
SOME = 30


@pytest.mark.parametrize("name", TARGETS)
def test_a_seed_is_valid(name):
    said = try_bytes(TARGETS[name], TARGETS[name].seed())
    assert said == "" or name == "checkpoint"


@pytest.mark.parametrize("name", TARGETS)
def test_only_our_own_errors_come_of_mutated_files(name):
    target = TARGETS[name]

    @settings(
        max_examples=SOME // 6 if target.is_slow else SOME, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(data=mutated(target.seed(), target.head))
    def run(data):
        assert "\n" not in try_bytes(target, data)

    run()


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*/*.bin")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_once_failed_is_answered(path):
    try_bytes(TARGETS[path.parent.name], path.read_bytes())


def test_too_much_memory_and_a_hang_are_noticed(tmp_path, monkeypatch):
    greedy = Target("greedy", TARGETS["nifti"].make, lambda _: bytearray(2 << 30), 1)
    with pytest.raises(MemoryError):
        try_bytes(greedy, b"")
    monkeypatch.setattr("fuzzing.LONGEST_S", 1)

    def forever(_):
        while True:
            pass

    with pytest.raises(HangError):
        try_bytes(Target("slow", TARGETS["nifti"].make, forever, 1), b"")
    with limited():
        pass
