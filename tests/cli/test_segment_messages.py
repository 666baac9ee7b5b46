"""What the command says on stdout and stderr: words it understood, flags, warnings, JSON, or nothing."""

import json
from pathlib import Path

from banded_phantom import ras_grid
from case_files import put_ct
from threshold_model import BANDS_HU

from omentum.cli import main


def test_what_words_were_understood_to_be_is_said_once(here, capsys):
    put_ct("a.nii.gz")
    put_ct("b.nii.gz")
    command = ["segment", "a.nii.gz", "b.nii.gz", "-o", "out", "--no-preview", "--no-report", "-j", "0"]
    assert main([*command, "--classes", "liver, linke Niere, liver tumr"]) == 0
    told = capsys.readouterr().err
    assert told.count("'linke Niere': left_kidney (language)") == 1
    assert told.count("'liver tumr': liver_tumour (spelling); read as 'tumour'") == 1
    assert "'liver'" not in told
    assert json.loads(Path("out/a/manifest.json").read_bytes())["options"]["classes"] == [
        "liver",
        "left_kidney",
        "liver_tumour",
    ]


def test_json_alone_is_on_stdout(here, capsys):
    put_ct("ct.nii.gz")
    assert main(["segment", "ct.nii.gz", "-o", "out", "--json", "--no-preview", "--no-report"]) == 0
    (case,) = json.loads(capsys.readouterr().out)["cases"]
    assert (case["case"], case["status"], case["error"]) == ("ct", "done", None)
    assert set(case["volume_ml"]) == set(BANDS_HU)


def test_quiet_says_nothing(here, capsys):
    put_ct("ct.nii.gz")
    assert main(["segment", "ct.nii.gz", "-o", "out", "--quiet", "--no-preview", "--no-report"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_what_should_be_looked_at_is_told(here, capsys):
    """The phantom's liver is much smaller than any liver."""
    put_ct("ct.nii.gz")
    assert main(["segment", "ct.nii.gz", "-o", "out", "--no-preview"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert sum(line.startswith("check: ct: liver: ") and "plausible 600 to 4000" in line for line in lines) == 1
    flags = json.loads(Path("out/ct/measurements.json").read_text())["quality"]["flags"]
    assert ("liver", "small") in {(flag["structure"], flag["code"]) for flag in flags}


def test_a_warning_is_told_once_and_kept_in_the_manifest(here, capsys):
    put_ct("thick.nii.gz", ras_grid((2.0, 2.0, 8.0)))
    assert main(["segment", "thick.nii.gz", "-o", "out", "--quiet", "--no-preview", "--no-report"]) == 0
    told = capsys.readouterr().err
    assert told.count("warning: thick.nii.gz: slices are 8 mm apart") == told.count("\n") == 1
    manifest = json.loads(Path("out/thick/manifest.json").read_text())
    assert len(manifest["warnings"]) == 1
