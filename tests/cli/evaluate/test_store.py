"""A prepared store as the reference, whole or a part of its split."""

from __future__ import annotations

import csv
import io
import json
import re
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest
from evaluated_files import run
from PIL import Image
from raw_cases import read_toy, toy_recipe, write_toys

from omentum.data.datasets.recipe_catalogue import bundled_recipes
from omentum.data.store.prepare import prepare
from omentum.data.store.prepare_case import StoreOptions
from omentum.data.store.store import Store
from omentum.io.nifti import write_labelmap
from omentum.io.truth import read_truth
from omentum.segmentation import Segmentation

OPTIONS = StoreOptions(spacing_mm=(2.0, 2.0, 4.0), samples=10, margin_mm=0)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store of three cropped cases, and their truth as predictions: one perfect, one mirrored in storage."""
    folder = tmp_path_factory.mktemp("evaluated")
    prepare(write_toys(folder / "raw", 3), folder / "store", OPTIONS, read=read_toy)
    for number in range(3):
        truth, _ = read_truth(folder / "raw" / f"{number}")
        turned = truth.affine.copy()
        turned[:, 0] *= -1
        turned[0, 3] = truth.affine[0, 3] + truth.affine[0, 0] * (truth.shape[0] - 1)
        seg = truth if number != 1 else Segmentation(truth.bits[:, ::-1], turned, truth.classes)
        write_labelmap(folder / "out" / f"toy_{number}" / "segmentation.nii.gz", seg)
    return folder


def test_the_truth_is_perfect_on_the_stores_own_cropped_grid(made, tmp_path):
    case = Store.open(made / "store").cases[0]
    assert case.shape != case.whole_shape
    assert run(made / "out", made / "store", "--json-file", tmp_path / "s.json", "--quiet") == 0
    cases = json.loads((tmp_path / "s.json").read_text())["cases"]
    assert [(c["case"], c["patient"]) for c in cases] == [(f"toy_{n}", f"toy-{n}") for n in range(3)]
    for scores in (c["structures"] for c in cases):
        evaluated = {key: s["dice"] for key, s in scores.items() if s["status"] != "not_annotated"}
        assert evaluated == dict.fromkeys(("right_kidney", "left_kidney", "liver", "liver_tumour"), 1.0)
        assert scores["aorta"]["status"] == "not_annotated"
    ml = Store.open(made / "store").cases[0].structures["liver"].volume_ml
    assert cases[0]["structures"]["liver"]["reference_ml"] == pytest.approx(ml)


def test_a_part_of_a_split(made, tmp_path, capsys):
    split = tmp_path / "split.json"
    split.write_text(json.dumps({"train": ["toy_0"], "test": ["toy_2", "toy_9"], "validation": []}))
    assert run(made / "out", made / "store", "--split", split, "--csv", tmp_path / "s.csv") == 0
    assert {row["case"] for row in csv.DictReader((tmp_path / "s.csv").read_text().splitlines())} == {"toy_2"}
    told = capsys.readouterr().err
    assert "holds no case 'toy_9' of the split" in told
    assert "ignored" not in told
    assert run(made / "out", made / "store", "--split", split, "--part", "tests") == 2
    assert "split.json: has no part 'tests' (it has train, test, validation)" in capsys.readouterr().err
    split.write_text("[1]")
    assert run(made / "out", made / "store", "--split", split) == 2
    assert "is no split" in capsys.readouterr().err
    split.write_text(json.dumps({"format": 3, "parts": {}}))
    assert run(made / "out", made / "store", "--split", split) == 2
    assert "is a split of format 3" in capsys.readouterr().err


def test_a_single_prediction_is_the_case_of_its_name(made, tmp_path, capsys):
    assert run(made / "out" / "toy_1", made / "store", "--json-file", tmp_path / "s.json", "--quiet") == 0
    assert [c["case"] for c in json.loads((tmp_path / "s.json").read_text())["cases"]] == ["toy_1"]
    other = tmp_path / "other"
    other.mkdir()
    (other / "segmentation.nii.gz").write_bytes((made / "out" / "toy_1" / "segmentation.nii.gz").read_bytes())
    assert run(other, made / "store") == 2
    assert "holds no case 'other'" in capsys.readouterr().err


def test_a_prediction_on_another_grid_is_refused_and_counts_as_missed(made, tmp_path, capsys):
    truth, _ = read_truth(made / "raw" / "0")
    good = (made / "out" / "toy_1" / "segmentation.nii.gz").read_bytes()
    (tmp_path / "out" / "toy_1").mkdir(parents=True)
    (tmp_path / "out" / "toy_1" / "segmentation.nii.gz").write_bytes(good)
    cut = Segmentation(np.ascontiguousarray(truth.bits[..., 3:]), truth.affine, truth.classes)
    write_labelmap(tmp_path / "out" / "toy_0" / "segmentation.nii.gz", cut)
    assert run(tmp_path / "out", made / "store", "--json-file", tmp_path / "s.json") == 3
    assert "is not on the grid of the CT that 'toy_0' was prepared from" in capsys.readouterr().err
    cases = json.loads((tmp_path / "s.json").read_text())["cases"]
    assert [c["structures"]["liver"]["status"] for c in cases] == ["false_negative", "evaluated", "false_negative"]


def test_predictions_that_match_no_reference_are_named(made, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    good = (made / "out" / "toy_1" / "segmentation.nii.gz").read_bytes()
    for name in ("toy_1", "toy_7", *(f"x{n}" for n in range(5))):
        (tmp_path / "out" / f"{name}.nii.gz").write_bytes(good)
    (tmp_path / "out" / "lesions.csv").write_text("")
    assert run(tmp_path / "out", made / "store") == 0
    told = [line for line in capsys.readouterr().err.splitlines() if "no reference has the name" in line]
    assert len(told) == 1
    assert "'toy_7', 'x0', 'x1', 'x2', 'x3' and 1 more" in told[0]


def test_the_store_s_ct_is_under_its_worst_cases(made, tmp_path):
    truth, _ = read_truth(made / "raw" / "0")
    masks = {key: truth.mask(key) for key in truth.classes}
    masks["liver"] = np.roll(masks["liver"], 2, axis=1)
    write_labelmap(tmp_path / "out" / "toy_0" / "segmentation.nii.gz", Segmentation.from_masks(masks, truth.affine))
    assert run(tmp_path / "out", made / "store", "--html", tmp_path / "s.html", "--quiet") == 0
    page = (tmp_path / "s.html").read_text()
    assert "Liver, toy_0: Dice" in page
    shades = [Image.open(io.BytesIO(b64decode(code))) for code in re.findall('webp;base64,([^"]+)', page)]
    assert max(np.ptp(np.asarray(shade)) for shade in shades) > 50


@pytest.fixture(scope="module")
def lits(tmp_path_factory):
    """Two cases prepared as LiTS, segmented as the dataset calls its CTs."""
    folder = tmp_path_factory.mktemp("lits")
    recipe = replace(toy_recipe("lits"), annotated=bundled_recipes()["lits"].annotated & {"liver"})
    prepare(write_toys(folder / "raw", 2, recipe), folder / "store", OPTIONS, read=read_toy)
    for number in range(2):
        truth, _ = read_truth(folder / "raw" / f"{number}")
        write_labelmap(folder / "out" / f"volume-{number}" / "segmentation.nii.gz", truth)
    return folder


def test_predictions_may_be_called_as_the_dataset_calls_its_cts(lits, tmp_path, capsys):
    for more in ([], ["--compare", lits / "out"]):
        assert run(lits / "out", lits / "store", "--json-file", tmp_path / "s.json", *more) == 0
        assert "ignored" not in capsys.readouterr().err
        cases = json.loads((tmp_path / "s.json").read_text())["cases"]
        assert [(c["case"], c["structures"]["liver"]["dice"]) for c in cases] == [("lits_0", 1.0), ("lits_1", 1.0)]
    assert run(lits / "out" / "volume-1", lits / "store", "--json-file", tmp_path / "s.json", "--quiet") == 0
    assert json.loads((tmp_path / "s.json").read_text())["cases"][0]["case"] == "lits_1"
    split = tmp_path / "split.json"
    split.write_text(json.dumps({"train": ["lits_0"], "test": ["lits_1"], "validation": []}))
    assert run(lits / "out", lits / "store", "--split", split, "--json-file", tmp_path / "s.json", "--quiet") == 0
    assert [c["case"] for c in json.loads((tmp_path / "s.json").read_text())["cases"]] == ["lits_1"]


def test_where_no_name_fits_both_lists_are_told(lits, made, tmp_path, capsys):
    assert run(lits / "out", made / "store") == 2
    told = capsys.readouterr().err
    assert "it has 'volume-0', 'volume-1'; the reference has 'toy_0', 'toy_1', 'toy_2'" in told
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty", made / "raw") == 2
    assert "it has no prediction; the reference has '0', '1', '2'" in capsys.readouterr().err


def test_an_id_of_two_datasets_is_no_name(tmp_path, capsys):
    raws = [raw for key in ("lits", "kits23") for raw in write_toys(tmp_path / key, 1, toy_recipe(key))]
    prepare(raws, tmp_path / "store", OPTIONS, read=read_toy)
    truth, _ = read_truth(tmp_path / "lits" / "0")
    write_labelmap(tmp_path / "out" / "0.nii.gz", truth)
    assert run(tmp_path / "out", tmp_path / "store") == 2
    assert "0.nii.gz: may be" in capsys.readouterr().err
    write_labelmap(tmp_path / "named" / "lits_0.nii.gz", truth)
    assert run(tmp_path / "named", tmp_path / "store", "--quiet") == 0
