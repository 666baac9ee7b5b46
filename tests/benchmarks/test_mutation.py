"""The tool of `make mutants`: what it changes, which tests it asks, how it judges, and that it goes on where it was."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mutation import children
from mutation.coverage_map import CoverageMap
from mutation.verdicts import Score, Verdict, equivalents, identity, keep, kept
from record import ROOT

needs_operators = pytest.mark.skipif(
    importlib.util.find_spec("cosmic_ray") is None or importlib.util.find_spec("coverage") is None,
    reason="needs the extra [mutation]",
)
BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

CODE = '''"""A module."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    ONE = 1 + 1

LIMIT = 3


def largest(numbers: "list[int | float]", least: int | None = None) -> int | float:
    """Not below `least`."""
    found = max(numbers)
    if least is not None and found < least:
        return least
    return min(found, LIMIT)


class Box:
    @property
    def size(self) -> int:
        return 2 * 3
'''


@pytest.fixture
def tree(tmp_path):
    """A repository of one module in each of two rooms, and a test file."""
    for room in ("one", "two"):
        folder = tmp_path / "src" / "omentum" / room
        folder.mkdir(parents=True)
        (folder / "box.py").write_text(CODE)
        for package in (folder, folder.parent):
            (package / "__init__.py").touch()
    tests = tmp_path / "tests" / "one"
    tests.mkdir(parents=True)
    (tests / "test_box.py").write_text(
        "from omentum.one.box import Box, largest\n\n\n"
        "def test_largest():\n    assert largest([1, 2]) == 2\n    assert largest([1], 2) == 2\n"
        "    assert largest([7]) == 3\n\n\ndef test_size():\n    assert Box().size == 6\n"
    )
    return tmp_path


ROOMS = {"one": ("src/omentum/one",), "two": ("src/omentum/two/box.py",)}


@needs_operators
def test_changes_are_python_that_differs_and_never_of_types(tree):
    from mutation.mutants import sample

    mutants = sample(tree, ROOMS, 30, seed=0)
    assert [mutant.room for mutant in mutants[:4]] == ["one", "two", "one", "two"]
    assert len({mutant.key for mutant in mutants}) == len(mutants)
    for mutant in mutants:
        assert ast.dump(ast.parse(mutant.after)) != ast.dump(ast.parse(CODE))
        assert mutant.before == CODE
        assert mutant.was in "\n".join(line.strip() for line in CODE.splitlines())
        assert mutant.line not in (5, 6)
        assert "list[int | float]" in mutant.after
        assert "ONE = 1 + 1" in mutant.after
    assert {mutant.inside for mutant in mutants} == {"", "largest", "Box", "Box.size"}


@needs_operators
def test_a_sample_depends_on_its_seed_alone_and_begins_like_a_larger_one(tree):
    from mutation.mutants import sample

    one, again, other = (sample(tree, ROOMS, 8, seed=seed) for seed in (5, 5, 6))
    assert one == again != other
    assert sample(tree, ROOMS, 4, seed=5) == one[:4]


TRACED = {
    "seconds": {"tests/one/test_box.py::a": 1.0, "tests/one/test_box.py::b": 2.0, "tests/one/test_box.py::broken": 1.0},
    "failed": ["tests/one/test_box.py::broken"],
    "lines": {
        "src/omentum/one/box.py": {
            "8": [""],
            "13": ["tests/one/test_box.py::a", "tests/one/test_box.py::broken"],
            "14": ["tests/one/test_box.py::a"],
            "22": ["setup of tests/one/test_box.py::a"],
        }
    },
}
ELSEWHERE = {
    "seconds": {"tests/two/test_all.py::c": 0.5, "tests/two/test_all.py::d": 30.0},
    "failed": [],
    "lines": {
        "src/omentum/one/box.py": {"13": ["tests/two/test_all.py::c", "tests/two/test_all.py::d"]},
        "src/omentum/two/box.py": {"8": [""]},
    },
}


@pytest.fixture
def coverage_map(tree):
    for name, found in (("1.json", TRACED), ("2.json", ELSEWHERE)):
        (tree / name).write_text(json.dumps(found))
    return CoverageMap.read(tree, [tree / "1.json", tree / "2.json"])


def named(*letters):
    return [f"tests/{'one/test_box' if letter in 'ab' else 'two/test_all'}.py::{letter}" for letter in letters]


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        (13, "acd"),  # its own test file first; what fails anyway is not asked
        (14, "a"),
        (22, "ab"),  # a fixture made it: all tests of its file may use it
        (8, "abcd"),  # run at import: whoever runs anything of the module
        (11, "abcd"),  # a default value too
    ],
)
def test_the_tests_that_run_a_line_are_asked_about_it(coverage_map, line, asked):
    assert coverage_map.failed == ("tests/one/test_box.py::broken",)
    assert coverage_map.choose("src/omentum/one/box.py", line, 100) == (named(*asked), True)


def test_a_test_that_reads_the_source_is_asked_about_what_is_run_at_import(tree):
    reader = "tests/test_architecture.py::test_values"
    readers = {"seconds": {reader: 1.0}, "failed": [], "lines": {}}
    for name, found in (("1.json", TRACED), ("2.json", readers)):
        (tree / name).write_text(json.dumps(found))
    found = CoverageMap.read(tree, [tree / "1.json", tree / "2.json"])
    assert found.choose("src/omentum/one/box.py", 8, 100)[0] == [*named("a", "b"), reader]
    assert found.choose("src/omentum/one/box.py", 8, 0)[0] == [*named("a"), reader]
    assert found.choose("src/omentum/one/box.py", 14, 100)[0] == named("a")


def test_no_more_are_asked_than_time_allows(coverage_map):
    assert coverage_map.choose("src/omentum/one/box.py", 13, 2)[0] == named("a", "c")
    assert coverage_map.choose("src/omentum/one/box.py", 13, 0)[0] == named("a")  # one always is


def test_where_no_test_was_seen_those_are_asked_that_import_it(coverage_map):
    assert coverage_map.choose("src/omentum/two/box.py", 13, 100) == (named("c", "d"), False)


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
    same = equivalents(BENCHMARKS / "mutation" / "equivalent.toml")
    assert all(len(why) > 20 and why.endswith(".") for why in same.values())
    assert all((BENCHMARKS.parent / file).exists() for file, *_ in same)


def ended(child):
    while (status := child.poll()) is None:
        time.sleep(0.01)
    return status


def test_a_child_ends_as_its_work_does(tmp_path):
    def work():
        os.write(1, f"said {Path.cwd()}\n".encode())
        return 3

    assert ended(children.start(work, tmp_path, tmp_path / "log", 20)) == 3
    assert (tmp_path / "log").read_text() == f"said {tmp_path}\n"
    assert ended(children.start(lambda: os.kill(os.getpid(), signal.SIGKILL), tmp_path, tmp_path / "log", 20)) == -9


def test_a_child_that_never_ends_is_ended(tmp_path):
    def busy():
        while True:
            pass

    assert ended(children.start(busy, tmp_path, tmp_path / "log", 0)) == children.TIMED_OUT

    def waiting():
        time.sleep(1000)
        return 0

    child = children.start(waiting, tmp_path, tmp_path / "log", 20)
    child.until = 0.0
    assert ended(child) == children.TIMED_OUT


@pytest.mark.slow
@needs_operators
def test_a_whole_run_leaves_the_checkout_alone_and_goes_on_where_it_was(tree):
    """On a repository of one module, in a process of its own."""
    script = tree / "run.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nimport mutants, record, facts\n"
        "from mutation import children\n"
        f"root = Path({str(tree)!r})\n"
        "children.LOADED_ONCE = ('pytest', 'coverage')\n"
        "mutants.ROOT = root\n"
        "mutants.content_hash = lambda entry: record.content_hash(entry, root)\n"
        "mutants.ROOMS = {'one': ('src/omentum/one',)}\n"
        "mutants.MEASURES = ()\n"
        "mutants.TESTS = ('tests/one',)\n"
        "mutants.main()\n"
    )
    git = ("git", "-C", str(tree), "-c", "user.name=a", "-c", "user.email=b")
    subprocess.run([*git, "init", "-q"], check=True)
    arguments = [sys.executable, str(script), "--number", "8", "--work", str(tree / "work"), "--tests", "tests/one"]
    environment = {**os.environ, "PYTHONPATH": str(BENCHMARKS)}
    (tree / ".gitignore").write_text("work\n")
    before = {path: path.read_bytes() for path in (tree / "src").rglob("*.py")}
    first = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    assert "8 of 8, 0 min left" in first.stderr
    assert {path: path.read_bytes() for path in (tree / "src").rglob("*.py")} == before
    verdicts = tree / "work" / "verdicts-1.jsonl"
    killed = sum(json.loads(line)["killed"] for line in verdicts.read_text().splitlines())
    assert killed >= 6
    assert f"| one | 8 | {killed} |" in first.stdout
    lines = verdicts.read_text().splitlines(keepends=True)
    verdicts.write_text("".join(lines[:5]))
    second = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    assert "3 of 3, 0 min left" in second.stderr
    assert "tracing" not in second.stderr
    assert f"| one | 8 | {killed} |" in second.stdout


@needs_operators
def test_what_is_changed_and_what_is_run_is_there():
    import mutants

    sources = [path for paths in mutants.ROOMS.values() for path in paths]
    tests = [test.partition("::")[0] for test in mutants.TESTS]
    assert [path for path in (*sources, *tests) if not (ROOT / path).exists()] == []
