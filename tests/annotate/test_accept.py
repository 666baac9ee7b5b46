"""Corrections taken back: what is accepted, with which provenance, and what is written, trained on and replaced."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from acceptance import (
    ACCEPTED,
    BY,
    KNOWN,
    ORIGINAL,
    REFUSED,
    SAVED,
    UNCHANGED,
    accept,
    accepted,
    corrected,
    statuses,
    wider_liver,
)
from annotation_round import grown, masks_of, put_corrected

from omentum.annotate.accept.api import accept_corrections
from omentum.annotate.accept.options import AcceptOptions
from omentum.annotate.propose.api import propose_annotations
from omentum.annotate.propose.options import ProposeOptions
from omentum.data.corrections import mask_sha256, read_corrections
from omentum.data.prepare_data import prepare_data
from omentum.data.sampling.load import load_folder
from omentum.data.store.prepare_case import StoreOptions
from omentum.data.store.store import Store
from omentum.io.nifti import read_volume
from omentum.io.truth import read_case, write_case
from omentum.segmentation import Segmentation
from omentum.spec import PreprocessSpec


def test_a_correction_is_taken_with_who_when_and_how_much(here):
    liver = corrected()
    found = accept()
    assert statuses(found) == {
        "liver": ACCEPTED,
        "left_kidney": UNCHANGED,
        "right_kidney": UNCHANGED,
        "liver_tumour": UNCHANGED,
    }
    _, labels, facts = read_case("round/accepted/ct_0")
    assert labels.annotated == {"liver"}
    assert np.array_equal(labels.mask("liver"), liver)
    (record,) = facts["corrections"]
    changed = int((liver ^ masks_of(ORIGINAL)["liver"]).sum())
    assert (record["structure"], record["by"], record["file"]) == ("liver", BY, "ct_0.seg.nrrd")
    assert (record["voxels"], record["changed_voxels"]) == (int(liver.sum()), changed)
    assert record["mask_sha256"] == mask_sha256(liver)
    assert record["when"].startswith("20")
    assert facts["label_sources"] == {"liver": "corrected"}
    left = json.loads(Path("round/worklist.json").read_text())["items"]
    assert ("ct_0", "liver") not in {(item["case"], item["structure"]["key"]) for item in left}
    assert len(left) == 7


def test_unchanged_proposals_are_accepted_on_request_only(here):
    shutil.copytree("round/cases", "mine")
    assert set(statuses(accept("mine/ct_0/ct_0.seg.nrrd")).values()) == {UNCHANGED}
    assert not Path("round/accepted").exists()
    found = accept("mine/ct_0/ct_0.seg.nrrd", unchanged=True, structures=("kidneys",))
    assert statuses(found) == {"right_kidney": ACCEPTED, "left_kidney": ACCEPTED}
    assert all(record.unchanged for record in read_corrections(Path("round"), "ct_0").records.records)


def test_what_was_edited_in_the_folder_of_the_round_is_found(here):
    place = Path("round/cases/ct_1/ct_1.seg.nrrd")
    put_corrected(place, place, liver=grown(masks_of(place)["liver"]))
    found = accept("round/cases")
    assert [(case, key) for (case, key), one in found.items() if one.status is ACCEPTED] == [("ct_1", "liver")]
    assert found["ct_1", "liver"].changed_voxels > 0


def test_an_empty_segment_means_absent(here):
    put_corrected(ORIGINAL, SAVED, liver_tumour=np.zeros_like(wider_liver()))
    assert statuses(accept())["liver_tumour"] is ACCEPTED
    _, labels, _ = read_case("round/accepted/ct_0")
    assert labels.annotated == {"liver_tumour"}
    assert not labels.mask("liver_tumour").any()


def test_the_newer_of_two_corrections_counts_only_when_told(here):
    corrected()
    accept()
    newer = grown(wider_liver())
    put_corrected(ORIGINAL, SAVED, liver=newer)
    found = accept(by="B. Jones")["ct_0", "liver"]
    assert found.status is REFUSED
    assert f"corrected earlier, by {BY}" in found.reason
    assert np.array_equal(accepted(), wider_liver())
    assert accept(by="B. Jones", replace=True)["ct_0", "liver"].status is ACCEPTED
    assert np.array_equal(accepted(), newer)
    first, second = read_corrections(Path("round"), "ct_0").records.records
    assert (first.by, second.by, second.replaced) == (BY, "B. Jones", "corrected")
    assert accept(by="B. Jones")["ct_0", "liver"].status is KNOWN


def test_truth_of_a_case_folder_stays_unless_it_is_to_be_replaced(here):
    ct = read_volume("cts/ct_0.nii.gz")
    truth = Segmentation.from_masks({"liver": masks_of(ORIGINAL)["liver"]}, ct.affine)
    write_case("labelled/a", ct, truth, {"patient": "p"})
    propose_annotations("labelled", "second", ProposeOptions())
    keys = {one["key"] for one in json.loads(Path("second/proposals/a.json").read_text())["structures"]}
    assert keys == {"left_kidney", "right_kidney", "liver_tumour"}
    shutil.rmtree("second")
    propose_annotations("labelled", "second", ProposeOptions(annotated=True))
    put_corrected(Path("second/proposals/a.seg.nrrd"), Path("corrected/a.seg.nrrd"), liver=wider_liver())
    done = accept_corrections("second", "corrected", BY)
    assert [one.status for one in done.outcomes if one.structure == "liver"] == [REFUSED]
    options = AcceptOptions(replace_truth=True)
    done = accept_corrections("second", "corrected", BY, options)
    assert [one.status for one in done.outcomes if one.structure == "liver"] == [ACCEPTED]
    _, labels, facts = read_case("second/accepted/a")
    assert np.array_equal(labels.mask("liver"), wider_liver())
    assert facts["patient"] == "p"
    assert facts["corrections"][0]["replaced"] == "truth"


def test_a_case_folder_that_was_not_finished_is_written_by_the_next_call(here):
    liver = corrected()
    accept()
    shutil.rmtree("round/accepted/ct_0")
    assert statuses(accept())["liver"] is KNOWN
    assert np.array_equal(accepted(), liver)
    made = Path("round/accepted/ct_0/case.json").stat().st_mtime_ns
    accept()
    assert Path("round/accepted/ct_0/case.json").stat().st_mtime_ns == made


def test_training_takes_accepted_cases_as_annotated(here):
    corrected()
    accept()
    classes = ("liver", "left_kidney")
    (case,) = load_folder(Path("round/accepted"), classes, PreprocessSpec(spacing_mm=(4.0, 4.0, 4.0)))
    assert case.annotated.tolist() == [True, False]
    assert case.assisted == {0}
    assert case.voxels[0] == pytest.approx(wider_liver().sum(), rel=0.02)


def test_accepted_cases_are_a_dataset(here):
    corrected()
    accept()
    prepare_data({"round/accepted": "round/accepted"}, "store", StoreOptions(spacing_mm=(4.0, 4.0, 4.0)))
    (case,) = Store.open("store").cases
    assert (case.annotated, case.id) == (("liver",), "ct_0")
    assert case.assisted == {"liver"}  # trained on, but nothing is measured against it
    assert case.structures["liver"].voxels == pytest.approx(wider_liver().sum(), rel=0.02)
