"""Corrections in a prepared store: merged, seen by training, kept by another preparation, completed if interrupted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from annotation_round import masks_of, put_corrected
from raw_cases import files_of, read_toy, touched, toy_recipe, write_toys
from threshold_model import SPEC, ThresholdModel

from omentum.annotate.accept import labels as accept_labels
from omentum.annotate.accept.api import accept_corrections
from omentum.annotate.accept.judge import AcceptStatus
from omentum.annotate.accept.options import AcceptOptions
from omentum.annotate.propose.api import propose_annotations
from omentum.annotate.propose.options import ProposeOptions
from omentum.annotate.stored_images import write_images
from omentum.cli import main
from omentum.data.corrections import read_corrections, with_corrections
from omentum.data.sampling.load_store import load_store
from omentum.data.sampling.measurable import measurable
from omentum.data.splits.division import Division
from omentum.data.store.prepare import prepare
from omentum.data.store.prepare_case import StoreOptions
from omentum.data.store.store import Store
from omentum.errors import CaseWarning, InputError
from omentum.evaluate.references import ASSISTED
from omentum.evaluate.study import evaluate_study
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.io.truth import read_truth
from omentum.progress import SilentProgress
from omentum.segmentation import Segmentation

OPTIONS = StoreOptions(spacing_mm=(3.0, 3.0, 3.0), antialias=True, samples=50)
BANDS_HU = {"liver": (80, 130), "left_kidney": (-90, -30), "right_kidney": (170, 230), "aorta": (135, 165)}
TRUE = ("liver", "liver_tumour")
"""What the dataset annotates; the model also sees kidneys and aorta."""
CASE = "toy_0"


def prepared(cases):
    return prepare(cases, "store", OPTIONS, read=read_toy, correct=with_corrections)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A store of two cases, and a round of it."""
    monkeypatch.chdir(tmp_path)
    spec = replace(SPEC, spacing_mm=(3.0, 3.0, 3.0))
    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", lambda *_: ThresholdModel(spec, BANDS_HU))
    prepared(raw())
    done = propose_annotations("store", "round", ProposeOptions(second_view=False))
    assert not done.failed
    return tmp_path


def raw():
    return write_toys(Path("raw"), 2, toy_recipe(annotated=TRUE)) if not Path("raw").exists() else _raw_again()


def _raw_again():
    from raw_cases import raw_case

    return [raw_case(toy_recipe(annotated=TRUE), Path("raw") / str(k)) for k in range(2)]


def labels(name: str = CASE) -> Segmentation:
    store = Store.open("store")
    case = store.case(name)
    return Segmentation(store.read(case).bits, case.grid.affine, store.classes, frozenset(case.annotated))


def saved(**changes) -> Path:
    return put_corrected(Path(f"round/proposals/{CASE}.seg.nrrd"), Path(f"corrected/{CASE}.seg.nrrd"), **changes)


def kidney() -> np.ndarray:
    """The proposal with some voxels more, at its side."""
    mask = masks_of(Path(f"round/proposals/{CASE}.seg.nrrd"))["left_kidney"].copy()
    i, j, k = np.argwhere(mask).min(axis=0)
    mask[i - 1, j : j + 3, k : k + 3] = True
    return mask


def accept(**options):
    done = accept_corrections("round", "corrected", "A. Miller", AcceptOptions(**options))
    return {one.structure: one.status for one in done.outcomes}


def test_only_what_the_store_lacks_is_proposed(here):
    masks = masks_of(here / f"round/proposals/{CASE}.seg.nrrd")
    assert set(masks) == {"left_kidney", "right_kidney", "aorta"}
    assert masks["right_kidney"].shape == Store.open("store").case(CASE).shape


