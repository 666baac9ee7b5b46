import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from omentum.data.bitsets import distinct_sets


@given(arrays.arrays(np.uint64, st.tuples(*[st.integers(1, 5)] * 3), elements=st.integers(0, 2**64 - 1)))
def test_the_table_gives_every_voxel_its_set_back(bits):
    sets, labels = distinct_sets(bits)
    assert np.array_equal(sets[labels], bits)
    assert sets[0] == 0
    assert np.array_equal(sets, np.unique(np.append(bits, np.uint64(0))))


@pytest.mark.parametrize(("number", "dtype"), [(255, np.uint8), (256, np.uint16)])
def test_labels_are_as_narrow_as_the_table_allows(number, dtype):
    bits = np.arange(1, number + 1, dtype=np.uint64).reshape(-1, 1, 1)
    assert distinct_sets(bits)[1].dtype == dtype
