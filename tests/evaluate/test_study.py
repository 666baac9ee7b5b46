"""A study evaluated from Python: the same scores as on the command line, and read back as they were written."""

from __future__ import annotations

import inspect
import json
from dataclasses import fields

import numpy as np
import pytest

import omentum
from omentum.cli import main
from omentum.cli.evaluate import evaluate as command
from omentum.errors import UsageError
from omentum.evaluate.evaluation import Evaluation
from omentum.io.nifti import write_labelmap
from omentum.io.truth import write_case
from omentum.segmentation import Segmentation
from omentum.volume import Volume

AFFINE = np.diag([2.0, 2.0, 4.0, 1.0])


def block(start, size=6):
    mask = np.zeros((24, 24, 12), bool)
    mask[start : start + size, 4:12, 2:8] = True
    return mask


def seg(**masks):
    return Segmentation.from_masks(masks, AFFINE)


@pytest.fixture
def study(tmp_path):
    """Two cases, one with a tumour that the first model misses and the second finds."""
    ct = Volume(np.zeros((24, 24, 12), np.int16), AFFINE)
    for name, start in (("a", 4), ("b", 8)):
        truth = seg(liver=block(start), liver_tumour=block(start, 2))
        write_case(tmp_path / "truth" / name, ct, truth, {})
        for model, found in (("one", block(20, 1)), ("two", block(start, 2))):
            (tmp_path / model).mkdir(exist_ok=True)
            write_labelmap(tmp_path / model / f"{name}.nii.gz", seg(liver=block(start + 1), liver_tumour=found))
    return tmp_path


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".mhd"])
def test_label_maps_in_another_format_get_the_same_scores(study, suffix):
    sitk = pytest.importorskip("SimpleITK")
    (study / "again").mkdir()
    for name in ("a", "b"):
        image = sitk.ReadImage(str(study / "two" / f"{name}.nii.gz"))
        sitk.WriteImage(image, str(study / "again" / f"{name}{suffix}"))
    expected = omentum.evaluate_study(study / "two", study / "truth")
    found = omentum.evaluate_study(study / "again", study / "truth")
    assert {row["case"] for row in found.to_json()["cases"]} == {"a", "b"}
    assert found.to_json()["cases"] == expected.to_json()["cases"]


def test_a_study_from_python_is_that_of_the_command_line(study):
    options = omentum.EvaluationOptions(compare=study / "two")
    result = omentum.evaluate_study(study / "one", study / "truth", options=options)
    arguments = [str(study / "one"), str(study / "truth"), "--compare", str(study / "two")]
    assert main(["evaluate", *arguments, "--quiet", "--json-file", str(study / "s.json")]) == 0
    assert json.loads((study / "s.json").read_text()) == json.loads(json.dumps(result.to_json()))
    assert result.summary["liver_tumour"].lesions.false_negatives == 2
    assert not result.has_failures


@pytest.mark.parametrize("compare", [False, True])
def test_an_evaluation_is_read_back_as_it_was_written(study, compare):
    options = omentum.EvaluationOptions(compare=study / "two" if compare else None)
    written = omentum.evaluate_study(study / "one", study / "truth", options=options).to_json()
    assert Evaluation.from_json(json.loads(json.dumps(written))).to_json() == written


def test_another_version_or_document_is_no_evaluation(study):
    written = omentum.evaluate_study(study / "one", study / "truth").to_json()
    with pytest.raises(ValueError, match="of version 99"):
        Evaluation.from_json(written | {"schema_version": 99})
    with pytest.raises(TypeError, match=r"not 'omentum\.evaluation'"):
        Evaluation.from_json(written | {"schema": "omentum.split"})


def test_every_option_is_one_of_the_command_line():
    of_command = set(inspect.signature(command).parameters)
    assert {one.name for one in fields(omentum.EvaluationOptions)} <= of_command


def test_a_part_needs_a_split():
    with pytest.raises(UsageError, match="--part without --split"):
        omentum.EvaluationOptions(part="fold-0")


def test_options_take_text_and_lists_as_the_command_line_does(tmp_path):
    options = omentum.EvaluationOptions(compare="other", structures=("liver", "kidneys"))
    assert options.compare == tmp_path.__class__("other")
    assert options.structures == "liver,kidneys"


def test_fewer_than_one_process_is_refused(study):
    with pytest.raises(UsageError, match="at least 1"):
        omentum.evaluate_study(study / "one", study / "truth", jobs=0)
