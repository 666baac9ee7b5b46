"""Which tests are asked about a line: those that run it, its own test file first, as many as time allows."""

from __future__ import annotations

import json

import pytest

from mutation.coverage_map import CoverageMap

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
