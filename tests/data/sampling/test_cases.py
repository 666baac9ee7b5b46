import numpy as np
import pytest
from toy_cases import toy_case, toy_volume

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.cases import labelled_case
from omentum.errors import InputError
from omentum.segmentation import Segmentation
from omentum.volume import Volume


def test_what_is_not_annotated_leaves_no_trace():
    case = toy_case()
    aorta = STRUCTURES.keys.index("aorta")
    assert not case.annotated[aorta]
    assert aorta not in case.points
    assert not case.mask(aorta).any()


def test_remembered_points_lie_in_their_structure():
    case = toy_case()
    assert set(case.points) == {
        STRUCTURES.keys.index(k) for k in ("right_kidney", "left_kidney", "liver", "liver_tumour")
    }
    for k, points in case.points.items():
        assert case.mask(k)[tuple(points.T)].all()
    assert (case.hu[tuple(case.body.T)] > -300).all()


def test_grids_must_agree():
    ct, truth = toy_volume()
    moved = Volume(ct.voxels, ct.affine + np.array([[0, 0, 0, 1.0]] + [[0] * 4] * 3))
    with pytest.raises(InputError, match="different grids"):
        labelled_case("moved", moved, truth, STRUCTURES.keys, np.random.default_rng(0))


def test_a_case_must_annotate_something():
    ct, truth = toy_volume()
    nothing = Segmentation(truth.bits, truth.affine, truth.classes, frozenset())
    with pytest.raises(InputError, match="none of the model's classes"):
        labelled_case("blank", ct, nothing, STRUCTURES.keys, np.random.default_rng(0))


def test_hu_beyond_what_scanners_give_are_cut_and_no_number_is_air():
    ct, truth = toy_volume()
    hu = ct.voxels.astype(np.float32)
    hu[0, 0, :5] = (-3000, np.nan, -1024, 3071, 9000)
    case = labelled_case("odd", Volume(hu, ct.affine), truth, STRUCTURES.keys, np.random.default_rng(0))
    assert case.hu.dtype == np.int16
    assert case.hu[0, 0, :5].tolist() == [-1024, -1024, -1024, 3071, 3071]
