"""A user's own structures through the commands, without and with the file that defines them."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from banded_phantom import banded_ct, ras_grid, truth_mask
from case_files import SPEC, put_ct
from own_structures import LESION, PAIR, included, many, written
from threshold_model import ThresholdModel
from toy_anatomy import NAMES, toy_labels
from toy_cases import SPACING_3MM, toy_volume

from omentum.anatomy import STRUCTURES
from omentum.anatomy.structure_rows import carried_rows
from omentum.cli import main
from omentum.data.store.store import Store
from omentum.io.labels import read_labelmap
from omentum.io.nifti import write_volume
from omentum.io.truth import read_truth, write_case
from omentum.segmentation import Segmentation
from omentum.volume import Volume

FOUND = {PAIR[1]: "left_kidney", PAIR[0]: "liver", "vertebra_L1": "right_kidney", LESION: "liver_tumour"}
"""What the structures of a user are in the body of `banded_phantom`."""
BANDS_HU = dict(zip(FOUND, [(140, 160), (90, 110), (190, 210), (50, 70)], strict=True))

RECIPE = """
title = "Muscles of nobody"
licence = "CC0-1.0"
patient = "nobody-{id}"
annotated = ["vertebra_L1", "gluteus maximus"]
[[layout]]
image = "images/{id}.nii.gz"
labels = "labels/{id}.nii.gz"
[values]
1 = ["vertebrae L1"]
2 = ["gluteus_maximus_right"]
3 = ["gluteus_maximus_left"]
"""


@pytest.fixture
def weights(here, monkeypatch):
    """Weights for structures of a user, which nothing but these weights defines."""
    included(here)
    model = ThresholdModel(SPEC, BANDS_HU)
    rows = carried_rows(BANDS_HU)
    STRUCTURES.reset()

    def load(*_):
        from omentum.anatomy.structure_rows import include_carried

        include_carried(rows, "own.safetensors")
        return model

    for place in ("omentum.pipeline.segmenter.load_model", "omentum.model.load_model"):
        monkeypatch.setattr(place, load)


def own_truth(folder: Path) -> None:
    """The exact masks of the body of `banded_phantom` as a case folder, in a user's words."""
    included(folder.parents[1])
    grid = ras_grid()
    masks = {own: truth_mask(key, grid) for own, key in FOUND.items()}
    write_case(folder, banded_ct(grid), Segmentation.from_masks(masks, grid.affine), {})
    STRUCTURES.reset()


def test_they_are_listed(here, weights, capsys):
    assert main(["classes", "--structures", str(written(here))]) == 0
    assert "gluteus_sarcoma" in capsys.readouterr().out
    STRUCTURES.reset()
    assert main(["classes", "--weights", "own.safetensors", "--json"]) == 0
    assert [row["key"] for row in json.loads(capsys.readouterr().out)["structures"]] == list(FOUND)


def test_a_bad_table_is_one_line(here, capsys):
    path = written(here, "[rib]\nhosts = ['thorax']")
    assert main(["classes", "--structures", str(path)]) == 2
    assert capsys.readouterr().err == f"error: {path}: rib: unknown host 'thorax' (hosts are keys of structures)\n"


def test_results_need_no_file_of_structures(here, weights, capsys):
    put_ct("ct.nii.gz")
    assert main(["segment", "ct.nii.gz", "-o", "out", "--device", "cpu", "--masks"]) == 0
    assert "Left gluteus maximus" in capsys.readouterr().out
    page = Path("out/ct/report.html").read_text()
    assert "Gluteus sarcoma" in page
    assert f".vertebra_L1 {{ color: rgb{STRUCTURES['vertebra_L1'].colour}; }}" in page
    measured = json.loads(Path("out/ct/measurements.json").read_text())["structures"]
    assert measured["vertebra_L1"]["volume_ml"] == pytest.approx(4.8, rel=0.1)
    assert json.loads(Path("out/ct/manifest.json").read_text())["weights"]["classes_sha256"]
    assert Path("out/ct/masks/gluteus_maximus_left.nii.gz").is_file()
    STRUCTURES.reset()
    found = read_labelmap("out/ct/segmentation.nii.gz")
    assert set(found.classes) == set(FOUND)
    assert STRUCTURES[PAIR[0]].colour == (176, 70, 50)
    assert np.unique(np.asarray(nib.load("out/ct/segmentation.nii.gz").dataobj)).tolist() == [0, 33, 34, 35, 36]


