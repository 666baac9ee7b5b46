"""Inputs with an address: one that fails does not stop the others, and is recorded as they are."""

import json

import pytest
from banded_phantom import banded_ct, ras_grid

from omentum.cli import main
from omentum.errors import InputError
from omentum.io.nifti import write_volume
from omentum.pacs import pull
from omentum.pacs.options import DicomWebOptions
from omentum.progress import SilentProgress

FINE, BAD = "dicomwebs://host/studies/1.2", "dicomwebs://host/studies/1.3"


@pytest.fixture(autouse=True)
def server(monkeypatch):
    def pulled(address, token, place, progress, series):
        if address.study == "1.3":
            raise InputError("has no such study", source=address.shown)
        return place / "series"

    monkeypatch.setattr(pull, "_pull", pulled)


def test_a_failed_pull_leaves_the_others():
    with pull.pulled(["ct.nii.gz", BAD, FINE], DicomWebOptions(), SilentProgress()) as found:
        first, missing, last = found.paths
        assert (first.name, last.name) == ("ct.nii.gz", "series")
        assert "1.3" not in missing.name
        assert list(found.faults) == [missing]


@pytest.mark.parametrize("anonymous", [[], ["--anonymous"]])
def test_a_failed_pull_is_a_failed_case(here, capsys, anonymous):
    write_volume(here / "ct.nii.gz", banded_ct(ras_grid()))
    command = ["segment", BAD, "ct.nii.gz", "-o", "out", "--json", "--device", "cpu", *anonymous]
    assert main([*command, "--no-report", "--no-preview"]) == 3
    told = capsys.readouterr()
    report = json.loads(told.out)
    assert [case["status"] for case in report["cases"]] == ["failed", "done"]
    assert report["cases"][0]["error"] == "dicomwebs://host: has no such study"
    assert "error: dicomwebs://host: has no such study" in told.err
    assert json.loads((here / "out" / "report.json").read_text()) == report


def test_the_only_one_is_raised():
    with pytest.raises(InputError, match="no such study"), pull.pulled([BAD], DicomWebOptions(), SilentProgress()):
        pass
