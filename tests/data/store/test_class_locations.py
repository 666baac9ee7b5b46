import numpy as np
import pytest

from omentum.data.store.class_locations import sample_locations


def scan(*boxes, shape=(30, 20, 25)):
    mask = np.zeros(shape, bool)
    for box in boxes:
        mask[box] = True
    return mask


def drawn(mask, most, each_piece, seed=0):
    found = sample_locations(np.random.default_rng(seed), np.flatnonzero(mask), mask.shape, most, each_piece=each_piece)
    assert found.dtype == np.int16
    assert mask[tuple(found.T)].all()
    return found


LARGE, SMALL, SINGLE = np.s_[2:12, 2:12, 2:12], np.s_[20:22, 3:5, 20:22], np.s_[28:29, 18:19, 1:2]


def counts(found):
    """How many voxels of each of the three."""
    return [sum(scan(piece)[tuple(voxel)] for voxel in found) for piece in (LARGE, SMALL, SINGLE)]


def test_every_lesion_is_remembered_equally_often():
    assert counts(drawn(scan(LARGE, SMALL, SINGLE), 300, each_piece=True)) == [100, 100, 100]


def test_voxels_of_a_small_lesion_are_repeated_evenly_and_those_of_a_large_one_not_at_all():
    found = drawn(scan(LARGE, SMALL), 100, each_piece=True)
    large, small = found[:50], found[50:]
    assert len(np.unique(large, axis=0)) == 50
    _, often = np.unique(small, axis=0, return_counts=True)
    assert sorted(often) == [6, 6, 6, 6, 6, 6, 7, 7]


def test_by_voxel_a_large_piece_is_remembered_by_its_size():
    large, small, single = counts(drawn(scan(LARGE, SMALL, SINGLE), 300, each_piece=False))
    assert (large, small, single) == pytest.approx((297, 2.4, 0.3), abs=4)


@pytest.mark.parametrize("each_piece", [True, False])
def test_a_mask_of_few_voxels_is_remembered_whole(each_piece):
    found = drawn(scan(SMALL), 100, each_piece)
    assert len(found) == 8
    assert len(np.unique(found, axis=0)) == 8


def test_more_lesions_than_places_are_all_remembered():
    mask = np.zeros((40, 40, 3), bool)
    mask[::2, ::2, 1] = True
    assert len(drawn(mask, 100, each_piece=True)) == 400


@pytest.mark.parametrize("each_piece", [True, False])
def test_the_same_generator_remembers_the_same(each_piece):
    mask = scan(LARGE, SMALL)
    assert np.array_equal(drawn(mask, 60, each_piece, 4), drawn(mask, 60, each_piece, 4))
    assert not np.array_equal(drawn(mask, 60, each_piece, 4), drawn(mask, 60, each_piece, 5))
