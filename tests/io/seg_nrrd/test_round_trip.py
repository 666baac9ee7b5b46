"""All masks in one file: written, read back and opened by others, the bits are the same, wherever the grid lies."""

import gzip

import nrrd
import numpy as np
import pytest
from banded_phantom import ras_grid, rotated, stored
from hypothesis import given
from hypothesis import strategies as st
from own_structures import included
from seg_nrrd_files import pairs_of, seg_nrrd

from omentum import read_segmentation
from omentum.anatomy import STRUCTURES
from omentum.errors import CaseWarning, InputError
from omentum.io.labels import ForeignLabelsError
from omentum.io.nifti import write_labelmap
from omentum.io.seg_nrrd.fields import terminology, unescaped
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.segmentation import Segmentation, overlaps

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
OVERLAPPING = {
    "pancreas": ((0, 0, 0), (30, 12, 10)),
    "portal_splenic_vein": ((6, 4, 0), (26, 4, 4)),
    "left_kidney": ((-30, -14, -16), (10, 11, 16)),
    "kidney_cyst": ((-33, -14, -10), (5, 5, 6)),
    "liver": ((28, 6, 10), (18, 22, 20)),
    "hepatic_vessel": ((28, 6, 10), (4, 18, 5)),
    "hepatic_vessel_tumour": ((28, 12, 10), (6, 6, 6)),
    "spleen": ((-40, 20, 30), (6, 9, 9)),
}
"""A vein over the pancreas, a cyst in a kidney, a tumour in a vessel of the liver: centre and half axes in RAS+ mm."""
GRIDS = {
    "isotropic": ras_grid(),
    "anisotropic": ras_grid((1.5, 2.5, 5.0)),
    "flipped": stored(ras_grid((2.0, 3.0, 4.0)), (0, 1, 2), (True, True, False)),
    "axes swapped": stored(ras_grid((2.0, 3.0, 4.0)), (2, 0, 1), (True, False, True)),
    "oblique": rotated(stored(ras_grid((2.0, 3.0, 4.0)), (1, 0, 2), (False, True, True)), 20),
}


def scan(grid):
    """Its structures overlap; the gallbladder was looked for and is not there."""
    i, j, k = np.indices(grid.shape)
    places = grid.to_world(np.stack([i, j, k], -1))
    masks = {key: (((places - centre) / half) ** 2).sum(-1) <= 1 for key, (centre, half) in OVERLAPPING.items()}
    masks["gallbladder"] = np.zeros(grid.shape, bool)
    return Segmentation.from_masks(masks, grid.affine)


def same(back, seg):
    assert back.classes == seg.classes
    assert back.annotated == seg.annotated
    np.testing.assert_array_equal(back.affine, seg.affine)
    np.testing.assert_array_equal(back.bits, seg.bits)


@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.0, 0.1, 0.5, 0.9]), number=st.sampled_from([1, 6, 32]))
def test_any_masks_come_back(seed, share, number, tmp_path_factory):
    random = np.random.default_rng(seed)
    keys = random.permutation(STRUCTURES.keys)[:number].tolist()
    seg = Segmentation.from_masks({key: random.random((4, 5, 70)) < share for key in keys}, AFFINE)
    path = tmp_path_factory.mktemp("case") / "s.seg.nrrd"
    write_seg_nrrd(path, seg)
    same(read_seg_nrrd(path), seg)


@pytest.mark.parametrize("name", GRIDS)
def test_what_overlaps_comes_back_on_any_grid(name, tmp_path):
    seg = scan(GRIDS[name])
    together = [set(keys) for keys in overlaps(seg)]
    for pair in (
        {"pancreas", "portal_splenic_vein"},
        {"left_kidney", "kidney_cyst"},
        {"liver", "hepatic_vessel", "hepatic_vessel_tumour"},
    ):
        assert pair in together
    write_seg_nrrd(tmp_path / "s.seg.nrrd", seg)
    same(read_seg_nrrd(tmp_path / "s.seg.nrrd"), seg)