def test_they_are_asked_for_by_words_that_only_the_weights_know(here, weights, capsys):
    put_ct("ct.nii.gz")
    command = ["segment", "ct.nii.gz", "-o", "out.nii.gz", "--quiet", "--weights", "own.safetensors", "--classes"]
    assert main([*command, "vertebrae L1"]) == 2  # there is no such file
    Path("own.safetensors").touch()
    assert main([*command, "vertebrae L1,gluteus maximus"]) == 0
    STRUCTURES.reset()
    assert read_labelmap("out.nii.gz").classes == ("vertebra_L1", *PAIR)
    Path("out.nii.gz").unlink()
    assert main([*command, "vertebrae L9"]) == 2
    assert "unknown structure 'vertebrae L9' (did you mean 'vertebra_L1'?)" in capsys.readouterr().err


def test_a_reference_that_knows_nothing_of_own_structures_is_no_reason_to_miss_the_others(here, weights, capsys):
    put_ct("a.nii.gz")
    assert main(["segment", "a.nii.gz", "-o", "out", "--quiet", "--no-preview"]) == 0
    STRUCTURES.reset()
    grid = ras_grid()
    liver = Segmentation.from_masks({"liver": truth_mask("liver", grid)}, grid.affine)
    write_case(Path("ref/a"), banded_ct(grid), liver, {})
    main(["evaluate", "out/a", "ref/a"])
    said = capsys.readouterr()
    assert "unknown structure" not in said.err
    assert "not asked" in said.out


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_results_are_judged_by_what_they_bring_along(here, weights, capsys, jobs):
    for name in ("a", "b"):
        own_truth(here / f"ref/{name}")
        put_ct(f"{name}.nii.gz")
    assert main(["segment", "a.nii.gz", "b.nii.gz", "-o", "out", "--quiet", "--no-preview"]) == 0
    STRUCTURES.reset()
    command = ["evaluate", "out", "ref", "--json-file", "s.json", "--html", "s.html", "--csv", "s.csv", "-j", jobs]
    assert main(command) == 0
    assert "Left gluteus maximus" in capsys.readouterr().out
    scores = json.loads(Path("s.json").read_text())
    assert scores["rules"]["tolerances"]["vertebra_L1"]["mm"] == 3.0
    by_key = scores["cases"][0]["structures"]
    assert set(by_key) == set(FOUND)
    assert min(row["dice"] for row in by_key.values()) > 0.9
    assert by_key[LESION]["lesions"]["true_positives"] == 1
    assert "Left gluteus maximus" in Path("s.html").read_text()


def test_lesions_of_a_user_are_followed(here, weights, capsys):
    for name in ("then", "now"):
        put_ct(f"{name}.nii.gz")
        assert main(["segment", f"{name}.nii.gz", "-o", name, "--quiet", "--no-preview"]) == 0
    STRUCTURES.reset()
    assert main(["lesions", "compare", "then", "now"]) == 0
    assert "Gluteus sarcoma" in capsys.readouterr().out


def test_foreign_numbers_are_read_with_the_file_alone(here, weights):
    put_ct("ct.nii.gz")
    assert main(["segment", "ct.nii.gz", "-o", "out", "--quiet", "--no-preview"]) == 0
    STRUCTURES.reset()
    grid = ras_grid()
    write_volume("ref.nii.gz", Volume(truth_mask("right_kidney", grid).astype(np.uint8), grid.affine))
    Path("numbers.json").write_text('{"1": "vertebrae L1"}')
    command = ["evaluate", "out/ct", "ref.nii.gz", "--mapping", "numbers.json", "--json-file", "s.json", "--quiet"]
    assert main(command) == 2
    assert main(["--structures", str(written(here)), *command]) == 0
    assert json.loads(Path("s.json").read_text())["cases"][0]["structures"]["vertebra_L1"]["dice"] > 0.9


@pytest.mark.parametrize("where", ["--classes", "--healthy", "--tolerance", "--mapping", "--pred-mapping"])
def test_options_that_name_them_say_how_the_file_is_given(where, here, weights, capsys):
    put_ct("ct.nii.gz")
    assert main(["segment", "ct.nii.gz", "-o", "out", "--quiet", "--no-preview"]) == 0
    STRUCTURES.reset()
    Path("mm.toml").write_text("vertebra_L1 = 2.0\n")
    Path("healthy.csv").write_text("case,structure\nct,gluteus sarcoma\n")
    Path("numbers.json").write_text('{"1": "vertebrae L1"}')
    values = {"--classes": "vertebra L1", "--healthy": "healthy.csv", "--tolerance": "mm.toml"}
    command = ["evaluate", "out/ct", "out/ct/segmentation.nii.gz", where, values.get(where, "numbers.json")]
    assert main(command) == 2
    told = capsys.readouterr().err
    assert "unknown structure" in told
    assert "structures of your own: --structures FILE" in told
    if where in values:
        assert main([*command, "--structures", str(written(here)), "--quiet"]) == 0


