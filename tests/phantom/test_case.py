import json

import numpy as np
import pytest
from toy_anatomy import NAMES, toy_labels

from omentum.phantom import CaseOptions, LesionOptions, RestyleOptions, RestyleSource, make_case

SPACING_MM = (4.0, 4.0, 5.0)


@pytest.fixture(scope="module")
def source():
    return RestyleSource.from_labels(toy_labels(), NAMES)


def test_the_same_seed_gives_the_same_case_to_the_bit(source):
    first, second = (make_case((7, 2), SPACING_MM, source) for _ in range(2))
    assert np.array_equal(first.ct.voxels, second.ct.voxels)
    assert np.array_equal(first.truth.bits, second.truth.bits)
    assert first.facts == second.facts


def test_another_seed_gives_another_case(source):
    first, second = (make_case(seed, SPACING_MM, source) for seed in (1, 2))
    assert first.ct.shape != second.ct.shape or not np.array_equal(first.ct.voxels, second.ct.voxels)


def test_ct_and_truth_share_the_wanted_grid(source):
    case = make_case(3, SPACING_MM, source)
    assert case.ct.grid.same_as(case.truth.grid)
    assert case.ct.spacing_mm == pytest.approx(SPACING_MM)
    assert case.ct.voxels.dtype == np.int16


def test_options_are_obeyed_and_written_down(source):
    options = CaseOptions(
        phase="art",
        wild=1.0,
        lesions=LesionOptions(odds={"liver_tumour": 1.0}),
        restyle=RestyleOptions(length_mm=200.0),
    )
    case = make_case(4, SPACING_MM, source, options)
    facts = json.loads(json.dumps(case.facts))
    assert facts["seed"] == 4
    assert facts["protocol"]["phase"] == "art"
    assert facts["protocol"]["wild"] is True
    assert {lesion["structure"] for lesion in facts["lesions"]} <= {"liver_tumour"}
    assert case.ct.shape[2] == 41


def test_no_lesions_when_none_are_wanted(source):
    case = make_case(5, SPACING_MM, source, CaseOptions(lesions=None))
    assert not case.truth.mask("liver_tumour").any()
    assert "lesions" not in case.facts
    assert "liver_tumour" in case.truth.annotated
