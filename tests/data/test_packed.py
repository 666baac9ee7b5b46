import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from omentum.anatomy import STRUCTURES
from omentum.data.packed import members, mirrored, packed, unpack

KEYS = STRUCTURES.keys
SETS = st.lists(st.integers(0, 31), unique=True)


@given(st.lists(SETS, min_size=1, max_size=4))
def test_sets_are_packed_and_unpacked(sets):
    held = np.zeros((len(sets), 32), bool)
    for row, chosen in enumerate(sets):
        held[row, chosen] = True
    bits = packed(held)
    assert bits.dtype == np.int32
    assert np.array_equal(members(bits, 32), held)
    assert np.array_equal(unpack(torch.from_numpy(bits), 32).numpy().T, held)


@given(SETS)
def test_mirroring_twice_is_nothing(chosen):
    held = np.zeros(32, bool)
    held[chosen] = True
    assert np.array_equal(mirrored(mirrored(held, KEYS), KEYS), held)


def test_mirroring_exchanges_every_pair_and_nothing_else():
    for k, key in enumerate(KEYS):
        other = STRUCTURES[key].pair or key
        (found,) = np.flatnonzero(mirrored(np.arange(32) == k, KEYS))
        assert KEYS[found] == other
    assert sum(STRUCTURES[key].pair is not None for key in KEYS) >= 8


def test_half_a_pair_keeps_its_bit():
    assert mirrored(np.array([True, False]), ("left_kidney", "liver")).tolist() == [True, False]
