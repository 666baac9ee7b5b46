import numpy as np
import pytest
from scipy import ndimage

from omentum.pieces import pieces


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 5, 1), (3, 3, 3), (5, 5, 5), (9, 9, 9)])
def test_as_many_pieces_as_a_box_can_hold(shape):
    mask = np.zeros(shape, bool)
    mask[::2, ::2, ::2] = True
    assert pieces(mask).max() == mask.sum()


def test_pieces_are_scipys():
    rng = np.random.default_rng(0)
    for _ in range(200):
        mask = rng.random(rng.integers(1, 7, 3)) < rng.choice([0.1, 0.3, 0.6])
        ours = pieces(mask)
        theirs, number = ndimage.label(mask, np.ones((3, 3, 3)))
        assert ours.shape == mask.shape
        assert ours.max(initial=0) == number
        assert len(np.unique(np.stack([ours, theirs])[:, mask], axis=1).T) == number
