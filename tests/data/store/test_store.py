import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_cases import read_toy, write_toys

from omentum.data.store import store as store_module
from omentum.data.store.prepare import prepare
from omentum.data.store.prepare_case import StoreOptions
from omentum.data.store.store import Store
from omentum.data.store.stored_case import BODY
from omentum.errors import InputError
from omentum.volume import PADDING_HU

AROUND = 180
OPTIONS = StoreOptions(spacing_mm=(2.0, 2.0, 2.0), samples=50, margin_mm=6)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Cases larger than a block, so that patches cross blocks and chunks."""
    folder = tmp_path_factory.mktemp("store")
    prepare(write_toys(folder / "raw", 2), folder / "store", OPTIONS, read=read_toy)
    return Store.open(folder / "store")


@pytest.fixture
def own_store(tmp_path):
    """One to damage."""
    prepare(write_toys(tmp_path / "raw", 1), tmp_path / "store", OPTIONS, read=read_toy)
    return Store.open(tmp_path / "store")


@pytest.fixture(scope="module")
def padded(store):
    """Each case in air, farther than any patch below reaches."""
    wholes = [store.read(case) for case in store.cases]
    return [(np.pad(hu, AROUND, constant_values=PADDING_HU), np.pad(bits[0], AROUND)) for hu, bits in wholes]


@given(st.tuples(*[st.integers(-80, 95)] * 3), st.tuples(*[st.integers(1, 75)] * 3), st.integers(0, 1))
def test_a_patch_is_a_slice_of_the_whole_and_air_beyond(store, padded, start, size, number):
    cut = tuple(slice(AROUND + s, AROUND + s + n) for s, n in zip(start, size, strict=True))
    hu, bits = store.read_patch(store.cases[number], start, size)
    assert (hu.dtype, bits.dtype) == (np.int16, np.uint32)
    assert np.array_equal(hu, padded[number][0][cut])
    assert np.array_equal(bits[0], padded[number][1][cut])


def test_a_case_spans_several_blocks(store):
    assert min(store.cases[0].shape) > 64


def test_samples_are_voxels_of_their_structure(store):
    case = store.cases[0]
    hu, (bits,) = store.read(case)
    samples = store.samples(case)
    assert samples.keys() == {"left_kidney", "right_kidney", "liver", "liver_tumour", "aorta", BODY}
    for key, voxels in samples.items():
        x, y, z = voxels.T
        inside = hu[x, y, z] > -300 if key == BODY else bits[x, y, z] >> store.classes.index(key) & 1
        assert inside.all()
        assert len(voxels) == 50 == len(np.unique(voxels, axis=0))


def test_another_process_gets_a_store_that_reads(store):
    store.read(store.cases[0])
    copy = pickle.loads(pickle.dumps(store))
    for one, other in zip(copy.read(copy.cases[0]), store.read(store.cases[0]), strict=True):
        assert np.array_equal(one, other)


def test_few_cases_are_open_at_once(store, monkeypatch):
    monkeypatch.setattr(store_module, "OPEN_CASES", 1)
    for case in (*store.cases, *store.cases):
        assert store.read_patch(case, (0, 0, 0), (4, 4, 4)).hu.shape == (4, 4, 4)
    assert len(store._open) == 1


def test_what_is_no_store_is_named(tmp_path):
    with pytest.raises(InputError, match="is no prepared store"):
        Store.open(tmp_path)
    (tmp_path / "store.json").write_text("{}")
    with pytest.raises(InputError, match=r"store\.json: is not the manifest of a store"):
        Store.open(tmp_path)
    (tmp_path / "store.json").write_text('{"format": 99}')
    with pytest.raises(InputError, match="is a store of format 99"):
        Store.open(tmp_path)
    (tmp_path / "store.json").write_text('{"format": 1, "classes": [], "cases": [{"format": 2, "name": "a"}]}')
    with pytest.raises(InputError, match="is not the description of a prepared case"):
        Store.open(tmp_path)


def test_an_unknown_case_is_named(store):
    with pytest.raises(InputError, match="holds no case 'toy_9'"):
        store.case("toy_9")


@pytest.mark.parametrize("name", ["ct.b2nd", "labels.b2nd"])
def test_a_damaged_volume_is_named(own_store, name):
    case = own_store.cases[0]
    path = own_store.folder(case) / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=f"{name}: cannot be read.*prepare it again"):
        own_store.read(case)
    path.unlink()
    with pytest.raises(InputError, match=f"{name}: is missing.*prepare again"):
        own_store.read(case)


def test_damage_inside_a_volume_is_named(own_store):
    path = own_store.folder(own_store.cases[0]) / "ct.b2nd"
    content = bytearray(path.read_bytes())
    content[len(content) // 4 : len(content) // 2] = bytes(len(content) // 4)
    path.write_bytes(content)
    with pytest.raises(InputError, match="toy_0: cannot be decoded"):
        own_store.read(own_store.cases[0])


def test_damaged_samples_are_named(own_store):
    (own_store.folder(own_store.cases[0]) / "samples.npy").write_bytes(b"no")
    with pytest.raises(InputError, match=r"samples\.npy: cannot be read"):
        own_store.samples(own_store.cases[0])
