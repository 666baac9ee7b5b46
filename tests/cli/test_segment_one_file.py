"""One NIfTI file as the output: the labels alone, and no place for anything else."""

import pytest
from case_files import files_in, put_ct

from omentum.cli import main


def test_one_file_out_is_just_that_file(here):
    put_ct("ct.nii.gz")
    assert main(["segment", "ct.nii.gz", "-o", "seg.nii.gz", "--quiet"]) == 0
    assert files_in(".") == ["ct.nii.gz", "seg.nii.gz"]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (["--meshes", "stl"], "meshes"),
        (["--statistics"], "statistics"),
        (["--masks"], "masks"),
        (["--parquet"], "parquet"),
        (["--probabilities", "uint8"], "probabilities"),
        (["--preview"], "preview"),
        (["--report"], "report"),
        (["--masks", "--meshes", "glb", "--no-report"], "masks, meshes"),
    ],
)
def test_what_has_no_place_in_one_file_is_refused_before_the_work(asked, named, here, capsys):
    put_ct("ct.nii.gz")
    assert main(["segment", "ct.nii.gz", "-o", "seg.nii.gz", *asked]) == 2
    assert files_in(".") == ["ct.nii.gz"]
    (told,) = capsys.readouterr().err.strip().splitlines()
    assert f"seg.nii.gz: is one file for the labels alone, no place for {named} (give a folder as the output)" in told


def test_one_file_out_takes_no_for_what_it_does_not_hold(here):
    put_ct("ct.nii.gz")
    assert main(["segment", "ct.nii.gz", "-o", "seg.nii.gz", "--quiet", "--no-report", "--no-preview"]) == 0
