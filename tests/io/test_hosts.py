"""Lesions are given back to the organ they live in."""

import numpy as np

from omentum.io.hosts import with_hosts
from omentum.segmentation import Segmentation

SHAPE = (30, 10, 10)


def slab(start, stop):
    mask = np.zeros(SHAPE, bool)
    mask[start:stop, 2:8, 2:8] = True
    return mask


def hosted(spacing=(1.0, 1.0, 1.0), **masks):
    return with_hosts(Segmentation.from_masks(masks, np.diag([*spacing, 1.0])))


def test_each_lesion_goes_to_the_nearest_of_two_hosts():
    right, left = slab(0, 8), slab(20, 30)
    lesions = slab(8, 10) | slab(18, 20)
    found = hosted(right_kidney=right, left_kidney=left, kidney_tumour=lesions)
    np.testing.assert_array_equal(found.mask("right_kidney"), slab(0, 10))
    np.testing.assert_array_equal(found.mask("left_kidney"), slab(18, 30))
    np.testing.assert_array_equal(found.mask("kidney_tumour"), lesions)


def test_a_lesion_that_touches_nothing_goes_to_the_nearer_host():
    found = hosted(right_lung=slab(0, 5), left_lung=slab(20, 30), lung_tumour=slab(9, 12))
    np.testing.assert_array_equal(found.mask("right_lung"), slab(0, 5) | slab(9, 12))
    np.testing.assert_array_equal(found.mask("left_lung"), slab(20, 30))


def test_nearness_is_judged_in_millimetres():
    along_x, along_z = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    lesion = np.zeros(SHAPE, bool)
    lesion[10, 5, 2] = True
    along_x[14, 5, 2] = True  # 4 voxels = 4 mm away
    along_z[10, 5, 4] = True  # 2 voxels = 10 mm away
    found = hosted((1.0, 1.0, 5.0), right_kidney=along_x, left_kidney=along_z, kidney_cyst=lesion)
    assert found.mask("right_kidney")[10, 5, 2]
    assert not found.mask("left_kidney")[10, 5, 2]


def test_a_tie_is_left_open():
    found = hosted(right_kidney=slab(0, 5), left_kidney=slab(10, 15), kidney_tumour=slab(7, 8))
    np.testing.assert_array_equal(found.mask("right_kidney"), slab(0, 5))
    np.testing.assert_array_equal(found.mask("left_kidney"), slab(10, 15))


def test_a_single_host_gets_all_even_if_it_was_painted_over():
    empty = np.zeros(SHAPE, bool)
    np.testing.assert_array_equal(hosted(liver=empty, liver_tumour=slab(3, 5)).mask("liver"), slab(3, 5))


def test_hosts_that_are_empty_or_unknown_are_not_invented():
    empty = np.zeros(SHAPE, bool)
    only_left = hosted(right_kidney=empty, left_kidney=slab(20, 30), kidney_tumour=slab(3, 5))
    assert not only_left.mask("right_kidney").any()
    np.testing.assert_array_equal(only_left.mask("left_kidney"), slab(20, 30) | slab(3, 5))
    assert hosted(kidney_tumour=slab(3, 5)).classes == ("kidney_tumour",)
    nobody = hosted(right_kidney=empty, left_kidney=empty, kidney_tumour=slab(3, 5))
    assert nobody.present() == {"kidney_tumour"}