def test_a_correction_becomes_a_label_that_training_sees(here):
    before = labels()
    saved(left_kidney=kidney())
    assert accept(unchanged=True, structures=("kidneys",)) == {
        "left_kidney": AcceptStatus.ACCEPTED,
        "right_kidney": AcceptStatus.ACCEPTED,
    }
    case = Store.open("store").case(CASE)
    assert set(case.annotated) == {*TRUE, "left_kidney", "right_kidney"}
    assert set(case.corrected) == {"left_kidney", "right_kidney"}
    assert case.structures["left_kidney"].voxels == kidney().sum()
    after = labels()
    assert np.array_equal(after.mask("left_kidney"), kidney())
    for key in TRUE:
        assert np.array_equal(after.mask(key), before.mask(key))
    classes = ("liver", "left_kidney")
    (trained, other), _ = load_store(Path("store"), classes, OPTIONS.spec)
    assert trained.annotated.tolist() == [True, True]
    assert other.annotated.tolist() == [True, False]
    places = trained.places(1)
    assert kidney()[tuple(places.T)].all()


def test_nothing_is_measured_against_an_accepted_prediction(here):
    saved(left_kidney=kidney())
    accept(unchanged=True, structures=("kidneys",))
    Path("out").mkdir()
    for number in range(2):
        write_seg_nrrd(Path(f"out/toy_{number}.seg.nrrd"), read_truth(Path(f"raw/{number}"))[0])
    found = evaluate_study("out", "store")
    rows = {row.key: row for row in found.summary.structures}
    assert rows["left_kidney"].not_evaluated == {ASSISTED: 1}
    assert rows["left_kidney"].metrics["dice"].n == 0
    assert rows["liver"].metrics["dice"].n == 2
    Path(f"out/{CASE}.seg.nrrd").unlink()  # missed: neither counts as overlooked
    assert evaluate_study("out", "store").evaluated.scores[0].not_evaluated["left_kidney"] == ASSISTED

    def all_held(cases):
        return Division(frozenset(), frozenset(case.name for case in cases))

    _, held = load_store(Path("store"), ("liver", "left_kidney"), OPTIONS.spec, all_held)
    assert held[0].annotated.tolist() == [True, True]
    measured, remark = measurable(held, ("liver", "left_kidney"))
    assert measured[0].annotated.tolist() == [True, False]
    assert measured[1] is held[1]
    assert not measured[0].mask(1).any()
    assert remark == "not measured, since the labels are accepted predictions: left_kidney in 1 case"
    with pytest.warns(CaseWarning, match="toy_1"):
        _, held = load_store(Path("store"), ("left_kidney",), OPTIONS.spec, all_held)
    none, remark = measurable(held, ("left_kidney",))
    assert not none
    assert remark.endswith("1 case with nothing else does not count")


def test_truth_outranks_a_correction_of_another_structure(here):
    liver = labels().mask("liver")
    both = kidney() | liver
    saved(left_kidney=both)
    accept()
    assert np.array_equal(labels().mask("liver"), liver)
    assert not (labels().mask("left_kidney") & liver).any()


def test_truth_is_replaced_only_when_told(here):
    shrunk = labels().mask("liver").copy()
    shrunk[:, :, : np.argwhere(shrunk)[:, 2].min() + 3] = False
    saved(liver=shrunk)
    assert accept()["liver"] is AcceptStatus.REFUSED
    assert accept(replace_truth=True)["liver"] is AcceptStatus.ACCEPTED
    assert np.array_equal(labels().mask("liver"), shrunk | labels().mask("liver_tumour"))
    prepared(_raw_again())
    assert np.array_equal(labels().mask("liver"), shrunk | labels().mask("liver_tumour"))


def test_another_preparation_keeps_the_corrections(here):
    saved(left_kidney=kidney())
    accept()
    kept = files_of(Path("store"))
    assert {outcome.state for outcome in prepared(_raw_again()).outcomes} == {"kept"}
    assert files_of(Path("store")) == kept
    touched(Path("raw/0/ct.nii.gz"))
    assert {o.name: o.state for o in prepared(_raw_again()).outcomes} == {CASE: "prepared", "toy_1": "kept"}
    assert np.array_equal(labels().mask("left_kidney"), kidney())
    assert Store.open("store").case(CASE).corrected == ("left_kidney",)


