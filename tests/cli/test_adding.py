"""New outputs of a finished case are made from what is there: the network is not asked, and nothing else changes."""

import json
import shutil
from pathlib import Path

import pytest
from case_files import SPEC, files_in, put_ct
from threshold_model import ThresholdModel

from omentum.cli import main

BARE = ("--no-preview", "--no-report", "--quiet", "-j", "0")
FULL = ("--masks", "--meshes", "stl", "--statistics", "--quiet", "-j", "0")


class Overlapping(ThresholdModel):
    """The tumour is liver, too, and the kidneys lie over parts of it."""

    def __init__(self):
        super().__init__(SPEC, {"liver": (20, 500), "liver_tumour": (90, 110), "left_kidney": (60, 100)})


class Asked(Overlapping):
    def forward(self, *_):
        raise AssertionError("the network was asked")


@pytest.fixture(scope="module")
def segmented(tmp_path_factory):
    """A CT, segmented with everything beside it and with nothing."""
    folder = tmp_path_factory.mktemp("segmented")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        put_ct("ct.nii.gz")
        patch.setattr("omentum.pipeline.segmenter.load_model", lambda *_: Overlapping())
        assert main(["segment", "ct.nii.gz", "-o", "full", *FULL]) == 0
        assert main(["segment", "ct.nii.gz", "-o", "out", *BARE]) == 0
    return folder


@pytest.fixture
def finished(segmented, here, monkeypatch):
    """A finished case without anything beside it; no network can be asked."""
    shutil.copytree(segmented, here, dirs_exist_ok=True)
    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", lambda *_: Asked())
    return Path("out/ct")


def contents(folder):
    return {name: Path(folder, name).read_bytes() for name in files_in(folder)}


def without_dates(manifest):
    told = json.loads(manifest)
    for varies in ("timings_s", "peak_memory_mb", "created"):
        del told[varies]
    return told


def test_what_is_added_is_what_would_have_been_written_at_once(finished):
    before = contents(finished)
    assert main(["segment", "ct.nii.gz", "-o", "out", *FULL]) == 0
    after, expected = contents(finished), contents("full/ct")
    assert set(after) == set(expected)
    assert "segmentation.seg.nrrd" in after
    for name in set(after) - {"manifest.json", "report.html"}:
        assert after[name] == expected[name], name
    assert without_dates(after["manifest.json"]) == without_dates(expected["manifest.json"])
    for name in set(before) - {"manifest.json"}:
        assert after[name] == before[name], name
    assert not [name for name in Path("out").iterdir() if name.name.startswith(".")]


@pytest.mark.parametrize(
    ("option", "file"),
    [
        (("--masks",), "masks/liver.nii.gz"),
        (("--meshes", "obj"), "meshes/liver.obj"),
        (("--preview",), "preview.png"),
        (("--report",), "report.html"),
        (("--statistics",), "statistics.json"),
    ],
)
def test_each_can_be_added_alone_and_less_is_enough_afterwards(option, file, finished):
    bare = [name for name in BARE if name != f"--no-{option[0].removeprefix('--')}"]
    assert main(["segment", "ct.nii.gz", "-o", "out", *bare, *option]) == 0
    assert (finished / file).is_file()
    made = (finished / file).stat().st_mtime_ns
    for command in ([*bare, *option], BARE):
        assert main(["segment", "ct.nii.gz", "-o", "out", *command]) == 0
    assert (finished / file).stat().st_mtime_ns == made


def test_meshes_of_another_format_stay_beside_the_new_ones(finished):
    for file_type in ("stl", "obj"):
        assert main(["segment", "ct.nii.gz", "-o", "out", *BARE, "--meshes", file_type]) == 0
    assert {"liver.stl", "liver.obj"} <= {path.name for path in (finished / "meshes").iterdir()}


def test_what_needs_the_network_is_still_refused(finished, capsys):
    for other, said in (
        (["--probabilities", "uint8"], "made otherwise (probabilities)"),
        (["--numbering", "msd-liver"], "made otherwise (numbering)"),
        (["--masks", "--postprocess", "none"], "made otherwise (postprocess)"),
    ):
        assert main(["segment", "ct.nii.gz", "-o", "out", *BARE, *other]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["label map", "masks", "not said"])
def test_a_case_that_does_not_hold_its_masks_gets_nothing_new(damage, finished, capsys):
    if damage == "label map":
        shutil.copy("ct.nii.gz", finished / "segmentation.nii.gz")
    elif damage == "masks":
        (finished / "segmentation.seg.nrrd").unlink()
    else:
        manifest = json.loads((finished / "manifest.json").read_text())
        del manifest["masks_sha256"]
        (finished / "manifest.json").write_text(json.dumps(manifest))
    assert main(["segment", "ct.nii.gz", "-o", "out", *BARE, "--masks"]) == 2
    assert capsys.readouterr().err.startswith("error: out/ct")
    assert not (finished / "masks").exists()
    assert not [path for path in Path("out").iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("file", ["segmentation.nii.gz", "segmentation.seg.nrrd"])
def test_nothing_is_made_from_masks_that_were_changed_since(file, finished, capsys):
    path = finished / file
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    before = contents(finished)
    assert main(["segment", "ct.nii.gz", "-o", "out", *FULL]) == 2
    assert f"{file}: is damaged or changed: not what was written" in capsys.readouterr().err
    assert contents(finished) == before


def test_a_case_in_a_dataset_s_numbers_holds_all_masks_too(here, monkeypatch):
    put_ct("ct.nii.gz")
    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", lambda *_: Overlapping())
    numbered = (*BARE, "--numbering", "msd-liver")
    assert main(["segment", "ct.nii.gz", "-o", "full", *numbered, "--masks"]) == 0
    assert main(["segment", "ct.nii.gz", "-o", "out", *numbered]) == 0
    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", lambda *_: Asked())
    assert main(["segment", "ct.nii.gz", "-o", "out", *numbered, "--masks"]) == 0
    after, expected = contents("out/ct"), contents("full/ct")
    assert "masks/left_kidney.nii.gz" in after
    for name in set(after) - {"manifest.json"}:
        assert after[name] == expected[name], name
