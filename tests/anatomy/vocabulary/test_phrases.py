"""How many of the phrases of users are understood; a change must not lose any silently."""

from collections import Counter

import pytest
from phrases import Phrase, phrases

from omentum.anatomy import STRUCTURES
from omentum.anatomy.vocabulary import How, explain_phrase

LEAST = {"phrases": 399, "fresh": 96, "later": 55, "development": 178}
"""Phrases answered right, at least; the others are listed in benchmarks/results/vocabulary.json."""


def wrong(name: str) -> list[Phrase]:
    return [one for one in phrases(name) if frozenset(explain_phrase(one.text).structures) != one.keys]


def test_there_are_400_and_none_twice():
    texts = Counter(one.text for one in phrases("phrases"))
    assert len(texts) == texts.total() == 400
    assert not texts.keys() & {one.text for one in phrases("development")}


@pytest.mark.parametrize("name", LEAST)
def test_the_accuracy_does_not_fall(name):
    missed = wrong(name)
    assert len(phrases(name)) - len(missed) >= LEAST[name], [one.text for one in missed]


@pytest.mark.parametrize("name", LEAST)
def test_what_is_something_else_is_refused(name):
    accepted = [one.text for one in phrases(name) if not one.keys and explain_phrase(one.text)]
    ambiguous = {"fresh": ["kidneys, tumor, cyst"], "later": ["left kidney plus its cysts"]}
    assert accepted == ambiguous.get(name, [])


@pytest.mark.parametrize("name", LEAST)
def test_no_side_is_ever_swapped(name):
    opposite = {"left": "right", "right": "left"}
    for one in phrases(name):
        sides = {STRUCTURES[key].side for key in one.keys}
        if len(sides) == 1 and (side := sides.pop()):
            found = {STRUCTURES[key].side for key in explain_phrase(one.text).structures}
            assert opposite[side] not in found, one.text


def test_refused_exactly_where_there_is_no_structure():
    for one in phrases("phrases"):
        found = explain_phrase(one.text)
        assert (found.how is How.REFUSED) == (not found.structures) == bool(found.reason), one.text
        assert len(set(found.structures)) == len(found.structures)
        assert set(found.structures) <= set(STRUCTURES.keys)