def test_an_interrupted_acceptance_is_completed_by_either_command(here, monkeypatch):
    saved(left_kidney=kidney())

    def dies(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(accept_labels, "update_case", dies)
        patch.setattr(accept_labels, "_write_manifest", dies)
        with pytest.raises(KeyboardInterrupt):
            accept()
    with pytest.raises(InputError, match="unfinished store"):
        Store.open("store")
    assert accept() == {
        "left_kidney": AcceptStatus.KNOWN,
        "right_kidney": AcceptStatus.UNCHANGED,
        "aorta": AcceptStatus.UNCHANGED,
    }
    assert np.array_equal(labels().mask("left_kidney"), kidney())
    whole = files_of(Path("store"))
    Path("store/store.json").unlink()
    prepared(_raw_again())
    assert files_of(Path("store")) == whole


def test_corrections_that_were_recorded_and_not_merged_are_merged_by_the_next_call(here, monkeypatch):
    saved(left_kidney=kidney())

    def dies(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(accept_labels, "update_case", dies)
        with pytest.raises(KeyboardInterrupt):
            accept()
    assert "left_kidney" not in (labels().annotated or ())  # the store is whole, with its earlier labels
    assert accept()["left_kidney"] is AcceptStatus.KNOWN
    assert "left_kidney" in (labels().annotated or ())
    assert np.array_equal(labels().mask("left_kidney"), kidney())
    before = files_of(Path("store"))
    accept()
    assert files_of(Path("store")) == before


def test_damaged_corrections_are_named(here):
    saved(left_kidney=kidney())
    accept()
    path = Path(f"store/corrections/{CASE}/corrections.seg.nrrd")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"corrections\.seg\.nrrd: is not the file that corrections\.json describes"):
        read_corrections(Path("store"), CASE)
    touched(Path("raw/0/ct.nii.gz"))
    failed = [o for o in prepared(_raw_again()).outcomes if o.state == "failed"]
    assert "corrections.seg.nrrd" in failed[0].error


def test_a_store_that_moved_is_asked_for(here, capsys):
    saved(left_kidney=kidney())
    Path("store").rename("elsewhere")
    line = ["annotate", "accept", "round", "corrected", "--by", "A. Miller", "--quiet"]
    assert main(line) == 2
    assert "error:" in capsys.readouterr().err
    assert main([*line, "--store", "elsewhere"]) == 0
    assert Store.open("elsewhere").case(CASE).corrected == ("left_kidney",)


def test_ct_files_of_a_store_that_was_prepared_again_are_written_again(here):
    store, images = Store.open("store"), Path("round/images")
    before = {path.name: path.stat().st_mtime_ns for path in images.glob("*.nii.gz")}
    assert not write_images(store, images, SilentProgress())
    assert {path.name: path.stat().st_mtime_ns for path in images.glob("*.nii.gz")} == before
    touched(Path("raw/0/ct.nii.gz"))
    changed = StoreOptions(spacing_mm=(3.0, 3.0, 3.0), antialias=True, samples=60)
    prepare(_raw_again(), "store", changed, read=read_toy, correct=with_corrections)
    assert not write_images(Store.open("store"), images, SilentProgress())
    after = {path.name: path.stat().st_mtime_ns for path in images.glob("*.nii.gz")}
    assert all(after[name] != before[name] for name in before)


def test_a_second_round_proposes_what_is_left(here):
    saved(left_kidney=kidney())
    accept()
    again = propose_annotations("store", "round", ProposeOptions(second_view=False))
    assert not again.failed
    assert (CASE, "left_kidney") not in {(item.case, item.structure.key) for item in again.worklist.items}
    fresh = propose_annotations("store", "second", ProposeOptions(second_view=False))
    assert {one.key for one in fresh.proposals[0].structures} == {"right_kidney", "aorta"}
