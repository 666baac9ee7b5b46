import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from omentum.data.store.bitsets import as_integers, distinct_sets, from_integers, members

PLANES = st.tuples(st.integers(1, 3), *[st.integers(1, 5)] * 3)


@given(arrays.arrays(np.uint64, PLANES, elements=st.integers(0, 2**64 - 1)))
def test_the_table_gives_every_voxel_its_set_back(bits):
    sets, labels = distinct_sets(bits)
    assert np.array_equal(np.moveaxis(sets[labels], -1, 0), bits)
    assert not sets[0].any()
    assert len({tuple(row) for row in sets}) == len(sets)
    assert len(set(labels.ravel().tolist()) | {0}) == len(sets)


@given(arrays.arrays(np.uint64, st.tuples(st.just(1), *[st.integers(1, 5)] * 3), elements=st.integers(0, 2**64 - 1)))
def test_sets_of_one_plane_ascend(bits):
    assert np.array_equal(distinct_sets(bits)[0][:, 0], np.unique(np.append(bits, np.uint64(0))))


@pytest.mark.parametrize(("number", "dtype"), [(255, np.uint8), (256, np.uint16)])
def test_labels_are_as_narrow_as_the_table_allows(number, dtype):
    bits = np.arange(1, number + 1, dtype=np.uint64).reshape(1, -1, 1, 1)
    assert distinct_sets(bits)[1].dtype == dtype


@given(st.integers(1, 149), st.integers(0, 2**32))
def test_sets_are_members_and_whole_numbers(number, seed):
    held = np.random.default_rng(seed).random((5, number)) < 0.3
    integers = tuple(sum(1 << k for k in np.flatnonzero(row).tolist()) for row in held)
    sets = from_integers(integers, number)
    assert sets.shape == (5, -(-number // 64))
    assert np.array_equal(members(sets, number), held)
    assert as_integers(sets) == integers
