import numpy as np
import pytest
from raw_cases import read_toy, toy_recipe, write_toys
from toy_cases import bits_of

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.augmentation import Augmentation
from omentum.data.sampling.load import load_folder
from omentum.data.sampling.load_store import load_store
from omentum.data.sampling.sampler import PatchSampler, PatchSource
from omentum.data.splits.division import Division, drawn
from omentum.data.store.chunked import LABELS, write_chunked
from omentum.data.store.prepare import prepare
from omentum.data.store.prepare_case import StoreOptions
from omentum.data.store.store import Store
from omentum.errors import CaseWarning, InputError
from omentum.spec import PreprocessSpec

SPEC = PreprocessSpec(spacing_mm=(3.0, 3.0, 3.0), antialias=True)
KEYS = STRUCTURES.keys


@pytest.fixture
def toys(tmp_path):
    return write_toys(tmp_path / "raw", 3)


def stored(cases, out, **options):
    prepare(cases, out, StoreOptions(**{"spacing_mm": (3.0, 3.0, 3.0), "antialias": True, **options}), read=read_toy)
    return out


def last(number):
    """Hold out the last by name, and patients that are in both leave the training."""

    def divide(cases):
        held = cases[-number:]
        others = [c.name for c in cases[:-number] if c.patient not in {h.patient for h in held}]
        return Division(frozenset(others), frozenset(case.name for case in held))

    return divide


def test_a_case_is_the_one_its_folder_gives_less_the_air_around_it(tmp_path, toys):
    _, (one, *_) = load_store(stored(toys, tmp_path / "store"), KEYS, SPEC, divide=last(3))
    (whole, *_) = load_folder(tmp_path / "raw", KEYS, SPEC)
    assert one.name == "toy_0"
    assert [KEYS[k] for k in np.flatnonzero(one.annotated)] == ["right_kidney", "left_kidney", "liver", "liver_tumour"]
    for bits, other in ((bits_of(one), bits_of(whole)), (one.hu > -500, whole.hu > -500)):
        values, counts = np.unique(bits[bits != 0], return_counts=True)
        expected, expected_counts = np.unique(other[other != 0], return_counts=True)
        assert values.tolist() == expected.tolist()
        assert counts.tolist() == expected_counts.tolist()
    for k, points in one.points.items():
        assert one.mask(k)[tuple(points.T)].all()


def test_what_is_trained_on_is_the_same_case_read_box_by_box(tmp_path, toys):
    kept, _ = load_store(stored(toys, tmp_path / "store"), KEYS, SPEC)
    _, held = load_store(tmp_path / "store", KEYS, SPEC, divide=last(3))
    for lazy, whole in zip(kept, held, strict=True):
        assert (lazy.name, lazy.shape, lazy.voxels) == (whole.name, whole.shape, whole.voxels)
        assert np.array_equal(lazy.annotated, whole.annotated)
        for start, size in (((0, 0, 0), lazy.shape), ((-4, 7, 11), (20, 19, 18)), ((-90, 0, 0), (8, 8, 8))):
            hu, labels = lazy.box(start, size)
            expected_hu, expected_labels = whole.box(start, size)
            assert np.array_equal(hu, expected_hu)
            assert np.array_equal(lazy.sets[labels], whole.sets[expected_labels])
        for k in lazy.voxels:
            assert whole.mask(k)[tuple(lazy.places(k).T)].all()
        assert (whole.hu[tuple(lazy.places(None).T)] > -300).all()


def test_a_store_is_listed_without_reading_a_volume(tmp_path, toys):
    path = stored(toys, tmp_path / "store")
    for volume in path.glob("cases/*/*.b2nd"):
        volume.unlink()
    kept, _ = load_store(path, KEYS, SPEC)
    assert [case.name for case in kept] == ["toy_0", "toy_1", "toy_2"]
    assert all(case.voxels[KEYS.index("liver")] > 100 for case in kept)


