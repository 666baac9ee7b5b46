import edt
import numpy as np
import pytest
from scipy import ndimage

from omentum.quality.rim import SLAB, WORD, rim


def by_distances(mask, mm, spacing_mm):
    """The slow way: the distance of every voxel to the other side, of the whole mask at once."""
    sides = np.add(mask, 1, dtype=np.uint8, order="C")
    return edt.edt(sides, anisotropy=spacing_mm, black_border=False) <= mm


def test_distances_say_the_same():
    rng = np.random.default_rng(0)
    for _ in range(40):
        shape = rng.integers(1, 3 * SLAB), rng.integers(1, 40), rng.integers(1, 3 * WORD)
        blurred = ndimage.gaussian_filter(rng.random(shape), rng.uniform(0.5, 4))
        mask = blurred > np.quantile(blurred, rng.uniform(0, 1))
        spacing_mm, mm = tuple(rng.uniform(0.5, 5, 3)), rng.uniform(1, 12)
        np.testing.assert_array_equal(rim(mask, mm, spacing_mm), by_distances(mask, mm, spacing_mm))


@pytest.mark.parametrize("spacing_mm", [(0.8, 0.8, 1.0), (0.7, 0.7, 5.0), (1.0, 1.0, 1.0), (3.0, 3.0, 3.0)])
def test_distances_say_the_same_on_common_grids(spacing_mm):
    mask = np.random.default_rng(1).random((40, 30, 70)) > 0.99
    for mm in (5.1, 5.0, 3.0):
        np.testing.assert_array_equal(rim(mask, mm, spacing_mm), by_distances(mask, mm, spacing_mm))


@pytest.mark.parametrize("filled", [True, False])
def test_a_mask_with_one_side_has_no_rim(filled):
    assert not rim(np.full((10, 9, 65), filled), 5.1, (1.0, 1.0, 1.0)).any()
