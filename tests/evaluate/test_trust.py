"""From scores to a word on each class; the word follows from evaluations as the command writes them."""

from __future__ import annotations

import numpy as np
import pytest

from omentum.errors import UsageError
from omentum.evaluate import evaluate, summarise
from omentum.evaluate.trust import parse_trust, trust_of
from omentum.segmentation import Segmentation
from omentum.spec import Trust

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])
SHAPE = (24, 16, 16)


def box(start, stop):
    mask = np.zeros(SHAPE, bool)
    mask[start:stop, 4:12, 4:12] = True
    return mask


def scores_of(*pairs):
    """Of (found, there) masks of one structure each, by key."""
    cases = [
        evaluate(Segmentation.from_masks(found, AFFINE), Segmentation.from_masks(there, AFFINE), case=str(n))
        for n, (found, there) in enumerate(pairs)
    ]
    return {"summary": summarise(cases).to_json()}


@pytest.mark.parametrize(
    ("width", "cases", "expected"),
    [
        (8, 3, {"liver": Trust.RELIABLE}),
        (5, 3, {"liver": Trust.RELIABLE}),
        (4, 3, {"liver": Trust.WEAK}),
        (0, 3, {"liver": Trust.NOT_FOUND}),
        (8, 2, {}),
    ],
)
def test_organs_by_mean_dice_of_enough_cases(width, cases, expected):
    """Of 8 planes 5 are a Dice of 0.77, 4 of 0.67."""
    assert trust_of(scores_of(*[({"liver": box(2, 2 + width)}, {"liver": box(2, 10)})] * cases)) == expected


def lesions(found, missed, false_positives):
    here, there = box(2, 5), box(10, 13)
    of = lambda mask: {"liver_tumour": mask}  # noqa: E731
    pairs = [(of(here), of(here))] * found + [(of(here & False), of(here))] * missed
    return scores_of(*pairs, *[(of(there), of(there & False))] * false_positives)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((3, 1, 1), {"liver_tumour": Trust.RELIABLE}),
        ((2, 2, 2), {"liver_tumour": Trust.RELIABLE}),
        ((2, 3, 0), {"liver_tumour": Trust.WEAK}),
        ((3, 0, 4), {"liver_tumour": Trust.WEAK}),
        ((0, 4, 0), {"liver_tumour": Trust.NOT_FOUND}),
        ((0, 4, 9), {"liver_tumour": Trust.NOT_FOUND}),
        ((1, 1, 0), {}),
        ((0, 0, 4), {"liver_tumour": Trust.WEAK}),
    ],
)
def test_lesions_by_what_was_found_missed_and_false(counts, expected):
    assert trust_of(lesions(*counts)) == expected


def test_a_lesion_type_that_is_in_no_case_says_nothing():
    """Neither drawn nor found anywhere: the summary has no counts of it."""
    empty = {"liver": box(2, 10), "liver_tumour": box(2, 10) & False}
    scores = scores_of(*[(empty, {"liver": box(2, 10)})] * 3)
    scores["summary"]["structures"]["kidney_cyst"] = {"lesions": None, "dice": {"n": 0, "mean": None}}
    assert trust_of(scores) == {"liver": Trust.RELIABLE}


def test_words():
    assert [parse_trust(word) for word in ("reliable", "Not-Found", "not_found", " weak")] == [
        *(Trust.RELIABLE, Trust.NOT_FOUND, Trust.NOT_FOUND, Trust.WEAK)
    ]
    with pytest.raises(UsageError, match="'fine' says nothing of trust"):
        parse_trust("fine")
