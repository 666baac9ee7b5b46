"""No command writes over what it reads, whatever the output is called."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from case_files import put_ct
from raw_cases import read_toy, write_toys

from omentum.cli import main
from omentum.data.store.prepare import prepare
from omentum.data.store.prepare_case import StoreOptions
from omentum.io.nifti import write_labelmap
from omentum.segmentation import Segmentation


def files_below(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Runs a command that must be refused and change nothing."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        before = files_below(tmp_path)
        assert main(list(arguments)) == 2
        assert files_below(tmp_path) == before
        return capsys.readouterr().err

    return run


@pytest.fixture
def store(tmp_path) -> Path:
    prepare(write_toys(tmp_path / "raw", 2), tmp_path / "store", StoreOptions((3.0, 3.0, 3.0)), read=read_toy)
    return tmp_path / "store"


def test_segment_does_not_replace_a_case_folder_that_holds_a_ct(refused):
    """Put beside an earlier result, the CT would go with it."""
    Path("out/ct").mkdir(parents=True)
    put_ct("out/ct/ct.nii.gz")
    Path("out/ct/manifest.json").write_text("{}")
    for more in ([], ["--overwrite"]):
        assert "out/ct: holds the input" in refused("segment", "out/ct/ct.nii.gz", "-o", "out", *more)


@pytest.mark.parametrize("option", ["--csv", "--json-file"])
@pytest.mark.parametrize("name", ["segmentation.nii.gz", "measurements.json"])
def test_lesions_compare(refused, option, name):
    mask = np.zeros((8, 8, 8), bool)
    for scan in ("then", "now"):
        labels = Segmentation.from_masks({"liver": ~mask, "liver_tumour": mask}, np.eye(4))
        write_labelmap(f"{scan}/segmentation.nii.gz", labels)
        Path(scan, "measurements.json").write_text("{}")
    assert "now/" in refused("lesions", "compare", "then", "now", option, f"now/{name}")


@pytest.mark.parametrize("target", ["store.json", "cases/toy_0/case.json"])
@pytest.mark.parametrize(
    "command",
    [
        ("data", "stats", "store", "--json-file"),
        ("data", "stats", "store", "--picture"),
        ("data", "split", "store", "-o"),
        ("evaluate", "outs", "store", "--json-file"),
    ],
    ids=" ".join,
)
def test_a_store_stays_as_it_is(refused, store, command, target):
    found = sorted(store.rglob(Path(target).name))
    mask = np.zeros((40, 36, 34), bool)
    write_labelmap("outs/toy_0/segmentation.nii.gz", Segmentation.from_masks({"liver": ~mask}, np.eye(4)))
    assert str(found[0].relative_to(store.parent)) in refused(*command, str(found[0].relative_to(store.parent)))


@pytest.mark.parametrize("option", ["--json-file", "--splits"])
def test_data_check(refused, option):
    for part in ("imagesTr", "labelsTr"):
        Path("raw", part).mkdir(parents=True)
        put_ct(f"raw/{part}/liver_0.nii.gz")
    told = refused("data", "check", "--dataset", "msd-liver=raw", option, "raw/labelsTr/liver_0.nii.gz")
    assert "lies inside the input" in told


def test_phantom(refused):
    put_ct("out/case_0000/labels.nii.gz")
    Path("names.json").write_text('{"1": "liver"}')
    labels = ["--from-labels", "out/case_0000/labels.nii.gz", "--names", "names.json"]
    assert "holds the input" in refused("phantom", "-n", "1", "-o", "out", *labels)