@pytest.mark.parametrize("name", GRIDS)
def test_pynrrd_sees_every_mask(name, tmp_path):
    seg = scan(GRIDS[name])
    write_seg_nrrd(tmp_path / "s.seg.nrrd", seg)
    voxels, header = nrrd.read(str(tmp_path / "s.seg.nrrd"))
    assert voxels.shape == (3, *seg.shape)  # liver, vessel and tumour share voxels; three layers are enough
    assert header["space"] == "left-posterior-superior"
    lps = np.diag([-1, -1, 1]) @ seg.affine[:3]
    np.testing.assert_array_equal(header["space directions"][1:].T, lps[:, :3])
    assert np.isnan(header["space directions"][0]).all()
    np.testing.assert_array_equal(header["space origin"], lps[:, 3])
    for n, key in enumerate(seg.classes):
        assert header[f"Segment{n}_ID"] == key
        layer, value = int(header[f"Segment{n}_Layer"]), int(header[f"Segment{n}_LabelValue"])
        np.testing.assert_array_equal(voxels[layer] == value, seg.mask(key))
        extent = np.array(header[f"Segment{n}_Extent"].split(), int).reshape(3, 2)
        found = np.argwhere(seg.mask(key))
        expected = np.stack([found.min(0), found.max(0)], -1) if len(found) else [[0, -1]] * 3
        np.testing.assert_array_equal(extent, expected)


