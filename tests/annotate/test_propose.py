"""Proposals: what is written, the order, resuming, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from annotation_round import grown, masks_of, put_corrected, put_cts
from banded_phantom import ras_grid, rotated, truth_mask
from listeners import Recorder

from omentum.annotate.propose import api
from omentum.annotate.propose.api import propose_annotations
from omentum.annotate.propose.options import ProposeOptions
from omentum.annotate.propose.proposals import CaseProposal, Worklist
from omentum.annotate.round_folder import AnnotationRound
from omentum.errors import InputError, OutputError
from omentum.evaluate.metrics.overlap import dice
from omentum.io.nifti import read_volume

OPTIONS = ProposeOptions()


def test_a_round_holds_proposals_for_every_viewer_and_a_worklist(here):
    case = here / "round/cases/ct_0"
    masks = masks_of(case / "ct_0.seg.nrrd")
    ct = read_volume("cts/ct_0.nii.gz")
    for key, mask in masks.items():
        assert dice(mask, truth_mask(key, ct.grid)) > 0.8
        assert np.array_equal(read_volume(case / f"masks/{key}.nii.gz").voxels > 0, mask)
    assert read_volume(case / "labels.nii.gz").grid.same_as(ct.grid)
    assert (case / "labels_itksnap.txt").is_file()
    assert (case / "attention/liver.png").read_bytes().startswith(b"\x89PNG")
    assert b"ct_0" in (here / "round/worklist.html").read_bytes()
    worklist = Worklist.from_json(json.loads((here / "round/worklist.json").read_text()))
    assert {(item.case, item.structure.key) for item in worklist.items} == {
        (name, key) for name in ("ct_0", "ct_1") for key in masks
    }
    assert [item.rank for item in worklist.items] == list(range(1, 9))
    priorities = [item.structure.priority for item in worklist.items]
    assert priorities == sorted(priorities, reverse=True)
    rows = (here / "round/worklist.csv").read_text().splitlines()
    assert len(rows) == 9
    assert rows[1].startswith(f"1,{worklist.items[0].case},{worklist.items[0].structure.key},")


def test_slices_are_listed_with_their_place_in_the_patient(here):
    proposal = CaseProposal.from_json(json.loads((here / "round/proposals/ct_0.json").read_text()))
    grid = read_volume("cts/ct_0.nii.gz").grid
    liver = proposal.of("liver")
    assert liver.slice_axis == "k"
    for hint in liver.slices:
        assert hint.position_mm == pytest.approx(grid.to_world([0, 0, hint.index])[2], abs=0.06)
    wrong = [hint.wrong_voxels for hint in liver.slices]
    assert wrong == sorted(wrong, reverse=True)


def test_monai_label_finds_images_and_proposals(here):
    store = here / "round/monai_label"
    assert (store / "labels/final").is_dir()
    for name in ("ct_0", "ct_1"):
        assert (store / f"{name}.nii.gz").read_bytes() == (here / f"cts/{name}.nii.gz").read_bytes()
        labels = read_volume(store / f"labels/original/{name}.nii.gz")
        assert labels.grid.same_as(read_volume(store / f"{name}.nii.gz").grid)


def test_an_interrupted_round_is_completed_and_equals_one_in_one_go(here, monkeypatch):
    real, done = api.propose_case, []

    def dies(task):
        if done:
            raise KeyboardInterrupt
        done.append(task.name)
        return real(task)

    monkeypatch.setattr(api, "propose_case", dies)
    with pytest.raises(KeyboardInterrupt):
        propose_annotations("cts", "second", OPTIONS)
    assert AnnotationRound.read(Path("second")).cases == {}
    assert not Path("second/worklist.csv").exists()
    monkeypatch.setattr(api, "propose_case", real)
    first = Path("second/proposals/ct_0.json").stat().st_mtime_ns
    propose_annotations("cts", "second", OPTIONS)
    assert Path("second/proposals/ct_0.json").stat().st_mtime_ns == first
    for name in ("worklist.csv", "proposals/ct_1.seg.nrrd", "cases/ct_1/masks/liver.nii.gz"):
        assert Path("second", name).read_bytes() == Path("round", name).read_bytes()


def test_a_case_that_fails_does_not_stop_the_others(here):
    Path("cts/ct_2.nii.gz").write_bytes(b"no image")
    recorder = Recorder()
    result = propose_annotations("cts", "round", OPTIONS, progress=recorder)
    assert list(result.failed) == ["ct_2"]
    assert [proposal.case for proposal in result.proposals] == ["ct_0", "ct_1"]
    assert "ct_2" in AnnotationRound.read(Path("round")).cases["ct_2"].error
    assert [kind for kind, _ in recorder.of("say")].count("error") == 1


def test_corrections_in_progress_are_never_replaced(here):
    place = Path("round/cases/ct_0/ct_0.seg.nrrd")
    put_corrected(Path("round/proposals/ct_0.seg.nrrd"), place, liver=grown(masks_of(place)["liver"]))
    kept = place.read_bytes()
    other = ProposeOptions(masks=False, overwrite=True)
    result = propose_annotations("cts", "round", other)
    assert "not accepted yet" in result.failed["ct_0"]
    assert place.read_bytes() == kept
    assert [proposal.case for proposal in result.proposals] == ["ct_1"]


def test_other_options_need_overwrite(here):
    result = propose_annotations("cts", "round", ProposeOptions(masks=False))
    assert all("--overwrite" in reason for reason in result.failed.values())
    assert Path("round/cases/ct_0/masks").is_dir()
    assert not propose_annotations("cts", "round", ProposeOptions(masks=False, overwrite=True)).failed
    assert not Path("round/cases/ct_0/masks").exists()


def test_disagreement_of_models_lowers_the_expected_dice(here):
    both = ProposeOptions(weights=("wide", "narrow"))
    result = propose_annotations("cts", "both", both)
    proposal = result.proposals[0]
    assert proposal.of("liver").agreement < 0.9 < proposal.of("left_kidney").agreement
    sure = CaseProposal.from_json(json.loads((here / "round/proposals/ct_0.json").read_text()))
    assert proposal.of("liver").expected_dice < sure.of("liver").expected_dice
    assert proposal.of("left_kidney").expected_dice == pytest.approx(sure.of("left_kidney").expected_dice, abs=0.02)
    alone = masks_of(here / "round/proposals/ct_0.seg.nrrd")
    assert np.array_equal(masks_of(here / "both/proposals/ct_0.seg.nrrd")["left_kidney"], alone["left_kidney"])


def test_models_need_not_know_the_same_structures(here):
    result = propose_annotations("cts", "both", ProposeOptions(weights=("kidneys", "wide")))
    proposal = result.proposals[0]
    assert {one.key for one in proposal.structures} == {"liver", "liver_tumour", "left_kidney", "right_kidney"}
    assert proposal.of("liver").agreement is None
    assert proposal.of("left_kidney").agreement == 1.0
    alone = masks_of(here / "round/proposals/ct_0.seg.nrrd")
    assert np.array_equal(masks_of(here / "both/proposals/ct_0.seg.nrrd")["liver"], alone["liver"])


def test_one_view_has_no_agreement(here):
    result = propose_annotations("cts", "alone", ProposeOptions(second_view=False))
    assert {one.agreement for proposal in result.proposals for one in proposal.structures} == {None}


def test_an_oblique_anisotropic_ct_keeps_its_grid(here, tmp_path):
    grid = rotated(ras_grid((2.0, 2.0, 3.0)), 12)
    put_cts(tmp_path / "oblique", 1, grid)
    propose_annotations(tmp_path / "oblique", "oblique", ProposeOptions(weights=("wide", "narrow")))
    masks = masks_of(Path("oblique/proposals/ct_0.seg.nrrd"))
    for key, other in (("right_kidney", "left_kidney"), ("left_kidney", "right_kidney")):
        assert dice(masks[key], truth_mask(key, grid)) > 0.5
        assert dice(masks[key], truth_mask(other, grid)) == 0


def test_folders_of_something_else_are_refused(here, tmp_path):
    with pytest.raises(OutputError, match="is a round of"):
        propose_annotations(put_cts(tmp_path / "others", 1), "round", OPTIONS)
    Path("full").mkdir()
    Path("full/thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds something else"):
        propose_annotations("cts", "full", OPTIONS)
    Path("mine/images").mkdir(parents=True)
    Path("mine/images/holiday.jpg").write_text("mine")
    with pytest.raises(OutputError, match="holds something else"):
        propose_annotations("cts", "mine", OPTIONS)
    Path("empty").mkdir()
    with pytest.raises(InputError, match="no DICOM images"):
        propose_annotations("empty", "third", OPTIONS)
    with pytest.raises(InputError, match="no such file"):
        propose_annotations("nowhere", "fourth", OPTIONS)
