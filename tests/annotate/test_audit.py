"""Faults of labels: what each rule sees, and the audit of a folder, a store and a dataset."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from annotation_round import LOADED, load_by_name
from banded_phantom import banded_ct, ras_grid, truth_mask
from hypothesis import given
from hypothesis import strategies as st
from raw_cases import read_toy, toy_recipe, write_toys
from threshold_model import BANDS_HU

from omentum.annotate.audit.api import audit_labels, judged
from omentum.annotate.audit.cases import AuditCase, phase_of, read_phases
from omentum.annotate.audit.comparison import StructurePair, compare, taken_by
from omentum.annotate.audit.faults import ComparedCase, FaultKind, faults_of, ramp
from omentum.annotate.audit.options import AuditOptions
from omentum.annotate.audit.results import AuditResult
from omentum.cli import main
from omentum.data.store.prepare import prepare
from omentum.data.store.prepare_case import StoreOptions
from omentum.data.store.stored_case import HU_FILE
from omentum.errors import InputError, UsageError
from omentum.io.nifti import write_volume
from omentum.io.truth import write_case
from omentum.segmentation import Segmentation
from omentum.spec import Trust
from omentum.volume import Grid, Volume

GRID = Grid((30, 26, 40), np.diag([6.0, 6.0, 6.0, 1.0]))
SCORE = 0.95


def block(*slices: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(GRID.shape, bool)
    mask[tuple(slice(*s) for s in slices)] = True
    return mask


LIVER = block((5, 15), (5, 17), (8, 32))
SPLEEN = block((20, 26), (8, 18), (10, 28))
NOTHING = np.zeros(GRID.shape, bool)


def fault(label: np.ndarray, model: np.ndarray = LIVER, key: str = "liver", **others: np.ndarray):
    """The fault of one label, where the model is right; others are further predictions."""
    p = np.where(model, 0.97, 0.0).astype(np.float32)
    one = compare(key, StructurePair(label, model, p, NOTHING), GRID)
    predicted = Segmentation.from_masks({key: model, **others}, GRID.affine)
    score = SCORE if model.any() else None
    fields = one.__dict__ | {"taken": taken_by(label, predicted), "model_score": score, "label_score": 0.9}
    trust = {key: Trust.RELIABLE}
    case = ComparedCase("a", GRID, {key: type(one)(**fields)}, trust, None, {})
    found = faults_of(case, {})
    return found[0] if found else None


def test_a_good_label_has_no_fault():
    assert fault(LIVER) is None
    assert fault(block((5, 15), (5, 17), (8, 31))) is None


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        (NOTHING, FaultKind.MISSING),
        (SPLEEN, FaultKind.OTHER),
        (np.roll(LIVER, 7, axis=1), FaultKind.SHIFTED),
        (LIVER & block((0, 30), (0, 26), (0, 24)), FaultKind.CUT),
        (LIVER & ~block((8, 11), (8, 12), (15, 20)), FaultKind.HOLES),
        (LIVER | block((22, 25), (2, 5), (34, 38)), FaultKind.ISLANDS),
    ],
)
def test_each_fault_is_called_by_its_name(label, kind):
    found = fault(label, spleen=SPLEEN)
    assert found.kind is kind
    assert found.sure > 0.5
    assert found.slice_axis == "k"
    assert 0 <= found.slice_index < GRID.shape[2]


def test_the_slice_is_where_label_and_model_differ_most():
    found = fault(LIVER | block((22, 28), (2, 9), (36, 37)))
    assert found.slice_index == 36


def test_swapped_sides_are_said_once_and_an_unsure_model_is_doubted():
    right, left = block((18, 24), (5, 12), (10, 25)), block((3, 9), (5, 12), (10, 25))
    structures = {}
    for key, label, model in (("right_kidney", left, right), ("left_kidney", right, left)):
        p = np.where(model, 0.97, 0.0).astype(np.float32)
        predicted = Segmentation.from_masks({"right_kidney": right, "left_kidney": left}, GRID.affine)
        one = compare(key, StructurePair(label, model, p, NOTHING), GRID)
        structures[key] = type(one)(**one.__dict__ | {"taken": taken_by(label, predicted), "model_score": SCORE})
    case = ComparedCase("a", GRID, structures, {}, None, {})
    (found,) = faults_of(case, {})
    assert (found.structure, found.kind) == ("right_kidney", FaultKind.SIDES)
    unsure = {k: type(o)(**o.__dict__ | {"model_score": 0.1}) for k, o in structures.items()}
    (doubted,) = faults_of(ComparedCase("a", GRID, unsure, {}, None, {}), {})
    assert doubted.sure < 0.2 < found.sure


def test_a_tumour_that_is_said_and_not_drawn():
    tumour = block((8, 12), (8, 12), (15, 20))
    found = fault(NOTHING, tumour, "liver_tumour")
    assert (found.kind, found.structure) == (FaultKind.LESION_EMPTY, "liver_tumour")
    assert "no voxel, but the model sees 17.3 ml" in found.reason
    assert fault(tumour | block((20, 24), (8, 12), (15, 20)), tumour, "liver_tumour") is None  # a second lesion


def test_a_missing_prediction_accuses_nobody():
    assert fault(LIVER, NOTHING) is None


def test_a_wrong_phase_is_told_by_the_gap():
    distances = {"portal venous": 1.0, "delayed": 1.2, "arterial": 6.0}
    phases = {"portal venous": None, "delayed": None, "arterial": FaultKind.PHASE, "late": None, None: None}
    for phase, kind in phases.items():
        found = faults_of(ComparedCase("a", GRID, {}, {}, phase, distances), {})
        assert [one.kind for one in found] == ([kind] if kind else [])
    assert found == []


@given(st.tuples(st.integers(-4, 4), st.integers(-4, 4), st.integers(-5, 5)))
def test_a_shift_is_measured_in_the_patient(steps):
    moved = np.roll(LIVER, steps, axis=(0, 1, 2))
    grid = Grid(GRID.shape, np.diag([-2.0, 2.0, 3.0, 1.0]))
    p = LIVER.astype(np.float32)
    shift = compare("liver", StructurePair(moved, LIVER, p, NOTHING), grid).shift
    assert shift.mm == pytest.approx((-2 * steps[0], 2 * steps[1], 3 * steps[2]))
    assert shift.dice == 1.0


@given(st.lists(st.booleans(), min_size=8, max_size=8), st.integers(1, 40))
def test_shares_are_those_of_counting(inside, classes):
    label = np.array(inside).reshape(2, 2, 2)
    masks = {key: np.random.default_rng(n).random((2, 2, 2)) > 0.5 for n, key in enumerate(list(BANDS_HU)[:classes])}
    found = taken_by(label, Segmentation.from_masks(masks, np.eye(4)))
    for key, mask in masks.items():
        expected = (label & mask).sum() / max(1, label.sum())
        assert found.get(key, 0.0) == pytest.approx(expected)


def test_ramps():
    assert [ramp(x, 1.0, 3.0) for x in (0.0, 1.0, 2.0, 3.0, 9.0)] == [0, 0, 0.5, 1, 1]


def put_cases(folder: Path, number: int = 6) -> None:
    """Labelled cases; in one of them the kidneys are swapped, in another the tumour is missing."""
    grid = ras_grid((4.0, 4.0, 4.0))
    ct = banded_ct(grid)
    for n in range(number):
        masks = {key: truth_mask(key, grid) for key in BANDS_HU}
        if n == 1:
            masks["left_kidney"], masks["right_kidney"] = masks["right_kidney"], masks["left_kidney"]
        if n == 3:
            masks["liver_tumour"] = np.zeros_like(masks["liver"])
        noise = np.random.default_rng(n).normal(0, 1, grid.shape)
        noisy = type(ct)(np.rint(ct.voxels + noise).astype(np.int16), ct.affine)
        write_case(folder / f"case_{n}", noisy, Segmentation.from_masks(masks, ct.affine), {"phase": "pv"})


@pytest.fixture
def cases(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(LOADED, load_by_name)
    put_cases(tmp_path / "cases")
    return tmp_path


def test_the_audit_of_a_folder_orders_faults_and_goes_on_after_a_broken_case(cases, capsys):
    Path("cases/case_5/bits.nii.gz").write_bytes(b"broken")
    assert main(["data", "audit", "cases", "-o", "audit", "--quiet"]) == 3
    assert "bits.nii.gz" in capsys.readouterr().err
    found = AuditResult.from_json(json.loads(Path("audit/audit.json").read_text()))
    assert found.cases == tuple(f"case_{n}" for n in range(5))
    assert list(found.failed) == ["case_5"]
    told = [(fault.case, fault.structure, fault.kind) for fault in found.faults]
    assert ("case_1", "left_kidney", FaultKind.SIDES) in told or ("case_1", "right_kidney", FaultKind.SIDES) in told
    assert ("case_3", "liver_tumour", FaultKind.LESION_EMPTY) in told
    assert {case for case, _, _ in told} == {"case_1", "case_3"}
    sure = [fault.sure for fault in found.faults]
    assert sure == sorted(sure, reverse=True)
    assert Path("audit/audit.csv").read_text().splitlines()[0] == "rank,sure,case,structure,kind,slice,reason"


def test_a_damaged_case_of_a_store_fails_alone(cases, capsys):
    how = StoreOptions(spacing_mm=(3.0, 3.0, 3.0), antialias=True, samples=50)
    prepare(write_toys(Path("raw"), 2, toy_recipe()), Path("store"), how, read=read_toy)
    (Path("store/cases/toy_1") / HU_FILE).write_bytes(b"broken")
    assert main(["data", "audit", "store", "-o", "audit", "--quiet"]) == 3
    assert "toy_1" in capsys.readouterr().err
    found = AuditResult.from_json(json.loads(Path("audit/audit.json").read_text()))
    assert (found.cases, list(found.failed)) == (("toy_0",), ["toy_1"])


def test_a_raw_dataset_is_audited_by_its_recipe(cases):
    """Its labels have numbers of their own, and one map is stored from the other side."""
    grid = ras_grid((4.0, 4.0, 4.0))
    for n, of in enumerate(("right_kidney", "liver")):
        labels = truth_mask(of, grid).astype(np.uint8)
        turned = grid.affine.copy()
        turned[:3, 3], turned[:3, 0] = grid.to_world((grid.shape[0] - 1, 0, 0)), -turned[:3, 0]
        write_volume(f"raw/volume-{n}.nii.gz", banded_ct(grid))
        write_volume(f"raw/segmentation-{n}.nii.gz", Volume(labels[::-1], turned))
    assert main(["data", "audit", "--dataset", "lits=raw", "-o", "audit", "--quiet"]) == 0
    found = AuditResult.from_json(json.loads(Path("audit/audit.json").read_text()))
    assert found.cases == ("lits_0", "lits_1")
    of_liver = [(one.case, one.kind) for one in found.faults if one.structure == "liver"]
    assert of_liver == [("lits_0", FaultKind.OTHER)]


def test_a_second_audit_predicts_nothing_again(cases, monkeypatch):
    first = audit_labels("cases", "audit")
    manifest = Path("audit/predictions/case_0/manifest.json").stat().st_mtime_ns
    again = audit_labels("cases", "audit")
    assert again == first
    assert Path("audit/predictions/case_0/manifest.json").stat().st_mtime_ns == manifest
    assert judged([]).faults == ()


def test_what_cannot_be_audited(cases, capsys):
    Path("empty").mkdir()
    for source, options, error, match in (
        ("empty", AuditOptions(), InputError, "holds no labelled case"),
        ("nowhere", AuditOptions(), InputError, "is no folder"),
        (None, AuditOptions(), UsageError, "nothing to audit"),
    ):
        with pytest.raises(error, match=match):
            audit_labels(source, "audit", options)
    Path("full").mkdir()
    Path("full/thesis.txt").write_text("mine")
    assert main(["data", "audit", "cases", "-o", "full"]) == 2
    assert "holds something else: thesis.txt" in capsys.readouterr().err


def test_declared_phases_are_read(tmp_path):
    path = tmp_path / "phases.csv"
    path.write_text("case,phase\na,Arterial\nb,pv\n")
    assert read_phases(path) == {"a": "arterial", "b": "portal venous"}
    assert phase_of("unheard of") is None
    for text, match in (
        ("case,phase\na,blue\n", "'blue' is no contrast phase"),
        ("x,y\n1,2\n", "is no list of phases"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=match):
            read_phases(path)
    assert AuditCase("a", path).phase is None


def test_a_declared_tumour_needs_no_model(cases):
    declared = Path("declared.csv")
    declared.write_text("case,structure\ncase_0,liver tumour\ncase_3,liver tumour\n")
    found = audit_labels("cases", "audit", AuditOptions(declared=declared))
    first = found.faults[0]
    assert (first.case, first.structure, first.kind, first.sure) == (
        "case_3",
        "liver_tumour",
        FaultKind.LESION_EMPTY,
        1.0,
    )
    assert "said to be there" in first.reason
    assert ("case_0", "liver_tumour") not in {(fault.case, fault.structure) for fault in found.faults}
    declared.write_text("case,structure\nelsewhere,liver tumour\n")
    with pytest.raises(InputError, match="names none of the cases"):
        audit_labels("cases", "audit", AuditOptions(declared=declared))
