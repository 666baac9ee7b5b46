import pickle

import numpy as np
import pytest
from banded_phantom import ras_grid, stored
from strategies import STORAGE_ORDERS

from omentum.axis_order import axis_order
from omentum.boxes import box_of
from omentum.pipeline.compressed_array import CompressedSparseArray
from omentum.preprocess.grid import Undo


@pytest.mark.parametrize(("axes", "signs"), STORAGE_ORDERS[::7])
def test_boxes_come_back_on_the_axes_of_the_ct(axes, signs):
    native = stored(ras_grid((1.0, 2.0, 3.0), (5, 12, 21)), axes, [sign < 0 for sign in signs])
    order = axis_order(native)
    undo = Undo(native, order, order.grid(native), box_of((0, 0, 0), (1, 1, 1)))
    rng = np.random.default_rng(0)
    expected = np.zeros((2, *native.shape), np.uint32)
    small = CompressedSparseArray(undo, np.dtype(np.uint32), (2,))
    for planes in (slice(1, 3), slice(3, 4)):
        part = rng.integers(0, 3, (2, 3, 4, planes.stop - planes.start)).astype(np.uint32)
        box = (slice(1, 4), slice(0, 4), planes)
        small.add(box, part)
        undo.oriented_view(expected)[:, *box] = part
    for array in (small, pickle.loads(pickle.dumps(small))):
        np.testing.assert_array_equal(array.to_array(), expected)
    assert array.to_array().dtype == np.uint32


def test_nothing_added_is_all_zero_and_masks_become_small():
    native = ras_grid((1.0, 1.0, 1.0), (128, 128, 64))
    undo = Undo(native, axis_order(native), native, box_of((0, 0, 0), native.shape))
    small = CompressedSparseArray(undo, np.dtype(np.uint8))
    assert not small.to_array().any()
    body = np.zeros(native.shape, np.uint8)
    body[20:100, 30:90, 10:50] = 200
    small.add((slice(0, 128), slice(0, 128), slice(0, 64)), body)
    assert len(pickle.dumps(small)) < body.nbytes / 100
    np.testing.assert_array_equal(small.to_array(), body)