@pytest.mark.parametrize("name", GRIDS)
def test_simpleitk_sees_every_mask_in_its_place(name, tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    seg = scan(GRIDS[name])
    write_seg_nrrd(tmp_path / "s.seg.nrrd", seg)
    image = sitk.ReadImage(str(tmp_path / "s.seg.nrrd"))
    assert image.GetSize() == seg.shape
    voxels = sitk.GetArrayFromImage(image).transpose(3, 2, 1, 0)
    said = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    for n, key in enumerate(seg.classes):
        layer, value = (int(said[f"Segment{n}_{name}"]) for name in ("Layer", "LabelValue"))
        assert said[f"Segment{n}_ID"] == key
        np.testing.assert_array_equal(voxels[layer] == value, seg.mask(key))
    corner = tuple(n - 1 for n in seg.shape)
    place = image.TransformIndexToPhysicalPoint(corner)
    np.testing.assert_allclose(np.array(place) * (-1, -1, 1), seg.grid.to_world(corner), atol=1e-9)


def test_slicerio_reads_segments_with_their_codes(tmp_path):
    slicerio = pytest.importorskip("slicerio")
    seg = scan(GRIDS["oblique"])
    write_seg_nrrd(tmp_path / "s.seg.nrrd", seg)
    read = slicerio.read_segmentation(str(tmp_path / "s.seg.nrrd"))
    assert [one["id"] for one in read["segments"]] == list(seg.classes)
    for one in read["segments"]:
        row = STRUCTURES[one["id"]]
        assert one["name"] == row.display
        np.testing.assert_array_equal(read["voxels"][one["layer"]] == one["labelValue"], seg.mask(row.key))
        np.testing.assert_allclose(np.array(one["color"]) * 255, row.colour, atol=1e-3)
        assert one["terminology"]["category"][:2] == ["SCT", row.snomed_category.code]
        assert one["terminology"]["type"][:2] == ["SCT", row.snomed.code]
        side = row.snomed_modifier
        assert one["terminology"].get("typeModifier", ["", ""])[1] == (side.code if side else "")
        region = row.snomed_region
        assert one["terminology"].get("anatomicRegion", ["", ""])[1] == (region.code if region else "")
    lps = np.diag([-1, -1, 1, 1]) @ seg.affine
    np.testing.assert_array_equal(read["ijkToLPS"], lps)


def test_slicerio_writes_what_is_read(tmp_path):
    slicerio = pytest.importorskip("slicerio")
    grid = GRIDS["oblique"]
    liver = np.zeros(grid.shape, np.uint8)
    liver[5:20, 5:20, 5:15] = 1
    segments = [{"id": "Segment_1", "name": "Liver", "labelValue": 1, "layer": 0}]
    lps = np.diag([-1, -1, 1, 1]) @ grid.affine
    said = {"voxels": liver, "ijkToLPS": lps, "segments": segments, "encoding": "gzip"}
    slicerio.write_segmentation(str(tmp_path / "s.seg.nrrd"), said)
    back = read_segmentation(tmp_path / "s.seg.nrrd")
    np.testing.assert_array_equal(back.mask("liver"), liver == 1)
    assert back.grid.same_as(grid, 1e-9)


def test_terminology_says_side_where_it_belongs():
    kidney, cyst = terminology(STRUCTURES["left_kidney"]), terminology(STRUCTURES["kidney_cyst"])
    assert "~SCT^123037004^Anatomical Structure~SCT^64033007^Kidney~SCT^7771000^Left~" in kidney
    assert kidney.endswith("~^^~^^")
    assert "~SCT^49755003^Morphologically Altered Structure~SCT^367643001^Cyst~^^~" in cyst
    assert cyst.endswith("~SCT^64033007^Kidney~^^")


def test_what_was_looked_for_is_known_and_what_was_not_is_not(tmp_path):
    masks = {key: np.zeros((4, 4, 4), bool) for key in ("liver", "spleen", "stomach", "colon")}
    masks["liver"][1], masks["colon"][2] = True, True
    seg = Segmentation.from_masks(masks, AFFINE, annotated=["liver", "spleen"])
    write_seg_nrrd(tmp_path / "s.seg.nrrd", seg)
    back = read_seg_nrrd(tmp_path / "s.seg.nrrd")
    assert back.classes == ("liver", "spleen", "colon")  # nobody looked for the stomach, and nothing of it is there
    assert back.annotated == {"liver", "spleen"}
    assert back.mask("colon").sum() == 16


def test_nothing_at_all_is_said_too(tmp_path):
    seg = Segmentation.from_masks({"liver": np.zeros((4, 4, 4), bool)}, AFFINE)
    write_seg_nrrd(tmp_path / "s.seg.nrrd", seg)
    same(read_seg_nrrd(tmp_path / "s.seg.nrrd"), seg)


def test_the_same_masks_are_the_same_bytes_and_few(tmp_path):
    seg = scan(GRIDS["isotropic"])
    for name in ("a", "b"):
        write_seg_nrrd(tmp_path / f"{name}.seg.nrrd", seg)
    content = (tmp_path / "a.seg.nrrd").read_bytes()
    assert content == (tmp_path / "b.seg.nrrd").read_bytes()
    head, _, body = content.partition(b"\n\n")
    assert len(gzip.decompress(body)) == 3 * np.prod(seg.shape)
    assert len(body) < np.prod(seg.shape) / 10
    assert all(len(line) < 400 for line in head.splitlines())


OWN = """
[nodule_x]
kind = "tumour"
hosts = ["liver"]
index = 400
display = 'A "\\new" one'
"""


def test_structures_of_ones_own_bring_along_what_they_are(tmp_path):
    masks = {key: np.zeros((4, 5, 6), bool) for key in ("liver", "nodule_x")}
    masks["liver"][1:], masks["nodule_x"][2] = True, True
    included(tmp_path, OWN)
    display = STRUCTURES["nodule_x"].display
    assert "\\n" in display
    seg = Segmentation.from_masks(masks, AFFINE)
    write_seg_nrrd(tmp_path / "s.seg.nrrd", seg)
    STRUCTURES.reset()
    same(read_seg_nrrd(tmp_path / "s.seg.nrrd"), seg)
    assert (STRUCTURES["nodule_x"].display, STRUCTURES["nodule_x"].index) == (display, 400)


def test_values_with_backslashes_and_lines_survive():
    for text in ("plain", "a\\nb", "a\nb", "\\\\n\n", ""):
        (line,) = pairs_of({"k": text})
        assert "\n" not in line
        assert unescaped(line.partition(":=")[2]) == text


class TestOfOthers:
    """Files that were not written here."""

    def test_segments_are_told_by_their_names_in_any_spelling(self, tmp_path):
        voxels = np.zeros((4, 5, 6), np.uint8)
        voxels[0], voxels[1], voxels[2] = 1, 2, 3
        segments = [("spleen", "Spleen", 0, 1), ("Segment_2", "Left Kidney", 0, 2), ("lien_2", "gall bladder", 0, 3)]
        path = seg_nrrd(tmp_path, voxels, segments)
        back = read_segmentation(path)
        assert back.classes == ("spleen", "left_kidney", "gallbladder")
        for n, key in enumerate(back.classes):
            np.testing.assert_array_equal(back.mask(key), voxels == n + 1)

    def test_what_is_nothing_of_ours_is_named_and_left_out(self, tmp_path):
        voxels = np.ones((4, 5, 6), np.uint8)
        voxels[0] = 2
        path = seg_nrrd(tmp_path, voxels, [("Segment_1", "Liver", 0, 1), ("Segment_2", "Vertebra", 0, 2)])
        with pytest.warns(CaseWarning, match="nothing of ours, left out: 'Vertebra'"):
            back = read_segmentation(path)
        assert back.classes == ("liver",)
        assert back.mask("liver").sum() == 90

    def test_voxels_that_no_segment_describes_are_told(self, tmp_path):
        voxels = np.ones((4, 5, 6), np.uint8)
        voxels[0, 0, 0] = 7
        with pytest.warns(CaseWarning, match="1 voxels have values that belong to no segment"):
            read_segmentation(seg_nrrd(tmp_path, voxels, [("liver", "", 0, 1)]))

    def test_nothing_of_ours_at_all_is_refused_with_the_list(self, tmp_path):
        names = [(f"Segment_{n}", f"bone {n}", 0, n) for n in range(1, 9)]
        path = seg_nrrd(tmp_path, np.ones((4, 5, 6), np.uint8), names)
        with pytest.raises(ForeignLabelsError, match=r"'bone 1', .*'bone 5' and 3 more"):
            read_segmentation(path)

    def test_one_structure_twice_is_refused(self, tmp_path):
        segments = [("Segment_1", "Liver", 0, 1), ("Segment_2", "hepar", 0, 2)]
        with pytest.raises(InputError, match="has liver twice: 'Liver', 'hepar'"):
            read_segmentation(seg_nrrd(tmp_path, np.ones((4, 5, 6), np.uint8), segments))

    def test_a_lesion_drawn_beside_its_organ_is_of_the_organ(self, tmp_path):
        voxels = np.ones((4, 5, 6), np.uint8)
        voxels[2] = 2
        path = seg_nrrd(tmp_path, voxels, [("Segment_1", "Liver", 0, 1), ("Segment_2", "liver tumor", 0, 2)])
        assert read_segmentation(path).mask("liver").all()

    def test_until_slicer_4_10_a_segment_had_a_layer_of_its_own(self, tmp_path):
        voxels = np.zeros((2, 4, 5, 6), np.uint8)
        voxels[0, 1:], voxels[1, :3] = 1, 1
        path = seg_nrrd(tmp_path, voxels, [("a", "Liver", None, None), ("b", "Spleen", None, None)])
        back = read_segmentation(path)
        np.testing.assert_array_equal(back.mask("liver"), voxels[0] == 1)
        np.testing.assert_array_equal(back.mask("spleen"), voxels[1] == 1)

    @pytest.mark.parametrize("axis", [0, 1, 3])
    def test_layers_may_be_any_axis(self, axis, tmp_path):
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
    def test_either_encoding_and_byte_order(self, encoding, order, tmp_path):
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
    def test_the_space_says_where_left_is(self, space, signs, tmp_path):
        path = seg_nrrd(tmp_path, np.ones((4, 5, 6), np.uint8), [("liver", "", 0, 1)], space=space)
        back = read_segmentation(path)
        np.testing.assert_array_equal(back.affine[:3, :3], np.diag(np.array(signs) * 2.0))
        np.testing.assert_array_equal(back.affine[:3, 3], np.array(signs) * (10, 20, 30))


class TestAnywhere:
    """`omentum.read_segmentation`."""

    def test_a_folder_gives_what_says_most(self, tmp_path):
        seg = scan(GRIDS["isotropic"])
        write_labelmap(tmp_path / "segmentation.nii.gz", seg)
        assert read_segmentation(tmp_path).mask("pancreas").sum() < seg.mask("pancreas").sum()
        write_seg_nrrd(tmp_path / "segmentation.seg.nrrd", seg)
        same(read_segmentation(tmp_path), seg)
        assert read_segmentation(tmp_path / "segmentation.nii.gz").mask("pancreas").sum() < seg.mask("pancreas").sum()

    def test_the_name_does_not_matter(self, tmp_path):
        seg = scan(GRIDS["isotropic"])
        write_seg_nrrd(tmp_path / "masks.dat", seg)
        same(read_segmentation(tmp_path / "masks.dat"), seg)

    def test_a_folder_without_any_is_refused(self, tmp_path):
        with pytest.raises(InputError, match=r"holds no segmentation\.seg\.nrrd or segmentation\.nii\.gz"):
            read_segmentation(tmp_path)
        with pytest.raises(InputError, match="No such file"):
            read_segmentation(tmp_path / "none")
