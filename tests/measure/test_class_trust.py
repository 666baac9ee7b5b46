"""What weights can be trusted with decides what is a lesion and what a candidate, everywhere it is shown."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import pytest
from banded_phantom import ras_grid
from report_case import small_case

from omentum.measure import find_lesions, lesions_csv, lesions_json, measure
from omentum.measure.aorta import AorticProfile, Station
from omentum.measure.class_trust import CANDIDATES, NEVER_FOUND, NO_RECORD, ClassTrust
from omentum.measure.lesion_tables import target_lesions
from omentum.report import case_pictures
from omentum.report.case_tables import add_provenance
from omentum.report.html import case_html
from omentum.report.page import document, finished
from omentum.segmentation import Segmentation
from omentum.spec import Trust

GRID = ras_grid((3.0, 3.0, 3.0), (170, 110, 90))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(case_pictures, "overview", lambda *_: [])
    monkeypatch.setattr(case_pictures, "_surfaces", lambda _: case_pictures.Surfaces(b"", "no surfaces"))


def case_of(trust: Trust, operating_point: float | None = None, steps: int = 200):
    """Liver, spleen, a liver tumour of 18 mm, and a pancreas tumour that is not there."""
    case = small_case(GRID)
    masks = {key: case.seg.mask(key) for key in case.seg.classes}
    masks["pancreas_tumour"] = masks["liver"] & False
    seg = Segmentation.from_masks(masks, GRID.affine)
    points = {} if operating_point is None else {"liver_tumour": operating_point}
    known = {"liver": Trust.RELIABLE, "spleen": Trust.WEAK, "liver_tumour": trust, "pancreas_tumour": Trust.NOT_FOUND}
    class_trust = ClassTrust(known, points)
    likely = (masks["liver_tumour"] * steps).astype("uint8")
    lesions = find_lesions(case.ct, seg, likely, class_trust)
    measures = [replace(m, trust=class_trust.of(m.key)) for m in measure(case.ct, seg)]
    return replace(case, seg=seg, lesions=lesions, measures=measures, class_trust=class_trust)


@pytest.mark.parametrize("trust", [Trust.RELIABLE, Trust.UNKNOWN])
def test_a_reliable_type_and_one_nobody_judged_give_lesions(trust):
    case = case_of(trust)
    (lesion,) = case.lesions
    assert (lesion.trust, lesion.candidate_reason, lesion.is_candidate) == (trust, "", False)
    assert target_lesions(case.lesions, 3.0) == [lesion]
    told = lesions_json(case.lesions, GRID)
    assert (len(told["lesions"]), told["candidates"]) == (1, [])
    assert told["lesion_summary"]["recist"]["targets"] == [1]


@pytest.mark.parametrize("trust", [Trust.WEAK, Trust.NOT_FOUND])
def test_a_type_that_is_weak_or_not_found_gives_candidates_in_no_sum_and_no_target(trust):
    case = case_of(trust)
    (lesion,) = case.lesions
    assert lesion.is_candidate
    assert target_lesions(case.lesions, 3.0) == []
    told = json.loads(json.dumps(lesions_json(case.lesions, GRID), allow_nan=False))
    assert told["lesions"] == []
    assert [(one["number"], one["trust"], one["candidate_reason"]) for one in told["candidates"]] == [
        (1, trust, lesion.candidate_reason)
    ]
    summary = told["lesion_summary"]
    assert (summary["lesions"], summary["volume_ml"], summary["longest_axial_mm"]) == (0, 0.0, 0.0)
    assert (summary["recist"], summary["by_type"], summary["candidates"]) == ({"targets": [], "sum_mm": 0}, {}, 1)
    (row,) = csv.DictReader(lesions_csv({"a": case.lesions}).splitlines())
    assert (row["candidate"], row["trust"], row["candidate_reason"]) == ("True", trust, lesion.candidate_reason)


@pytest.mark.parametrize(("steps", "candidate"), [(120, True), (128, False), (255, False)])
def test_below_the_weights_own_operating_point_a_finding_is_a_candidate(steps, candidate):
    (lesion,) = case_of(Trust.RELIABLE, 0.5, steps).lesions
    assert lesion.is_candidate is candidate
    if candidate:
        assert lesion.candidate_reason == "its probability, at most 0.47, is below their operating point, 0.5"


def test_a_lesion_that_a_candidate_type_names_too_is_counted():
    """The candidates are taken out before what is named twice is counted once."""
    case = case_of(Trust.RELIABLE)
    (lesion,) = case.lesions
    twin = replace(
        lesion, number=2, key="kidney_tumour", also=("liver_tumour",), candidate_reason="weak", trust=Trust.WEAK
    )
    first = replace(lesion, also=("kidney_tumour",))
    for lesions in ([first, twin], [replace(twin, number=1), replace(first, number=2)]):
        told = lesions_json(lesions, GRID)
        assert told["lesion_summary"]["lesions"] == 1
        assert len(told["lesion_summary"]["recist"]["targets"]) == 1


def text_of(case) -> str:
    return case_html(case).decode()


def test_the_page_lists_candidates_apart_and_says_what_is_never_found():
    told = text_of(case_of(Trust.WEAK))
    assert CANDIDATES in told
    assert "these weights are weak with it" in told
    assert "0 lesions  ·  1 candidate" in told
    assert f"{NEVER_FOUND}: Pancreas tumour." in told
    assert "Looked for and not found: " not in told
    assert "target" not in told.split("<h2>Lesions</h2>")[1].split("<h3>Candidates")[0]
    assert "1 Liver tumour in liver, candidate" in told
    sure = text_of(case_of(Trust.RELIABLE))
    assert CANDIDATES not in sure
    assert "1 possible RECIST 1.1 target" in sure


def test_structures_say_it_too():
    told = text_of(case_of(Trust.RELIABLE))
    rows = [row for row in told.split("<tr") if "Spleen" in row]
    assert any("weak with these weights" in row for row in rows)
    assert not any("with these weights" in row for row in told.split("<tr") if ">Liver<" in row)


@pytest.mark.parametrize(
    ("options", "told"), [({"trust": {}}, True), ({"trust": {"liver": "weak"}}, False), ({}, False)]
)
def test_weights_without_a_record_are_told_once(options, told):
    root, body = document("x", "", [])
    add_provenance(body, {"options": options})
    assert finished(root, []).decode().count(NO_RECORD) == told


def test_a_manifest_is_read_back():
    class_trust = ClassTrust.of_options({"trust": {"liver": "not found"}, "operating_points": {"liver": 0.4}})
    assert (class_trust.of("liver"), class_trust.of("spleen")) == (Trust.NOT_FOUND, Trust.UNKNOWN)
    assert class_trust.operating_points == {"liver": 0.4}
    assert class_trust.is_recorded
    assert not ClassTrust.of_options({}).is_recorded


def test_the_worst_of_several_counts():
    assert Trust.worst([Trust.RELIABLE, Trust.UNKNOWN]) is Trust.UNKNOWN
    assert Trust.worst([Trust.WEAK, Trust.NOT_FOUND, Trust.RELIABLE]) is Trust.NOT_FOUND
    assert Trust.worst([]) is Trust.UNKNOWN


def test_the_page_has_scores_and_aortic_diameters():
    case = case_of(Trust.RELIABLE)
    stations = tuple(Station(5.0 * n, (0.0, 0.0, -10.0 * n), 20.0 + n, 22.5 + n) for n in range(4))
    profile = AorticProfile(stations, "perpendicular", partly_imaged=True)
    measures = [replace(m, score=0.8765) for m in case.measures]
    told = text_of(replace(case, measures=measures, aorta=profile, score=0.5))
    assert "Quality score of the case: 0.50." in told
    assert "<td>0.88</td>" in told
    widest = "Widest: 23.0 mm (circle of equal area), 25.5 mm across, at s = \N{MINUS SIGN}30.0 mm, 15.0 mm"
    assert widest in told
    assert "All 4 sections" in told
    assert "The image ends at the aorta" in told
    plain = text_of(case)
    assert "Widest" not in plain
    assert "Quality score" not in plain
    assert "Widest" not in text_of(replace(case, aorta=AorticProfile((), "axial", partly_imaged=False)))
