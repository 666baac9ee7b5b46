"""What the weights can be trusted with reaches every output, and changes nothing of the masks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from banded_phantom import banded_ct, ras_grid
from case_files import put_ct
from threshold_model import SPEC, ThresholdModel

from omentum.cli import main
from omentum.measure.class_trust import NEVER_FOUND, NO_RECORD
from omentum.pipeline import segment
from omentum.spec import Trust

HOW = {"device": "cpu", "postprocess": "none"}


def trusted(thresholds=None, **trust) -> ThresholdModel:
    model = ThresholdModel(SPEC)
    classes = (replace(c, trust=trust.get(c.key, Trust.UNKNOWN)) for c in model.spec.classes)
    moved = tuple(replace(c, threshold=(thresholds or {}).get(c.key, c.threshold)) for c in classes)
    model.spec = replace(model.spec, classes=moved)
    return model


@pytest.fixture(scope="module")
def ct():
    return banded_ct(ras_grid())


def test_the_manifest_and_the_measures_say_it_and_the_masks_do_not_change(ct):
    plain = segment(ct, weights=trusted(), **HOW)
    found = segment(ct, weights=trusted(liver=Trust.RELIABLE, liver_tumour=Trust.WEAK), **HOW)
    np.testing.assert_array_equal(found.bits, plain.bits)
    assert found.manifest["options"]["trust"] == {"liver": "reliable", "liver_tumour": "weak"}
    assert plain.manifest["options"]["trust"] == {}
    assert {m.key: m.trust for m in found.measures()} == {
        **dict.fromkeys(("left_kidney", "right_kidney"), Trust.UNKNOWN),
        **{"liver": Trust.RELIABLE, "liver_tumour": Trust.WEAK},
    }
    assert [one.is_candidate for one in found.lesions()] == [True]
    assert [one.is_candidate for one in plain.lesions()] == [False]


def test_of_several_weights_the_worst_counts(ct):
    members = [trusted(liver_tumour=Trust.RELIABLE), trusted(liver_tumour=Trust.NOT_FOUND)]
    found = segment(ct, weights=members, **HOW)
    assert found.manifest["options"]["trust"] == {"liver_tumour": "not found"}


def test_a_lower_threshold_than_the_weights_own_gives_candidates(ct):
    model = trusted({"liver_tumour": 0.8}, liver_tumour=Trust.RELIABLE)
    sure = model.forward
    model.forward = lambda x, classes=None: sure(x, classes) / 10  # nowhere more probable than 0.73
    assert not segment(ct, weights=model, **HOW).mask("liver_tumour").any()
    found = segment(ct, weights=model, threshold={"liver_tumour": 0.5, "liver": 0.6}, **HOW)
    assert found.manifest["options"]["operating_points"] == {"liver_tumour": 0.8}
    (lesion,) = found.lesions()
    assert lesion.candidate_reason == "its probability, at most 0.73, is below their operating point, 0.8"


def saved_with(monkeypatch, tmp_path, model) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", lambda *_: model)
    put_ct("ct.nii.gz")


def test_a_finished_case_is_read_back_with_its_candidates(monkeypatch, tmp_path, capsys):
    saved_with(monkeypatch, tmp_path, trusted(liver=Trust.RELIABLE, liver_tumour=Trust.WEAK))
    command = ["segment", "ct.nii.gz", "-o", "out", "--no-preview"]
    said = "Candidates, for review and not in any sum: Liver tumour 1."
    for _ in range(2):
        assert main(command) == 0
        out = capsys.readouterr().out
        assert said in out
        assert NO_RECORD not in out
    measured = json.loads(Path("out/ct/measurements.json").read_text())
    assert (measured["lesions"], len(measured["candidates"])) == ([], 1)
    assert measured["structures"]["liver_tumour"]["trust"] == "weak"
    # Judged anew, the same weights make another result of it.
    saved_with(monkeypatch, tmp_path, trusted(liver=Trust.RELIABLE, liver_tumour=Trust.RELIABLE))
    assert main(command) == 2
    assert "made otherwise (trust)" in capsys.readouterr().err


def test_the_terminal_says_what_is_never_found_and_what_is_not_known(monkeypatch, tmp_path, capsys):
    nothing = trusted(liver_tumour=Trust.NOT_FOUND)
    nothing.bands_hu[nothing.spec.class_keys.index("liver_tumour")] = 900.0
    saved_with(monkeypatch, tmp_path, nothing)
    assert main(["segment", "ct.nii.gz", "-o", "out", "--no-preview"]) == 0
    assert f"{NEVER_FOUND}: Liver tumour." in capsys.readouterr().out
    saved_with(monkeypatch, tmp_path, trusted())
    assert main(["segment", "ct.nii.gz", "-o", "other", "--no-preview"]) == 0
    assert capsys.readouterr().out.count(NO_RECORD) == 1
    assert main(["segment", "ct.nii.gz", "-o", "more", "--no-preview", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
