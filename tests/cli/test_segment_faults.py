"""What is refused before anything runs, earlier results that do not fit, and faults that leave nothing behind."""

import os
from pathlib import Path

import pytest
from banded_phantom import banded_ct, ras_grid, rotated
from case_files import files_in, put_ct

from omentum.cli import main
from omentum.io.nifti import write_volume


def test_meshes_in_a_format_that_is_none_are_refused_before_the_work(here, capsys):
    put_ct("ct.nii.gz")
    assert main(["segment", "ct.nii.gz", "-o", "out", "--meshes", "ply"]) == 2
    assert "'ply' is not one of 'stl', 'obj', 'glb'" in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "file is empty"),
        (b"\0" * 128 + b"DICM" + b"\0" * 200, "is a DICOM file without an image"),
        (b"NRRD0004\n", "is an NRRD file"),
        (b"hello " * 100, ""),
    ],
)
def test_a_file_that_is_no_ct(content, said, here, capsys):
    Path("ct.nii.gz").write_bytes(content)
    assert main(["segment", "ct.nii.gz", "-o", "out", "--quiet"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ct.nii.gz: ")
    assert said in told
    assert told.count("\n") == 1
    assert not Path("out").exists()


def test_a_folder_without_a_series(here, capsys):
    Path("series").mkdir()
    assert main(["segment", "series", "-o", "out", "--quiet"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: series: ")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "ct.nii.gz"], "error: ct.nii.gz: is also the input"),
        (["-o", "there.nii.gz"], "error: there.nii.gz: exists already"),
        (["-o", "."], "error: ct: is a folder that holds something else"),
        (
            ["-o", "out", "--classes", "livers of cattle"],
            "error: unknown structure 'livers of cattle' (see `omentum",
        ),
        (["-o", "out", "--device", "tpu"], "error: unknown device 'tpu'"),
        (["-o", "out", "--precision", "int4"], "error: Invalid value for '--precision': 'int4' is not one of"),
        (["-o", "out", "--threshold", "1.5"], "error: the threshold 1.5 of all is not between 0 and 1"),
        (["-o", "out", "--threshold", "liver=high"], "error: 'liver=high' is no threshold (for example"),
        (
            ["-o", "out", "--probabilities", "float16"],
            "error: Invalid value for '--probabilities': 'float16' is not one of",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(arguments, said, here, capsys, monkeypatch):
    put_ct("ct.nii.gz")
    Path("there.nii.gz").touch()
    Path("ct").mkdir()
    Path("ct/mine.txt").touch()
    before = files_in(".")

    def never(*_):
        raise AssertionError("loaded")

    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", never)
    overwrite = ["--overwrite"] if "." in arguments else []
    assert main(["segment", "ct.nii.gz", *arguments, *overwrite]) == 2
    assert capsys.readouterr().err.startswith(said)
    assert files_in(".") == before


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder_is_refused_before_anything_runs(here, capsys):
    put_ct("ct.nii.gz")
    Path("locked").mkdir(mode=0o555)
    assert main(["segment", "ct.nii.gz", "-o", "locked/out"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_what_was_made_otherwise_needs_overwrite(here, capsys):
    put_ct("ct.nii.gz")
    command = ["segment", "ct.nii.gz", "-o", "out", "--quiet", "--no-preview", "--no-report"]
    assert main(command) == 0
    for other, differs in (
        (["--postprocess", "none"], "postprocess"),
        (["--profile", "fast", "--precision", "float32"], "profile, overlap"),
        (["--classes", "liver", "--no-locate"], "classes, locate"),
        (["--threshold", "liver_tumour=0.3"], "threshold, operating_points"),
        (["--probabilities", "uint8"], "probabilities"),
    ):
        assert main([*command, *other]) == 2
        assert f"exists already, made otherwise ({differs})" in capsys.readouterr().err
        assert main([*command, *other, "--overwrite"]) == 0
        assert main([*command, "--overwrite"]) == 0
    write_volume("ct.nii.gz", banded_ct(rotated(ras_grid(), 10)))
    assert main(command) == 2
    assert "made otherwise (input)" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["manifest.json", "measurements.json"])
@pytest.mark.parametrize("content", ["{", "[]", '{"input": 3}'])
def test_a_damaged_result_is_not_taken_for_one(name, content, here, capsys):
    put_ct("ct.nii.gz")
    command = ["segment", "ct.nii.gz", "-o", "out", "--quiet", "--no-preview", "--no-report"]
    assert main(command) == 0
    Path("out/ct", name).write_text(content)
    assert main(command) == 2
    assert "error: out/ct: exists already, and " in capsys.readouterr().err
    assert main([*command, "--overwrite"]) == 0


def test_an_internal_fault_leaves_nothing(here, capsys, monkeypatch):
    put_ct("ct.nii.gz")
    monkeypatch.setattr("omentum.pipeline.case_folder.measures_json", lambda *_: 1 / 0)
    assert main(["segment", "ct.nii.gz", "-o", "out", "--quiet"]) == 1
    assert "error: internal fault: ZeroDivisionError" in capsys.readouterr().err
    assert files_in("out") == []


def test_an_interruption_leaves_nothing(here, monkeypatch):
    put_ct("ct.nii.gz")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("omentum.pipeline.case_folder.measures_json", interrupt)
    assert main(["segment", "ct.nii.gz", "-o", "out", "--quiet"]) == 130
    assert files_in("out") == []
