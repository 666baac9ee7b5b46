"""Corrections as label maps and single masks: what they speak of, and what they hide or leave open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from acceptance import ACCEPTED, ORIGINAL, REFUSED, UNCHANGED, accept, accepted, statuses, wider_liver
from annotation_round import grown, masks_of, put_corrected

from omentum.io.nifti import read_volume, write_labelmap, write_volume
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.segmentation import Segmentation
from omentum.volume import Volume


def test_a_label_map_speaks_only_of_what_it_shows(here):
    seg = read_seg_nrrd(ORIGINAL)
    liver = grown(masks_of(ORIGINAL)["liver"])
    masks = {"liver": liver, "left_kidney": masks_of(ORIGINAL)["left_kidney"]}
    write_labelmap("corrected.nii.gz", Segmentation.from_masks(masks, seg.affine))
    volume = read_volume("corrected.nii.gz")
    Path("corrected").mkdir()
    write_volume("corrected/ct_0.nii.gz", Volume(volume.voxels, volume.affine))  # without names
    found = accept("corrected")
    assert statuses(found) == {"liver": ACCEPTED, "left_kidney": UNCHANGED}
    assert np.array_equal(accepted(), liver)
    found = accept("corrected", absent=("liver tumour",))
    assert found["ct_0", "liver_tumour"].status is ACCEPTED
    assert not accepted("liver_tumour").any()


def test_what_a_label_map_paints_over_is_not_taken_for_erased(here):
    seg, masks = read_seg_nrrd(ORIGINAL), masks_of(ORIGINAL)
    inside = np.zeros(seg.shape, bool)
    inside[tuple(int(n) for n in np.argwhere(masks["liver"]).mean(axis=0))] = True
    put_corrected(ORIGINAL, ORIGINAL, liver_tumour=inside)
    Path("corrected").mkdir()
    write_labelmap("corrected/ct_0.nii.gz", read_seg_nrrd(ORIGINAL))
    assert statuses(accept("corrected"))["liver"] is UNCHANGED


def test_a_single_mask_is_named_after_its_structure(here):
    liver, seg = wider_liver(), read_seg_nrrd(ORIGINAL)
    Path("corrected/ct_0").mkdir(parents=True)
    write_volume("corrected/ct_0/liver.nii.gz", Volume(liver.astype(np.uint8), seg.affine))
    assert statuses(accept("corrected")) == {"liver": ACCEPTED}
    assert np.array_equal(accepted(), liver)


def test_a_mask_that_does_not_say_of_what_is_not_taken_for_the_first_structure(here):
    seg = read_seg_nrrd(ORIGINAL)
    Path("corrected/ct_0").mkdir(parents=True)
    write_volume("corrected/ct_0/fixed.nii.gz", Volume(wider_liver().astype(np.uint8), seg.affine))
    (found,) = accept("corrected").values()
    assert found.status is REFUSED
    assert "holds the value 1 alone, which is spleen" in found.reason


def test_a_mapping_that_contradicts_the_names_in_a_file_is_refused(here):
    seg = read_seg_nrrd(ORIGINAL)
    Path("corrected").mkdir()
    write_labelmap("corrected/ct_0.nii.gz", Segmentation.from_masks({"spleen": wider_liver()}, seg.affine))
    (found,) = accept("corrected", mapping="msd-liver").values()
    assert found.status is REFUSED
    assert "leave out --mapping" in found.reason