def test_only_blocks_of_a_patch_are_read(tmp_path, toys, monkeypatch):
    boxes = []
    real = Store.read_numbers
    monkeypatch.setattr(Store, "read_numbers", lambda s, c, start, size: boxes.append(size) or real(s, c, start, size))
    kept, _ = load_store(stored(toys, tmp_path / "store"), KEYS, SPEC)
    sampler = PatchSampler((PatchSource("toys", kept),), KEYS, (16, 16, 16), (-175.0, 250.0), Augmentation())
    sampler.batch(range(5))
    assert len(boxes) == 5
    assert np.max(boxes) < 40


def test_the_model_may_have_other_classes_in_another_order(tmp_path, toys):
    classes = ("liver", "left_kidney")
    (one, *_), _ = load_store(stored(toys, tmp_path / "store"), classes, SPEC)
    _, (every, *_) = load_store(tmp_path / "store", KEYS, SPEC, divide=last(3))
    assert one.annotated.tolist() == [True, True]
    _, labels = one.box((0, 0, 0), one.shape)
    for k, key in enumerate(classes):
        assert np.array_equal(one.sets[:, k][labels], every.mask(KEYS.index(key)))
        assert one.voxels[k] == every.voxels[KEYS.index(key)]


def test_a_patient_is_trained_on_or_held_out_never_both(tmp_path, toys):
    other = write_toys(tmp_path / "again", 1, toy_recipe("zoo"))
    same = [type(c)(**{**vars(c), "patient": "toy-1"}) for c in other]
    path = stored([*toys, *same], tmp_path / "store")
    # zoo_0 is the scan of toy_0 under another name, and of the patient of toy_1: the three stay together.
    together = {"toy_0", "toy_1", "zoo_0"}
    kept, held = load_store(path, KEYS, SPEC, lambda cases: drawn(cases, 1))
    assert len(held) == 1
    names = {case.name for case in kept}
    assert names == ({"toy_2"} if held[0].name in together else together)


def test_another_grid_is_refused(tmp_path, toys):
    path = stored(toys[:1], tmp_path / "store", antialias=False)
    with pytest.raises(InputError, match=r"for 3 x 3 x 3 mm RAS not smoothed, not 3 x 3 x 3 mm RAS smoothed first"):
        load_store(path, KEYS, SPEC)


def test_a_bad_case_is_named_and_left_out(tmp_path, toys):
    path = stored(toys, tmp_path / "store")
    (path / "cases/toy_2/labels.b2nd").write_bytes(b"no")
    with pytest.warns(CaseWarning, match="left out of training.*toy_2"):
        kept, held = load_store(path, KEYS, SPEC, divide=last(1))
    assert [case.name for case in kept] == ["toy_0", "toy_1"]
    assert held == ()


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("labels.b2nd", b"no", "cannot be read"),
        ("ct.b2nd", None, "is missing"),
        ("samples.npy", b"no", "cannot be read"),
        ("samples.npy", None, "cannot be read"),
    ],
)
def test_a_case_that_is_bad_when_drawn_is_named_and_another_shown(tmp_path, toys, file, content, reason):
    path = stored(toys, tmp_path / "store")
    kept, _ = load_store(path, KEYS, SPEC)
    bad = path / "cases/toy_1" / file
    bad.unlink() if content is None else bad.write_bytes(content)
    sampler = PatchSampler((PatchSource("toys", kept),), KEYS, (16, 16, 16), (-175.0, 250.0), Augmentation())
    batch = sampler.batch(range(12))
    assert set(batch.names) == {"toys/toy_0", "toys/toy_2"}
    assert {fault.case for fault in batch.faults} == {"toys/toy_1"}
    assert all(reason in fault.reason for fault in batch.faults)


def test_labels_beyond_the_table_are_a_fault_and_no_crash(tmp_path, toys):
    path = stored(toys, tmp_path / "store")
    (one, *_), _ = load_store(path, KEYS, SPEC)
    write_chunked(path / "cases/toy_0/labels.b2nd", np.full(one.shape, 200, np.uint8), LABELS)
    with pytest.raises(InputError, match="labels beyond its"):
        one.box((0, 0, 0), (8, 8, 8))
