"""Which test runs which line, and how long it takes: found by running each test file once under coverage."""

from __future__ import annotations

import ast
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from mutation.children import pytest_arguments
from record import ROOT

NOTHING_TO_RUN = 5
"""pytest's exit status where all tests of a file are left out."""
READERS = ("tests/test_architecture.py", "tests/test_house_rules.py")
"""Tests that look at the source and run nothing of it."""
SETUP = "setup of "
"""Start of the context of lines that a test's fixtures run; other tests of its file may use what they made."""


def trace(tree: Path, test_file: str, out: Path) -> int:
    """Run a test file and write what each of its tests runs; to be called in a child.

    Args:
        tree: The copy of the repository.
        test_file: From its root.
        out: JSON: seconds and failures of tests, and for each source file its lines with their contexts.
    """
    import coverage
    import pytest

    tracer = coverage.Coverage(data_file=None, config_file=False, source=[str(tree / "src")])
    watch = _Watch(tracer)
    tracer.start()
    status = int(pytest.main([*pytest_arguments(tree), test_file], plugins=[watch]))
    tracer.stop()
    if status not in (0, 1, NOTHING_TO_RUN):
        return status
    data, lines = tracer.get_data(), {}
    for name in data.measured_files():
        found = {line: sorted(contexts) for line, contexts in data.contexts_by_lineno(name).items()}
        if found:
            lines[Path(name).relative_to(tree).as_posix()] = found
    text = json.dumps({"seconds": watch.seconds, "failed": watch.failed, "lines": lines})
    temporary = out.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(out)
    return 0


class _Watch:
    """Tells coverage which test runs, and keeps times and failures."""

    def __init__(self, tracer: Any) -> None:
        self._tracer = tracer
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._tracer.switch_context(f"{SETUP}{nodeid}")

    def pytest_runtest_call(self, item: Any) -> None:
        self._tracer.switch_context(item.nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._tracer.switch_context("")

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        if report.failed:
            self.failed.append(report.nodeid)


@dataclass(frozen=True)
class CoverageMap:
    """What `trace` wrote of all test files.

    Args:
        tree: The repository.
        seconds: Test -> seconds, in the order of the tests; only those that pass.
        lines: Source file -> line -> tests.
        importers: Source file -> test files that import it.
        failed: Tests that fail without any change: they are not asked.
    """

    tree: Path
    seconds: dict[str, float] = field(default_factory=dict)
    lines: dict[str, dict[int, set[str]]] = field(default_factory=dict)
    importers: dict[str, set[str]] = field(default_factory=dict)
    failed: tuple[str, ...] = ()

    @classmethod
    def read(cls, tree: Path, files: Iterable[Path]) -> CoverageMap:
        """All that was traced."""
        seconds, failed = dict[str, float](), list[str]()
        lines: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
        importers: dict[str, set[str]] = defaultdict(set)
        for file in files:
            found = json.loads(file.read_text(encoding="utf-8"))
            passed = {test: s for test, s in found["seconds"].items() if test not in found["failed"]}
            seconds |= passed
            failed += found["failed"]
            for source, contexts in found["lines"].items():
                importers[source] |= {next(iter(passed)).split("::")[0]} if passed else set()
                for line, names in contexts.items():
                    lines[source][int(line)] |= set(_tests(names, passed))
        return cls(tree, seconds, lines, importers, tuple(failed))

    def choose(self, source: str, line: int, budget: float) -> tuple[list[str], bool]:
        """The tests to be asked about a change of a line, and whether any was seen to run it.

        First those of the test file that is named after the source file, then file by file those that take least; as
        many as take `budget` seconds. A line that is run when its module is imported concerns whatever runs anything
        else of the module, and tests that read the source itself. Child processes are not seen: where no test of the
        test file named after it was, all of them are asked; where no test at all was, those that import it too.
        """
        own, here = _own_test_file(source), self.lines.get(source, {})
        statement = _statement(self.tree / source, line)
        tests = set[str]() if statement.at_import else set().union(*(here.get(n, ()) for n in statement.lines))
        if not tests:
            tests = set().union(*(t for n, t in here.items() if not _statement(self.tree / source, n).at_import))
        seen = bool(tests)
        named_after_it = {test for test in self.seconds if test.split("::")[0] == own}
        if not tests & named_after_it:  # it may run the line in child processes
            tests |= named_after_it
        if not seen:
            files = self.importers.get(source, set())
            tests |= {test for test in self.seconds if test.split("::")[0] in files}
        readers = [test for test in self.seconds if statement.at_import and test.split("::")[0] in READERS]
        return [*self._in_order(tests, own, budget), *readers], seen

    def _in_order(self, tests: set[str], own: str, budget: float) -> list[str]:
        by_file: dict[str, list[str]] = defaultdict(list)
        for test in self.seconds:
            if test in tests:
                by_file[test.split("::")[0]].append(test)
        room = own.split("/")[1]
        total = {file: sum(self.seconds[test] for test in found) for file, found in by_file.items()}
        order = sorted(by_file, key=lambda file: (file != own, file.split("/")[1] != room, total[file]))
        chosen, spent = list[str](), 0.0
        for file in order:
            for test in by_file[file]:
                if not chosen or spent + self.seconds[test] <= budget:
                    chosen.append(test)
                    spent += self.seconds[test]
        return chosen


def _tests(contexts: Iterable[str], passed: dict[str, float]) -> Iterator[str]:
    """Tests that may depend on a line with these contexts."""
    for context in contexts:
        if context in passed:
            yield context
        elif context.startswith(SETUP):
            yield from passed


def _own_test_file(source: str) -> str:
    """`src/omentum/data/sampling/warp.py` -> `tests/data/sampling/test_warp.py`; without one, its folder's test."""
    _, _, *folders, name = Path(source).parts
    own = "/".join(["tests", *folders, f"test_{name}"])
    if len(folders) < 2 or (ROOT / own).is_file():
        return own
    return f"tests/{folders[0]}/test_{folders[1]}.py"


@dataclass(frozen=True)
class _Statement:
    """A simple statement, or the head of a compound one.

    Args:
        lines: From the first one on.
        at_import: Whether it is in no function.
    """

    lines: range
    at_import: bool


def _statement(file: Path, line: int) -> _Statement:
    """The one that a line belongs to."""
    return next((found for found in _statements(file) if line in found.lines), _Statement(range(line, line + 1), True))


@cache
def _statements(file: Path) -> list[_Statement]:
    """The shortest first."""
    found: list[_Statement] = []

    def visit(node: ast.AST, *, at_import: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                found.append(_Statement(_extent(child), at_import))
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            visit(child, at_import=at_import and not inside)

    visit(ast.parse(file.read_text(encoding="utf-8")), at_import=True)
    return sorted(found, key=lambda statement: len(statement.lines))


def _extent(node: ast.stmt) -> range:
    decorators = [decorator.lineno for decorator in getattr(node, "decorator_list", [])]
    body = getattr(node, "body", None)
    last = max(node.lineno, body[0].lineno - 1) if isinstance(body, list) else node.end_lineno or node.lineno
    return range(min([node.lineno, *decorators]), last + 1)
