"""A small repository whose code is changed."""

from __future__ import annotations

import pytest

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
