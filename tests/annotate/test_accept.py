"""Corrections taken back: what is accepted, with which provenance, and what is refused."""

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
    corrected,
    statuses,
    wider_liver,
)
from annotation_round import grown, masks_of, put_corrected
from hypothesis import given
from strategies import grids, in_storage_order, storage_orders

from omentum.annotate.accept.api import accept_corrections
from omentum.annotate.accept.options import AcceptOptions
from omentum.annotate.accept.read import on_grid
from omentum.annotate.propose.api import propose_annotations
from omentum.annotate.propose.options import ProposeOptions
from omentum.data.corrections import mask_sha256, read_corrections
from omentum.data.prepare_data import prepare_data
from omentum.data.sampling.load import load_folder
from omentum.data.store.prepare_case import StoreOptions
from omentum.data.store.store import Store
from omentum.errors import GeometryError, InputError, UsageError
from omentum.io.nifti import read_volume, write_labelmap, write_volume
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.io.truth import read_case, write_case
from omentum.segmentation import Segmentation
from omentum.spec import PreprocessSpec
from omentum.volume import Grid, Volume


def accepted(key: str = "liver", case: str = "ct_0") -> np.ndarray:
    _, labels, _ = read_case(Path("round/accepted") / case)
    return labels.mask(key)


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


@given(grids(), storage_orders)
def test_masks_stored_in_any_order_and_direction_are_the_same(grid, order):
    mask = np.random.default_rng(0).random(grid.shape) > 0.5
    axes, signs = order
    stored, _ = in_storage_order(mask, np.eye(4), axes, signs)
    source = Grid(stored.shape, grid.affine @ _turned(axes, signs, grid.shape))
    assert np.array_equal(on_grid(stored, source, grid, Path("x")), mask)


def _turned(axes, signs, shape):
    turn = np.zeros((4, 4))
    turn[3, 3] = 1
    for axis, (old, sign) in enumerate(zip(axes, signs, strict=True)):
        turn[old, axis] = sign
        turn[old, 3] += 0 if sign > 0 else shape[old] - 1
    return turn


