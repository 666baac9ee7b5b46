import json

import numpy as np
import pytest
from toy_cases import SPACING_3MM, bits_of, toy_volume

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.load import load_folder, load_pair
from omentum.errors import CaseWarning, GeometryError, InputError
from omentum.io.nifti import write_volume
from omentum.io.truth import write_case
from omentum.segmentation import Segmentation
from omentum.spec import PreprocessSpec
from omentum.volume import Volume

SPEC = PreprocessSpec(spacing_mm=(3.0, 3.0, 3.0), antialias=True)
KEYS = STRUCTURES.keys


def flipped(ct, truth):
    """The same patient stored as LPS."""
    turn = np.diag([-1.0, -1.0, 1.0, 1.0])
    turn[:2, 3] = np.array(ct.shape[:2]) - 1
    affine = ct.affine @ turn
    return (
        Volume(ct.voxels[::-1, ::-1].copy(), affine),
        Segmentation(truth.bits[:, ::-1, ::-1].copy(), affine, truth.classes, truth.annotated),
    )


def test_storage_order_does_not_matter(tmp_path):
    ct, truth = toy_volume()
    write_case(tmp_path / "a", ct, truth, {})
    write_case(tmp_path / "b", *flipped(ct, truth), {})
    a, b = load_folder(tmp_path, KEYS, SPEC)
    assert np.array_equal(a.hu, b.hu)
    assert np.array_equal(bits_of(a), bits_of(b))
    assert np.array_equal(a.annotated, b.annotated)


def test_finer_cases_come_to_the_model_grid(tmp_path):
    ct, truth = toy_volume()
    fine = np.diag([1.5, 1.5, 1.5, 1.0])
    double = Volume(ct.voxels.repeat(2, 0).repeat(2, 1).repeat(2, 2), fine)
    bits = truth.bits.repeat(2, 1).repeat(2, 2).repeat(2, 3)
    write_case(tmp_path / "fine", double, Segmentation(bits, fine, truth.classes, truth.annotated), {})
    (case,) = load_folder(tmp_path, KEYS, SPEC)
    liver = KEYS.index("liver")
    assert case.shape == (40, 36, 34)
    assert case.mask(liver).sum() == pytest.approx(truth.mask("liver").sum(), rel=0.05)


def test_a_bad_case_is_named_and_left_out(tmp_path):
    ct, truth = toy_volume()
    write_case(tmp_path / "good", ct, truth, {})
    write_case(tmp_path / "bad", ct, truth, {})
    (tmp_path / "bad" / "ct.nii.gz").write_bytes(b"\x1f\x8b")
    with pytest.warns(CaseWarning, match="left out of training.*bad"):
        cases = load_folder(tmp_path, KEYS, SPEC)
    assert [case.name for case in cases] == ["good"]


def test_an_empty_folder_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no usable cases"):
        load_folder(tmp_path, KEYS, SPEC)


def test_a_pair_annotates_only_what_its_mapping_names(tmp_path):
    ct, truth = toy_volume()
    labels = truth.mask("liver").astype(np.uint8) + 2 * truth.mask("right_kidney")
    write_volume(tmp_path / "ct.nii.gz", ct)
    write_volume(tmp_path / "labels.nii.gz", Volume(labels, SPACING_3MM))
    case = load_pair(tmp_path / "ct.nii.gz", tmp_path / "labels.nii.gz", {1: "liver"}, KEYS, SPEC)
    assert [KEYS[k] for k in np.flatnonzero(case.annotated)] == ["liver"]
    shifted = Volume(labels, SPACING_3MM + np.eye(4)[:, [3]] * 0 + np.array([[0, 0, 0, 9.0]] + [[0] * 4] * 3))
    write_volume(tmp_path / "moved.nii.gz", shifted)
    with pytest.raises(GeometryError, match="not on the grid"):
        load_pair(tmp_path / "ct.nii.gz", tmp_path / "moved.nii.gz", {1: "liver"}, KEYS, SPEC)


def test_case_files_are_what_phantoms_write(tmp_path):
    ct, truth = toy_volume()
    write_case(tmp_path / "a", ct, truth, {"seed": 1})
    assert json.loads((tmp_path / "a" / "case.json").read_text())["facts"] == {"seed": 1}
