import numpy as np
import pytest
from scipy import ndimage

from omentum.components import component_sizes, connected_components, select_components


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 5, 1), (3, 3, 3), (5, 5, 5), (9, 9, 9)])
def test_as_many_pieces_as_a_box_can_hold(shape):
    mask = np.zeros(shape, bool)
    mask[::2, ::2, ::2] = True
    assert connected_components(mask).max() == mask.sum()


def test_pieces_are_scipys():
    rng = np.random.default_rng(0)
    for _ in range(200):
        mask = rng.random(rng.integers(1, 7, 3)) < rng.choice([0.1, 0.3, 0.6])
        ours = connected_components(mask)
        theirs, number = ndimage.label(mask, np.ones((3, 3, 3)))
        assert ours.shape == mask.shape
        assert ours.max(initial=0) == number
        assert len(np.unique(np.stack([ours, theirs])[:, mask], axis=1).T) == number


def test_labels_take_no_more_bytes_than_there_are_pieces():
    mask = np.zeros((3, 80, 80), bool)
    mask[1, ::2, ::2] = True
    assert connected_components(mask[:, :20]).dtype == np.uint16
    assert connected_components(mask[:, :1]).dtype == np.uint8
    assert connected_components(mask[:0]).shape == (0, 80, 80)


def test_counted_and_chosen_by_label():
    labels = np.random.default_rng(0).integers(0, 5, (6, 7, 8)).astype(np.uint8)
    assert component_sizes(labels).tolist() == np.bincount(labels.ravel()).tolist()
    wanted = np.array([False, True, False, True, True])
    np.testing.assert_array_equal(select_components(labels, wanted), np.isin(labels, [1, 3, 4]))
    assert component_sizes(labels[:0]).tolist() == [0]
