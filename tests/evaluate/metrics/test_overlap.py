from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from omentum.evaluate.metrics.overlap import Overlap, overlap

SHAPE = (4, 5, 6)
masks = arrays(bool, SHAPE, elements=st.booleans())


@given(masks, masks)
def test_dice_and_iou_do_not_care_who_is_the_reference(a, b):
    forth, back = overlap(a, b), overlap(b, a)
    assert forth.dice == back.dice
    assert forth.iou == back.iou
    assert forth.precision == back.recall


@given(masks, masks)
def test_dice_is_what_sets_say(a, b):
    one, other = set(np.flatnonzero(a)), set(np.flatnonzero(b))
    found = overlap(a, b)
    if one or other:
        assert found.dice == pytest.approx(2 * len(one & other) / (len(one) + len(other)))
        assert found.iou == pytest.approx(len(one & other) / len(one | other))
    else:
        assert found.dice is None
        assert found.iou is None


def test_counts_beyond_float32_stay_exact():
    assert Overlap(2**24 + 1, 2**24 + 1, 2**24 + 1).dice == 1.0
    assert Overlap(2**24, 2**24 + 1, 2**24 + 1).dice < 1.0


def test_one_empty_mask_is_a_dice_of_zero_without_a_precision():
    missed = Overlap(both=0, predicted=0, reference=5)
    assert (missed.dice, missed.recall, missed.precision) == (0.0, 0.0, None)
