"""A case with its truth survives the disk exactly."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_structures import many
from strategies import grids, noise

from omentum.anatomy import STRUCTURES
from omentum.errors import GeometryError, InputError, OutputError
from omentum.io.truth import read_case, write_case
from omentum.segmentation import Segmentation
from omentum.volume import Volume


def a_case(grid, n_classes, seed=0):
    rng = np.random.default_rng(seed)
    keys = STRUCTURES.keys[:n_classes]
    masks = {key: rng.random(grid.shape) < 0.3 for key in keys}
    return Volume(noise(grid), grid.affine), Segmentation.from_masks(masks, grid.affine, keys[::2])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(grids(), st.integers(1, 32))
def test_masks_overlap_and_annotation_come_back(tmp_path, grid, n_classes):
    ct, truth = a_case(grid, n_classes)
    write_case(tmp_path / "case", ct, truth, {"seed": 5, "phase": "venous", "lesions": [1.5]})
    back_ct, back_truth, facts = read_case(tmp_path / "case")
    np.testing.assert_array_equal(back_ct.voxels, ct.voxels)
    np.testing.assert_array_equal(back_truth.bits, truth.bits)
    assert (back_truth.classes, back_truth.annotated) == (truth.classes, truth.annotated)
    assert back_truth.grid.same_as(ct.grid)
    assert facts == {"seed": 5, "phase": "venous", "lesions": [1.5]}


@pytest.fixture
def case(tmp_path):
    ct, truth = a_case(Volume(np.zeros((9, 8, 7)), np.eye(4)).grid, 3)
    write_case(tmp_path / "case", ct, truth, {})
    return tmp_path / "case"


def test_hu_are_rounded_and_clipped_to_16_bits(tmp_path):
    grid = Volume(np.zeros((6, 1, 1)), np.eye(4)).grid
    ct = Volume(np.array([-1e6, -0.6, 0.4, 0.6, 3e5, 12]).reshape(6, 1, 1), np.eye(4))
    write_case(tmp_path / "case", ct, a_case(grid, 1)[1], {})
    stored = read_case(tmp_path / "case")[0].voxels
    assert stored.dtype == np.int16
    assert stored.ravel().tolist() == [-32768, -1, 0, 1, 32767, 12]


def test_a_case_without_its_description_is_incomplete(case):
    (case / "case.json").unlink()
    with pytest.raises(InputError, match=r"case\.json: No such file"):
        read_case(case)


@pytest.mark.parametrize("content", ["", "[1]", "{}", '{"format": 1}', "\udcff"])
def test_a_spoilt_description_is_named(case, content):
    (case / "case.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=r"case\.json: is not the description of a case"):
        read_case(case)


def test_a_newer_format_is_named(case):
    raw = json.loads((case / "case.json").read_text())
    (case / "case.json").write_text(json.dumps(raw | {"schema_version": 2}))
    with pytest.raises(InputError, match="is case format 2, this version reads 1"):
        read_case(case)


def test_truth_on_another_grid_is_refused(case, tmp_path):
    ct, truth, _ = read_case(case)
    moved = ct.affine.copy()
    moved[2, 3] += 1
    with pytest.raises(GeometryError, match="not on the grid"):
        write_case(tmp_path / "new", Volume(ct.voxels, moved), truth, {})
    assert not (tmp_path / "new").exists()


def test_facts_must_be_json(case, tmp_path):
    ct, truth, _ = read_case(case)
    with pytest.raises(OutputError, match="facts are not JSON"):
        write_case(tmp_path / "new", ct, truth, {"volume": float("nan")})
    assert not (tmp_path / "new").exists()


def test_structures_of_a_user_come_along(tmp_path):
    keys = many(tmp_path)
    rng = np.random.default_rng(0)
    classes = (*STRUCTURES.default_keys, *keys)
    masks = {key: rng.random((5, 4, 3)) < 0.3 for key in classes}
    truth = Segmentation.from_masks(masks, np.eye(4), classes[::2])
    write_case(tmp_path / "case", Volume(np.zeros((5, 4, 3)), np.eye(4)), truth, {})
    written = tuple(STRUCTURES)
    STRUCTURES.reset()
    back = read_case(tmp_path / "case")[1]
    assert tuple(STRUCTURES) == written
    assert (back.classes, back.annotated) == (truth.classes, truth.annotated)
    np.testing.assert_array_equal(back.bits, truth.bits)


def test_every_plane_of_many_classes_must_be_there(tmp_path):
    masks = {key: np.zeros((9, 9, 9), bool) for key in many(tmp_path)}
    write_case(tmp_path / "case", Volume(np.zeros((9, 9, 9)), np.eye(4)), Segmentation.from_masks(masks, np.eye(4)), {})
    (tmp_path / "case/bits_1.nii.gz").unlink()
    with pytest.raises(InputError, match=r"bits_1\.nii\.gz"):
        read_case(tmp_path / "case")
