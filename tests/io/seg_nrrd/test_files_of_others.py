"""Files that were not written here: segments by their names, layers, encodings and spaces of all kinds."""

import numpy as np
import pytest
from seg_nrrd_files import seg_nrrd

from omentum import read_segmentation
from omentum.errors import CaseWarning, InputError
from omentum.io.labels import ForeignLabelsError


def test_segments_are_told_by_their_names_in_any_spelling(tmp_path):
    voxels = np.zeros((4, 5, 6), np.uint8)
    voxels[0], voxels[1], voxels[2] = 1, 2, 3
    segments = [("spleen", "Spleen", 0, 1), ("Segment_2", "Left Kidney", 0, 2), ("lien_2", "gall bladder", 0, 3)]
    path = seg_nrrd(tmp_path, voxels, segments)
    back = read_segmentation(path)
    assert back.classes == ("spleen", "left_kidney", "gallbladder")
    for n, key in enumerate(back.classes):
        np.testing.assert_array_equal(back.mask(key), voxels == n + 1)


def test_what_is_nothing_of_ours_is_named_and_left_out(tmp_path):
    voxels = np.ones((4, 5, 6), np.uint8)
    voxels[0] = 2
    path = seg_nrrd(tmp_path, voxels, [("Segment_1", "Liver", 0, 1), ("Segment_2", "Vertebra", 0, 2)])
    with pytest.warns(CaseWarning, match="nothing of ours, left out: 'Vertebra'"):
        back = read_segmentation(path)
    assert back.classes == ("liver",)
    assert back.mask("liver").sum() == 90


def test_voxels_that_no_segment_describes_are_told(tmp_path):
    voxels = np.ones((4, 5, 6), np.uint8)
    voxels[0, 0, 0] = 7
    with pytest.warns(CaseWarning, match="1 voxels have values that belong to no segment"):
        read_segmentation(seg_nrrd(tmp_path, voxels, [("liver", "", 0, 1)]))


def test_nothing_of_ours_at_all_is_refused_with_the_list(tmp_path):
    names = [(f"Segment_{n}", f"bone {n}", 0, n) for n in range(1, 9)]
    path = seg_nrrd(tmp_path, np.ones((4, 5, 6), np.uint8), names)
    with pytest.raises(ForeignLabelsError, match=r"'bone 1', .*'bone 5' and 3 more"):
        read_segmentation(path)


def test_one_structure_twice_is_refused(tmp_path):
    segments = [("Segment_1", "Liver", 0, 1), ("Segment_2", "hepar", 0, 2)]
    with pytest.raises(InputError, match="has liver twice: 'Liver', 'hepar'"):
        read_segmentation(seg_nrrd(tmp_path, np.ones((4, 5, 6), np.uint8), segments))


def test_a_lesion_drawn_beside_its_organ_is_of_the_organ(tmp_path):
    voxels = np.ones((4, 5, 6), np.uint8)
    voxels[2] = 2
    path = seg_nrrd(tmp_path, voxels, [("Segment_1", "Liver", 0, 1), ("Segment_2", "liver tumor", 0, 2)])
    assert read_segmentation(path).mask("liver").all()


def test_until_slicer_4_10_a_segment_had_a_layer_of_its_own(tmp_path):
    voxels = np.zeros((2, 4, 5, 6), np.uint8)
    voxels[0, 1:], voxels[1, :3] = 1, 1
    path = seg_nrrd(tmp_path, voxels, [("a", "Liver", None, None), ("b", "Spleen", None, None)])
    back = read_segmentation(path)
    np.testing.assert_array_equal(back.mask("liver"), voxels[0] == 1)
    np.testing.assert_array_equal(back.mask("spleen"), voxels[1] == 1)


@pytest.mark.parametrize("axis", [0, 1, 3])
def test_layers_may_be_any_axis(axis, tmp_path):
    voxels = np.zeros((2, 4, 5, 6), np.int16)
    voxels[0, 1:], voxels[1, :3] = 1, 300
    directions = ["(2,0,0)", "(0,2,0)", "(0,0,2)"]
    directions.insert(axis, "none")
    said = {"space directions": " ".join(directions)}
    segments = [("liver", "", 0, 1), ("spleen", "", 1, 300)]
    back = read_segmentation(seg_nrrd(tmp_path, np.moveaxis(voxels, 0, axis), segments, **said))
    np.testing.assert_array_equal(back.mask("liver"), voxels[0] == 1)
    np.testing.assert_array_equal(back.mask("spleen"), voxels[1] == 300)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_either_encoding_and_byte_order(encoding, order, tmp_path):
    voxels = np.zeros((4, 5, 6), f"{order}u2")
    voxels[1:3] = 300
    back = read_segmentation(seg_nrrd(tmp_path, voxels, [("liver", "", 0, 300)], encoding=encoding))
    np.testing.assert_array_equal(back.mask("liver"), voxels == 300)


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("left-posterior-superior", (-1, -1, 1)),
        ("LPS", (-1, -1, 1)),
        ("right-anterior-superior", (1, 1, 1)),
        ("RAS", (1, 1, 1)),
        ("left-anterior-superior", (-1, 1, 1)),
    ],
)
def test_the_space_says_where_left_is(space, signs, tmp_path):
    path = seg_nrrd(tmp_path, np.ones((4, 5, 6), np.uint8), [("liver", "", 0, 1)], space=space)
    back = read_segmentation(path)
    np.testing.assert_array_equal(back.affine[:3, :3], np.diag(np.array(signs) * 2.0))
    np.testing.assert_array_equal(back.affine[:3, 3], np.array(signs) * (10, 20, 30))
