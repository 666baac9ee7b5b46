"""Addresses of DICOMweb servers where a command takes files alone."""

import pytest

from omentum.cli import main

ADDRESSES = (
    "dicomweb://user:secret@host/studies/1.2.3",
    "dicomweb:/host/studies/1.2.3",
    "dicomwebs:host/studies/1.2.3",
)


@pytest.mark.parametrize(
    "command",
    [
        ["doctor", ADDRESSES[0]],
        ["doctor", ADDRESSES[1]],
        ["evaluate", "out/", ADDRESSES[0]],
        ["lesions", "compare", ADDRESSES[2], "b.nii.gz"],
        ["annotate", "propose", ADDRESSES[0], "-o", "round"],
        ["data", "prepare", "--dataset", "a=b", f"--out={ADDRESSES[1]}"],
        ["segment", "ct.nii.gz", "-o", ADDRESSES[1]],
    ],
)
def test_an_address_is_refused_in_one_line_that_does_not_show_it(command, capsys):
    assert main(command) == 2
    shown = "".join(capsys.readouterr())
    assert shown.count("\n") == 1
    assert "address of a DICOMweb server" in shown
    assert "secret" not in shown
    assert "1.2.3" not in shown
