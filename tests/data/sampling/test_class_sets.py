import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.class_sets import swap_paired_classes, unpack

KEYS = STRUCTURES.keys
SETS = st.lists(st.integers(0, 31), unique=True)


@given(st.integers(1, 130), st.integers(0, 2**32))
def test_masks_are_what_the_sets_hold(number, seed):
    rng = np.random.default_rng(seed)
    held = rng.random((7, number)) < 0.3
    labels = rng.integers(0, len(held), (3, 4, 5))
    masks = unpack(torch.from_numpy(labels), torch.from_numpy(held))
    assert masks.dtype == torch.bool
    assert np.array_equal(masks.numpy(), np.moveaxis(held[labels], -1, 0))


@given(SETS)
def test_mirroring_twice_is_nothing(chosen):
    held = np.zeros(32, bool)
    held[chosen] = True
    assert np.array_equal(swap_paired_classes(swap_paired_classes(held, KEYS), KEYS), held)


def test_mirroring_exchanges_every_pair_and_nothing_else():
    for k, key in enumerate(KEYS):
        other = STRUCTURES[key].pair or key
        (found,) = np.flatnonzero(swap_paired_classes(np.arange(32) == k, KEYS))
        assert KEYS[found] == other
    assert sum(STRUCTURES[key].pair is not None for key in KEYS) >= 8


def test_half_a_pair_is_unknown_after_a_flip():
    """A left kidney that lies on the right looks like a right one, and must not be taught as a left one."""
    assert swap_paired_classes(np.array([True, True]), ("left_kidney", "liver")).tolist() == [False, True]
