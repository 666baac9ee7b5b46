"""Corrections saved as DICOM: segmentations, label maps and contours, on any order of axes."""

import numpy as np
import pytest
from acceptance import ACCEPTED, ORIGINAL, UNCHANGED, accept, statuses, wider_liver
from annotation_round import masks_of as proposed
from asymmetric_series import LAYOUTS, masks_of, series_of

from omentum.annotate.accept.files import CorrectedFile
from omentum.annotate.accept.read import Renames, read_corrected
from omentum.axis_order import axis_order
from omentum.io.dicom.series import read_series
from omentum.io.dicom.write import write_series
from omentum.io.dicom_out.objects import ObjectSet
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.source import source_series
from omentum.io.nifti import read_volume
from omentum.io.truth import read_case
from omentum.segmentation import Segmentation
from omentum.volume import Volume


def objects(folder, ct, seg):
    return ObjectSet(folder, seg, source_series(ct.header, ct.grid), Producer("1"))


@pytest.mark.parametrize("layout", ["axial, feet first", "decubitus", "oblique"])
@pytest.mark.parametrize("orientation", ["RAS", "LPI", "SRA"])
def test_masks_come_back_on_the_grid_of_the_round(tmp_path, layout, orientation):
    ct = series_of(tmp_path / "ct", *LAYOUTS[layout])
    seg = masks_of(ct).subset(["liver", "liver_tumour", "spleen"])
    order = axis_order(ct.grid, orientation)
    turned = {key: np.array(order.view(seg.mask(key))) for key in seg.classes}
    proposal = Segmentation.from_masks(turned, order.grid(ct.grid).affine)
    written = objects(tmp_path, ct, seg)
    written.write_segmentation("seg.dcm")
    files = ["seg.dcm"]
    if orientation == "RAS" and layout != "decubitus" and order.axes == (0, 1, 2):  # slices along the third axis
        written.write_structure_set("rs.dcm")
        files.append("rs.dcm")
    for name in files:
        found = read_corrected(CorrectedFile(tmp_path / name, "a"), proposal, Renames(), None)
        assert {key: np.array_equal(found[key], turned[key]) for key in turned} == dict.fromkeys(turned, True)


def test_a_label_map_keeps_what_it_cannot_show(tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS["oblique"])
    proposal = masks_of(ct).subset(["liver", "liver_tumour", "spleen"])
    tumour = proposal.mask("liver_tumour")
    apart = {key: proposal.mask(key) & ~(tumour & (key == "liver")) for key in proposal.classes}
    objects(tmp_path, ct, Segmentation.from_masks(apart, ct.affine)).write_labelmap("map.dcm")
    found = read_corrected(CorrectedFile(tmp_path / "map.dcm", "a"), proposal, Renames(), None)
    assert all(np.array_equal(found[key], proposal.mask(key)) for key in proposal.classes)


def test_a_folder_with_the_series_and_its_corrections(here):
    """The CT of the round was converted from this series; slices of it are no corrections."""
    image = read_volume("cts/ct_0.nii.gz")
    order = axis_order(image.grid, "LPS")
    series = here / "corrected" / "ct_0"
    stored = Volume(order.view(image.voxels), order.grid(image.grid).affine)
    write_series(series, stored, "{:03}.dcm".format, series="a")
    ct = read_series(series)
    masks = proposed(ORIGINAL) | {"liver": wider_liver()}
    seg = Segmentation.from_masks({key: np.array(order.view(mask)) for key, mask in masks.items()}, ct.affine)
    objects(series, ct, seg).write_segmentation("corrected.dcm")
    found = statuses(accept("corrected"))
    assert {key: found[key] for key in ("liver", "left_kidney")} == {"liver": ACCEPTED, "left_kidney": UNCHANGED}
    _, labels, _ = read_case("round/accepted/ct_0")
    np.testing.assert_array_equal(labels.mask("liver"), wider_liver())
