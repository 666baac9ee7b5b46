import numpy as np
import pytest

from omentum.postprocess.clean import clean
from omentum.postprocess.trunk import Trunk, find_trunk
from omentum.segmentation import Segmentation
from omentum.volume import Volume

SHAPE = (120, 90, 40)
AFFINE = np.diag([3.0, 3.0, 5.0, 1.0])
ALL = (slice(0, 120), slice(0, 90), slice(0, 40))
ACROSS, DEPTH, _ = np.indices(SHAPE)


def ellipse(centre: tuple[int, int], radii: tuple[int, int]) -> np.ndarray:
    return ((ACROSS - centre[0]) / radii[0]) ** 2 + ((DEPTH - centre[1]) / radii[1]) ** 2 < 1


def patient() -> np.ndarray:
    """A chest with lungs, an arm beside it and a hollow couch below."""
    hu = np.full(SHAPE, -1000, np.int16)
    hu[ellipse((55, 50), (40, 28))] = 40
    hu[ellipse((55, 52), (33, 20))] = -850
    hu[45:65, 30:74] = 40
    hu[ellipse((110, 50), (8, 8))] = 40
    hu[5:115, 20:22] = 100
    hu[5:115, 8:10] = 100
    return hu


def test_lungs_are_inside_and_couch_and_arm_are_not():
    trunk = find_trunk(Volume(patient(), AFFINE))
    outside = trunk.outside(ALL)
    assert not outside[30:80, 40:60].any()
    assert outside[100:, :].all()
    assert outside[:, :16].all()


def test_an_open_chest_wall_keeps_its_lungs():
    """The image ends in the middle of the lungs: the wall is no closed ring any more."""
    cut = slice(0, 75)
    trunk = find_trunk(Volume(patient()[cut], AFFINE))
    assert not trunk.outside((cut, *ALL[1:]))[40:75, 40:60].any()


@pytest.mark.parametrize("hu", [-1000, 40], ids=["nothing but air", "nothing but body"])
def test_without_an_outline_nothing_is_outside(hu):
    trunk = find_trunk(Volume(np.full(SHAPE, hu, np.int16), AFFINE))
    assert trunk is None or not trunk.outside(ALL).any()


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_a_colon_in_the_couch_goes_and_one_in_the_belly_stays(axes):
    colon = np.zeros(SHAPE, bool)
    colon[40:60, 11:19, 10:30] = True
    colon[45:60, 60:70, 10:30] = True
    order = AFFINE[:, [*axes, 3]]
    found = Segmentation.from_masks({"colon": np.ascontiguousarray(colon.transpose(axes))}, order)
    cleaned = clean(found, Volume(np.ascontiguousarray(patient().transpose(axes)), order))
    left = cleaned.segmentation.mask("colon").transpose(np.argsort(axes))
    assert not left[:, :20].any()
    assert np.array_equal(left[:, 20:], colon[:, 20:])
    assert [(c.structure, c.rule) for c in cleaned.changes] == [("colon", "in trunk")]


def test_outside_is_every_voxels_own_block():
    inside = np.random.default_rng(0).random((4, 5, 6)) > 0.5
    box = (slice(3, 11), slice(0, 9), slice(7, 23))
    outside = Trunk(inside, (3, 2, 4)).outside(box)
    for i, j, k in np.ndindex(outside.shape):
        assert outside[i, j, k] != inside[(i + 3) // 3, j // 2, (k + 7) // 4]
