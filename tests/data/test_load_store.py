import numpy as np
import pytest

from omentum.anatomy import STRUCTURES
from omentum.data.load import load_folder
from omentum.data.load_store import load_store
from omentum.data.prepare import prepare
from omentum.data.prepare_case import StoreOptions
from omentum.errors import CaseWarning, InputError
from omentum.spec import PreprocessSpec
from raw_cases import read_toy, toy_recipe, write_toys

SPEC = PreprocessSpec(spacing_mm=(3.0, 3.0, 3.0), antialias=True)
KEYS = STRUCTURES.keys


@pytest.fixture
def toys(tmp_path):
    return write_toys(tmp_path / "raw", 3)


def stored(cases, out, **options):
    prepare(cases, out, StoreOptions(**{"spacing_mm": (3.0, 3.0, 3.0), "antialias": True, **options}), read=read_toy)
    return out


def test_a_case_is_the_one_its_folder_gives_less_the_air_around_it(tmp_path, toys):
    (one, *_), _ = load_store(stored(toys, tmp_path / "store"), KEYS, SPEC)
    (whole, *_) = load_folder(tmp_path / "raw", KEYS, SPEC)
    assert one.name == "toy_0"
    assert [KEYS[k] for k in np.flatnonzero(one.annotated)] == ["right_kidney", "left_kidney", "liver", "liver_tumour"]
    for bits, other in ((one.bits, whole.bits), (one.hu > -500, whole.hu > -500)):
        values, counts = np.unique(bits[bits != 0], return_counts=True)
        expected, expected_counts = np.unique(other[other != 0], return_counts=True)
        assert values.tolist() == expected.tolist()
        assert counts.tolist() == expected_counts.tolist()
    for k, points in one.points.items():
        assert (one.bits[tuple(points.T)] >> k & 1).all()


def test_the_model_may_have_other_classes_in_another_order(tmp_path, toys):
    (one, *_), _ = load_store(stored(toys, tmp_path / "store"), ("liver", "left_kidney"), SPEC)
    (every, *_), _ = load_store(tmp_path / "store", KEYS, SPEC)
    assert one.annotated.tolist() == [True, True]
    assert np.array_equal(one.bits & 1, every.bits >> KEYS.index("liver") & 1)


def test_a_patient_is_trained_on_or_held_out_never_both(tmp_path, toys):
    other = write_toys(tmp_path / "again", 1, toy_recipe("zoo"))
    same = [type(c)(**{**vars(c), "patient": "toy-1"}) for c in other]
    path = stored([*toys, *same], tmp_path / "store")
    kept, held = load_store(path, KEYS, SPEC, held_out=1)
    assert [case.name for case in held] == ["zoo_0"]
    assert [case.name for case in kept] == ["toy_0", "toy_2"]


def test_another_grid_is_refused(tmp_path, toys):
    path = stored(toys[:1], tmp_path / "store", antialias=False)
    with pytest.raises(InputError, match=r"for 3 x 3 x 3 mm RAS not smoothed, not 3 x 3 x 3 mm RAS smoothed first"):
        load_store(path, KEYS, SPEC)


def test_a_bad_case_is_named_and_left_out(tmp_path, toys):
    path = stored(toys, tmp_path / "store")
    (path / "cases/toy_1/labels.b2nd").write_bytes(b"no")
    with pytest.warns(CaseWarning, match="left out of training.*toy_1"):
        kept, _ = load_store(path, KEYS, SPEC)
    assert [case.name for case in kept] == ["toy_0", "toy_2"]
