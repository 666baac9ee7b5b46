"""Inputs with an address: one that fails does not stop the others."""

import pytest

from omentum.errors import InputError
from omentum.pacs import pull
from omentum.pacs.options import DicomWebOptions
from omentum.progress import SilentProgress

FINE, BAD = "dicomwebs://host/studies/1.2", "dicomwebs://host/studies/1.3"


@pytest.fixture(autouse=True)
def server(monkeypatch):
    def pulled(address, token, place, progress):
        if address.study == "1.3":
            raise InputError("has no such study", source=address.shown)
        return place / "series"

    monkeypatch.setattr(pull, "_pull", pulled)


def test_a_failed_pull_leaves_the_others():
    with pull.pulled(["ct.nii.gz", BAD, FINE], DicomWebOptions(), SilentProgress()) as found:
        assert [path.name for path in found.paths] == ["ct.nii.gz", "series"]
        assert found.failed == 1


def test_the_only_one_is_raised():
    with pytest.raises(InputError, match="no such study"), pull.pulled([BAD], DicomWebOptions(), SilentProgress()):
        pass
