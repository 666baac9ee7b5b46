"""How a mutant is judged, how verdicts are kept, and what counts in the score."""

from __future__ import annotations

import signal

import pytest

from mutation import children
from mutation.verdicts import Score, Verdict, equivalents, identity, keep, kept
from record import ROOT


class SomeMutant:
    """A mutant as `Verdict.of` looks at it: fields, and a key that is none of them."""

    def __init__(self, now):
        self.room, self.file, self.line, self.inside = "one", "src/x.py", 3, "f"
        self.operator, self.was, self.now, self.before, self.after = "AddNot", "a", now, "", ""

    @property
    def key(self):
        return f"key of {self.now}"


def verdict_of(status, log="", now="b"):
    return Verdict.of(SomeMutant(now), status, log, tests=4, seen=True, seconds=1.5)


@pytest.mark.parametrize(
    ("status", "killed", "how"),
    [
        (0, False, ""),
        (1, True, "test"),
        (2, True, "import"),
        (4, True, "import"),
        (children.TIMED_OUT, True, "timeout"),
        (-signal.SIGSEGV, True, "crash"),
        (-signal.SIGKILL, True, "crash"),
    ],
)
def test_a_mutant_is_judged_by_how_its_tests_ended(status, killed, how):
    verdict = verdict_of(status, "1 failed\nFAILED tests/a.py::test_b - AssertionError\n")
    assert (verdict.killed, verdict.how, verdict.by) == (killed, how, "tests/a.py::test_b")


def test_verdicts_are_kept_line_by_line_even_if_one_was_cut_off(tmp_path):
    file = tmp_path / "verdicts.jsonl"
    assert kept(file) == {}
    verdicts = [verdict_of(0), verdict_of(1, now="c")]
    for verdict in verdicts:
        keep(file, verdict)
    whole = file.read_text()
    file.write_text(whole + whole[:30])
    assert list(kept(file).values()) == verdicts


def test_what_no_test_could_notice_is_left_out_of_the_score(tmp_path):
    file = tmp_path / "equivalent.toml"
    file.write_text('[[equivalent]]\nfile = "src/x.py"\ninside = "f"\nwas = "a"\nnow = "b"\nwhy = "The same."\n')
    same = equivalents(file)
    verdicts = [verdict_of(0), verdict_of(0, now="c"), verdict_of(1, now="d"), verdict_of(1, now="e")]
    assert same == {identity(verdicts[0]): "The same."}
    score = Score.of(verdicts, same)
    assert (score.mutants, score.killed, score.equivalent, score.survived) == (4, 2, 1, 1)
    assert score.share == pytest.approx(2 / 3)
    assert Score.of([], same).share == 0


def test_every_judgement_has_its_reason():
    same = equivalents(ROOT / "benchmarks/mutation/equivalent.toml")
    assert all(len(why) > 20 and why.endswith(".") for why in same.values())
    assert all((ROOT / file).exists() for file, *_ in same)
