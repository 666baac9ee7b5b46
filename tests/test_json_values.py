"""Dataclasses made of JSON values again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

import pytest

from omentum.json_values import from_json_values


class Word(StrEnum):
    ONE = "one"
    TWO = "two"


@dataclass(frozen=True)
class Part:
    x: float
    ends: tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True)
class Whole:
    name: str
    n: int
    on: bool
    word: Word
    part: Part | None
    parts: tuple[Part, ...] = ()
    by_word: Mapping[Word, list[int]] = field(default_factory=dict)

    @property
    def twice(self) -> int:
        return 2 * self.n


PART = Part(1.5, ((0.0, 1.0), (2.0, 3.0)))


@pytest.mark.parametrize("part", [None, PART])
def test_what_was_written_comes_back(part):
    whole = Whole("a", 3, True, Word.TWO, part, (PART, PART), {Word.ONE: [1, 2]})
    raw = json.loads(json.dumps(asdict(whole) | {"twice": whole.twice}))
    again = from_json_values(Whole, raw)
    assert again == whole
    assert isinstance(again.word, Word)


def test_whole_numbers_are_good_for_fractions():
    assert from_json_values(Part, {"x": 1, "ends": [[0, 1], [2, 3]]}) == Part(1.0, ((0.0, 1.0), (2.0, 3.0)))


RAW = {"name": "a", "n": 3, "on": True, "word": "two", "part": None}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"new": 1}, TypeError),
        ({"n": "3"}, TypeError),
        ({"n": True}, TypeError),
        ({"name": None}, TypeError),
        ({"word": "three"}, ValueError),
        ({"part": {"x": 1.0}}, KeyError),
        ({"part": {"x": 1.0, "ends": [[0, 1]]}}, TypeError),
        ({"parts": {}}, TypeError),
    ],
)
def test_anything_else_is_refused(change, fault):
    with pytest.raises(fault):
        from_json_values(Whole, RAW | change)


def test_a_field_without_a_default_must_be_there():
    with pytest.raises(KeyError, match="word"):
        from_json_values(Whole, {name: value for name, value in RAW.items() if name != "word"})
    with pytest.raises(TypeError, match="not of 3"):
        from_json_values(Whole, 3)