@given(grids())
def test_a_box_of_the_grid_is_put_in_its_place(grid):
    mask = np.zeros(grid.shape, bool)
    box = tuple(slice(n // 3, max(n // 3 + 1, 2 * n // 3)) for n in grid.shape)
    mask[box] = True
    part = Grid(mask[box].shape, grid.affine.copy())
    moved = part.affine.copy()
    moved[:3, 3] = grid.to_world([s.start for s in box])
    assert np.array_equal(on_grid(mask[box], Grid(part.shape, moved), grid, Path("x")), mask)


def test_a_file_flipped_left_to_right_says_the_same(here):
    liver = corrected()
    seg = read_seg_nrrd(SAVED)
    flip = np.diag([-1.0, 1, 1, 1])
    flip[0, 3] = seg.shape[0] - 1
    flipped = Segmentation(seg.bits[:, ::-1], seg.affine @ flip, seg.classes)
    write_seg_nrrd(SAVED, flipped)
    assert statuses(accept())["liver"] is ACCEPTED
    assert np.array_equal(accepted(), liver)


def test_another_grid_is_refused_and_the_other_files_are_taken(here):
    corrected()
    seg = read_seg_nrrd("round/proposals/ct_1.seg.nrrd")
    coarse = Segmentation(seg.bits[:, ::2, ::2, ::2].copy(), seg.affine @ np.diag([2.0, 2, 2, 1]), seg.classes)
    write_seg_nrrd("corrected/ct_1.seg.nrrd", coarse)
    found = accept("corrected")
    assert found["ct_0", "liver"].status is ACCEPTED
    assert found["ct_1", None].status is REFUSED
    assert "another grid" in found["ct_1", None].reason
    assert "never resampled" in found["ct_1", None].reason


def test_a_file_of_no_case_is_refused(here):
    corrected()
    SAVED.rename("corrected/somebody.seg.nrrd")
    with pytest.raises(InputError, match=r"belongs to no case of the round \(name it or its folder after one of them"):
        accept("corrected/somebody.seg.nrrd")
    Path("corrected/ct_0").mkdir()
    Path("corrected/somebody.seg.nrrd").rename("corrected/ct_0/Segmentation.seg.nrrd")
    assert statuses(accept("corrected"))["liver"] is ACCEPTED


def test_masks_of_another_case_under_this_name_are_refused(here):
    moved = {key: np.roll(mask, 12, axis=0) for key, mask in masks_of(ORIGINAL).items()}
    put_corrected(ORIGINAL, Path("round/proposals/ct_1.seg.nrrd"), **moved)  # as of a body that lies elsewhere
    put_corrected(ORIGINAL, SAVED, **moved)
    (found,) = accept().values()
    assert found.status is REFUSED
    assert "its masks are those of ct_1" in found.reason
    assert not Path("round/corrections").exists()


def put_segments(names: dict[str, str]) -> None:
    """The corrections of ct_0 with other names of segments, IDs included, as other programs write them."""
    head, voxels = SAVED.read_bytes().split(b"\n\n", 1)
    text = head.decode()
    for key, name in names.items():
        lines = text.splitlines()
        number = next(line.split("_")[0] for line in lines if line.endswith(f"_ID:={key}"))
        lines = [
            f"{number}_ID:=Segment_9"
            if line.startswith(f"{number}_ID:=")
            else f"{number}_Name:={name}"
            if line.startswith(f"{number}_Name:=")
            else line
            for line in lines
        ]
        text = "\n".join(lines)
    SAVED.write_bytes(text.encode() + b"\n\n" + voxels)


def test_renamed_segments_are_asked_about_and_never_dropped(here):
    liver = corrected()
    put_segments({"liver": "Leber neu"})
    (found,) = accept().values()
    assert found.status is REFUSED
    assert "nothing of ours: 'Leber neu'" in found.reason
    assert '--rename "Leber neu=liver"' in found.reason
    assert statuses(accept(rename=("Leber neu=liver",)))["liver"] is ACCEPTED
    assert np.array_equal(accepted(), liver)
    with pytest.raises(UsageError, match="does not say what is what"):
        accept(rename=("liver",))


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


def test_a_case_folder_that_was_not_finished_is_written_by_the_next_call(here):
    liver = corrected()
    accept()
    shutil.rmtree("round/accepted/ct_0")
    assert statuses(accept())["liver"] is KNOWN
    assert np.array_equal(accepted(), liver)
    made = Path("round/accepted/ct_0/case.json").stat().st_mtime_ns
    accept()
    assert Path("round/accepted/ct_0/case.json").stat().st_mtime_ns == made


def test_labels_are_not_put_on_a_ct_that_was_replaced(here):
    corrected()
    ct = read_volume("cts/ct_0.nii.gz")
    write_volume("cts/ct_0.nii.gz", Volume(ct.voxels, ct.affine @ np.diag([1.0, 1.0, 1.1, 1.0])))
    (found,) = accept().values()
    assert found.status is REFUSED
    assert "is not the CT that was proposed for" in found.reason
    assert not Path("round/accepted/ct_0").exists()
    assert read_corrections(Path("round"), "ct_0") is None


def test_an_empty_segment_means_absent(here):
    put_corrected(ORIGINAL, SAVED, liver_tumour=np.zeros_like(wider_liver()))
    assert statuses(accept())["liver_tumour"] is ACCEPTED
    _, labels, _ = read_case("round/accepted/ct_0")
    assert labels.annotated == {"liver_tumour"}
    assert not labels.mask("liver_tumour").any()


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


def test_no_round_and_no_name(here):
    with pytest.raises(InputError, match="omentum annotate propose makes one"):
        accept_corrections("cts", "corrected", BY)
    with pytest.raises(UsageError, match="--by NAME"):
        accept_corrections("round", "corrected", " ")
    with pytest.raises(InputError, match="no such file"):
        accept("nowhere")


def test_another_grid_in_every_way_is_an_error():
    grid = Grid((4, 4, 4), np.eye(4))
    mask = np.ones((4, 4, 4), bool)
    shifted, spaced = np.eye(4), np.diag([1.0, 1.0, 1.5, 1.0])
    shifted[0, 3] = 0.5
    outside = np.eye(4)
    outside[2, 3] = 2
    for affine in (shifted, spaced, outside):
        with pytest.raises(GeometryError, match="another grid"):
            on_grid(mask, Grid((4, 4, 4), affine), grid, Path("x"))
