"""What pynrrd, SimpleITK and slicerio see in our files, and what is read of slicerio's."""

import nrrd
import numpy as np
import pytest
from overlapping_masks import GRIDS, scan

from omentum import read_segmentation
from omentum.anatomy import STRUCTURES
from omentum.io.seg_nrrd.write import write_seg_nrrd


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
