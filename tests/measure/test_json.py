"""Measures, lesions and quality as JSON: read back as they were written."""

from __future__ import annotations

import json

import pytest
from banded_phantom import ras_grid
from report_case import small_case

from omentum.measure import AorticProfile, Lesion, StructureMeasure, find_lesions, measure
from omentum.measure.aorta import Station
from omentum.quality import Confidence, Quality, assess_quality


@pytest.fixture(scope="module")
def case():
    return small_case(ras_grid((3.0, 3.0, 3.0), (170, 110, 90)))


def written(value):
    return json.loads(json.dumps(value.to_json(), allow_nan=False))


def test_measures_come_back(case):
    measures = measure(case.ct, case.seg)
    assert [StructureMeasure.from_json(written(one)) for one in measures] == measures


def test_lesions_come_back(case):
    lesions = find_lesions(case.ct, case.seg)
    assert lesions
    assert [Lesion.from_json(written(one)) for one in lesions] == lesions


def test_an_aortic_profile_comes_back():
    station = Station(5.0, (1.0, 2.0, 3.0), 21.5, 23.25)
    for profile in (AorticProfile((station,), "axial", True), AorticProfile((), "perpendicular", False)):
        assert AorticProfile.from_json(written(profile)) == profile


def test_quality_comes_back_as_far_as_files_hold_it(case):
    sure = {"liver": Confidence(0.9, 0.1, None)}
    measures, lesions = measure(case.ct, case.seg), find_lesions(case.ct, case.seg)
    quality = assess_quality(case.ct, case.seg, measures, lesions, confidence=sure)
    again = Quality.from_json(written(quality))
    assert (again.to_json(), again.flags) == (quality.to_json(), quality.flags)
    assert again.missing_structures == quality.missing_structures


def test_a_lesion_of_an_earlier_version_is_refused(case):
    raw = written(find_lesions(case.ct, case.seg)[0])
    with pytest.raises(TypeError, match="has no doubt"):
        Lesion.from_json(raw | {"doubt": ""})