def prepared(here, *more):
    for name in "12":
        ct, truth = toy_volume(int(name))
        labels = sum(n * truth.mask(key) for n, key in enumerate(("liver", "right_kidney", "left_kidney"), start=1))
        write_volume(here / f"raw/images/{name}.nii.gz", ct)
        write_volume(here / f"raw/labels/{name}.nii.gz", Volume(labels.astype(np.uint8), SPACING_3MM))
    (here / "muscles.toml").write_text(RECIPE)
    dataset = f"{here / 'muscles.toml'}={here / 'raw'}"
    return main(["data", "prepare", "--dataset", dataset, "-o", "store", "--spacing", "3", "--quiet", *more])


def test_a_recipe_may_name_them_and_the_store_says_what_they_are(here, capsys):
    assert prepared(here) == 2
    assert "unknown structure" in capsys.readouterr().err
    assert prepared(here, "--structures", str(written(here)), "-j", "2") == 0
    STRUCTURES.reset()
    store = Store.open(here / "store")
    assert {"vertebra_L1", *PAIR} <= set(STRUCTURES.keys)
    (case, _) = store.cases
    assert set(case.annotated) == {"vertebra_L1", *PAIR}
    hu, bits = store.read(case)
    truth = Segmentation(bits, case.grid.affine, store.classes)
    assert float(np.median(hu[truth.mask(PAIR[0])])) == pytest.approx(200, abs=3)
    STRUCTURES.reset()
    assert main(["data", "stats", "store"]) == 0
    assert "vertebra_L1" in capsys.readouterr().out.replace(" ", "_").replace("First_lumbar", "vertebra_L1")


def test_changing_what_a_structure_means_makes_cases_anew_and_its_colour_does_not(here, capsys):
    assert prepared(here, "--structures", str(written(here))) == 0
    before = (here / "store/store.json").read_bytes()
    STRUCTURES.reset()
    text = written(here).read_text()
    (here / "structures.toml").write_text(text.replace("#b04632", "#ffffff"))
    assert prepared(here, "--structures", "structures.toml") == 0
    keys = [json.loads(b)["cases"][0]["key"] for b in (before, (here / "store/store.json").read_bytes())]
    assert keys[0] == keys[1]
    STRUCTURES.reset()
    (here / "structures.toml").write_text(text.replace("[20, 120]", "[30, 120]"))
    assert prepared(here, "--structures", "structures.toml") == 0
    assert json.loads((here / "store/store.json").read_bytes())["cases"][0]["key"] != keys[0]


def test_phantoms_from_a_label_map_keep_them(here):
    labels = toy_labels()
    nib.save(nib.Nifti1Image(labels.voxels, labels.affine), here / "labels.nii.gz")
    (here / "names.json").write_text(json.dumps(NAMES))
    command = ["phantom", "-o", "made", "--from-labels", "labels.nii.gz", "--names", "names.json", "--spacing", "5"]
    assert main([*command, "--quiet", "--structures", str(written(here))]) == 0
    STRUCTURES.reset()
    truth, _ = read_truth(here / "made/case_0000")
    assert truth.classes == (*STRUCTURES.default_keys, "vertebra_L1")
    assert "vertebra_L1" in truth.annotated
    wanted = (labels.voxels == 11).sum() * 0.027
    assert truth.mask("vertebra_L1").sum() * truth.grid.voxel_volume_ml == pytest.approx(wanted, rel=0.5)


def test_phantoms_keep_more_than_a_plane_of_them(here):
    many(here)
    names = {value: f"rib_{value}" for value in (2, 3, 11)} | {1: "liver", 5: "rib_90"}
    labels = toy_labels()
    nib.save(nib.Nifti1Image(labels.voxels, labels.affine), here / "labels.nii.gz")
    (here / "names.json").write_text(json.dumps(names))
    command = ["phantom", "-o", "made", "--from-labels", "labels.nii.gz", "--names", "names.json", "--spacing", "6"]
    assert main([*command, "--quiet"]) == 0
    truth, _ = read_truth(here / "made/case_0000")
    assert truth.classes[32:] == ("rib_2", "rib_3", "rib_11", "rib_90")
    assert all(truth.mask(key).any() for key in ("liver", "rib_2", "rib_90"))
