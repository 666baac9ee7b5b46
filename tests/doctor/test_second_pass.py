"""The expected windows of a second pass against those that were counted."""

import json
import tomllib
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from omentum.doctor.second_pass import plan_second_pass
from omentum.infer.profiles import find_profile
from omentum.model.checkpoint import read_spec
from omentum.model.weights import locate
from omentum.volume import Grid

RECORD = json.loads((Path(__file__).parents[2] / "benchmarks/results/second_pass.json").read_text())
COUNTED = {row[0]: row[2:4] for row in RECORD["tables"]["bodies"]["rows"]}
"""Part of the trunk -> length of the image in mm, mean windows of six bodies."""
EXACT = find_profile("exact")


@pytest.fixture(scope="module")
def spec():
    return read_spec(locate("default")).second_pass


def image(length_mm):
    return Grid((130, 100, round(length_mm / 3)), np.diag([3.0, 3.0, 3.0, 1.0]))


@pytest.mark.parametrize("extent", COUNTED)
def test_windows_of_the_bundled_weights_as_counted(spec, extent):
    length_mm, windows = COUNTED[extent]
    plan = plan_second_pass(spec, spec.keys, image(length_mm), EXACT)
    # Organs are not spread evenly over the trunk: a part of it has more or fewer than its share.
    assert plan.windows == pytest.approx(windows, rel=0.15 if extent == "whole" else 0.5)


def test_extents_are_those_that_were_counted(spec):
    table = tomllib.loads((resources.files("omentum.doctor") / "organ_extents.toml").read_text())["extents_mm"]
    counted = {organ: [round(mm) for mm in extents] for organ, _, *extents in RECORD["tables"]["organs"]["rows"]}
    assert table == {key: counted[key] for key in table}
    assert table.keys() == {organ for region in spec.regions for organ in region.organs}


def test_only_regions_of_classes_that_are_asked_for_count(spec):
    liver = plan_second_pass(spec, ("liver_tumour",), image(650), EXACT)
    lungs = plan_second_pass(spec, ("lung_tumour",), image(650), EXACT)
    both = plan_second_pass(spec, ("liver_tumour", "lung_tumour"), image(650), EXACT)
    assert liver.windows >= 4
    assert both.windows == liver.windows + lungs.windows
    assert both.classes == ("liver_tumour", "lung_tumour")


def test_more_overlap_and_flips_take_more_windows(spec):
    usual = plan_second_pass(spec, spec.keys, image(650), EXACT)
    assert plan_second_pass(spec, spec.keys, image(650), find_profile("best")).windows > usual.windows
    flipped = plan_second_pass(spec, spec.keys, image(650), replace(EXACT, flips=("x",)))
    assert flipped.windows == 2 * usual.windows


def test_an_organ_of_unknown_extent_has_one_window(spec):
    region = replace(spec.regions[0], organs=("kneecap",), margin_mm=0.0)
    one = replace(spec, classes=spec.classes[: len(region.classes)], regions=(region,))
    assert plan_second_pass(one, one.keys, image(650), EXACT).windows == 1
