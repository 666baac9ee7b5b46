import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omentum.axis_order import axis_order
from omentum.errors import CaseWarning
from omentum.io.pad_crop import pad_or_crop
from omentum.segmentation import Segmentation
from omentum.volume import Grid

WHOLE = Grid((9, 8, 7), np.array([[-2.0, 0, 0, 5], [0, 0, 1.5, -3], [0, 3, 0, 11], [0, 0, 0, 1]]))
INNER = (slice(1, 6), slice(2, 7), slice(3, 6))


def drawn():
    mask = np.zeros(WHOLE.shape, bool)
    mask[2:5, 3:6, 3:5] = True
    mask[2, 3, 3] = False
    return Segmentation.from_masks({"liver": mask}, WHOLE.affine)


@given(st.permutations(["RL", "AP", "SI"]), st.tuples(*[st.integers(0, 1)] * 3))
def test_a_part_in_any_order_of_axes_comes_back_whole(pairs, ends):
    order = axis_order(WHOLE, "".join(pair[end] for pair, end in zip(pairs, ends, strict=True)))
    part = drawn().part(INNER)
    turned = Segmentation(order.view(part.bits), order.grid(part.grid).affine, part.classes)
    found = pad_or_crop(turned, WHOLE)
    assert found.grid.same_as(WHOLE)
    np.testing.assert_array_equal(found.mask("liver"), drawn().mask("liver"))


def test_masks_outside_are_left_out_with_a_word():
    with pytest.warns(CaseWarning, match="8 voxels of masks lie outside of the CT"):
        found = pad_or_crop(drawn(), drawn().part((slice(0, 9), slice(0, 8), slice(4, 7))).grid)
    assert found.mask("liver").sum() == drawn().mask("liver").sum() - 8


def test_other_voxels_are_left_as_they_are():
    moved = WHOLE.affine.copy()
    moved[0, 3] += 1
    seg = drawn()
    assert pad_or_crop(seg, Grid(WHOLE.shape, moved)) is seg
    assert pad_or_crop(seg, Grid(WHOLE.shape, WHOLE.affine @ np.diag([1, 1, 2, 1]))) is seg
