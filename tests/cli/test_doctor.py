"""`omentum doctor`: what would be done, and what this machine has."""

import json
from pathlib import Path

import numpy as np
import pytest
from banded_phantom import banded_ct, ras_grid
from case_files import files_in, put_ct
from dicom_files import write_stack
from small_models import small_model, with_small_second_pass

from omentum.cli import main
from omentum.doctor.input_report import InputReport, reports_from_json, reports_to_json
from omentum.doctor.machine import MachineReport
from omentum.model.checkpoint import save_checkpoint

NAME = "Doe^Jane"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ask(*arguments, capsys) -> tuple[int, list[InputReport], str]:
    code = main(["doctor", *arguments, "--json"])
    told = capsys.readouterr()
    return code, reports_from_json(json.loads(told.out)), told.err


def doubts(report):
    return [one.text for one in report.checks if one.outcome == "doubt"]


def test_a_ct_that_works(here, capsys):
    put_ct("ct.nii.gz")
    code, (report,), _ = ask("ct.nii.gz", "--profile", "fast", "--classes", "liver, both kidneys", capsys=capsys)
    assert code == 0
    assert report.works
    assert report.plan.windows >= 1
    assert "resampled to 3 x 3 x 3 mm" in report.plan.resampling
    assert report.estimate.seconds > 0
    assert report.estimate.memory_bytes > 1e9
    assert [f.text for f in report.checks if f.about == "structures"] == ["right_kidney, left_kidney, liver"]
    assert files_in(".") == ["ct.nii.gz"]  # nothing is written
    assert reports_from_json(reports_to_json([report])) == [report]


def test_the_number_of_windows_is_that_of_the_segmentation(here, capsys):
    put_ct("ct.nii.gz")
    save_checkpoint("w.safetensors", small_model())
    _, (report,), _ = ask("ct.nii.gz", "-w", "w.safetensors", capsys=capsys)
    assert (
        main(["segment", "ct.nii.gz", "-w", "w.safetensors", "-o", "out", "--no-report", "--no-preview", "--quiet"])
        == 0
    )
    manifest = json.loads(Path("out/ct/manifest.json").read_text())
    assert report.plan.windows == manifest["model_grid"]["windows"]
    expected = {name for name in report.plan.outputs if name not in ("report.html", "preview.png")}
    assert {Path(name).name for name in files_in("out/ct")} == expected


def test_a_second_pass_is_part_of_the_estimate_where_a_class_needs_it(here, capsys):
    put_ct("ct.nii.gz")
    save_checkpoint("w.safetensors", with_small_second_pass(small_model("residual_unet")))
    asked = ("ct.nii.gz", "-w", "w.safetensors")
    _, (whole,), _ = ask(*asked, capsys=capsys)
    _, (liver,), _ = ask(*asked, "--classes", "liver", capsys=capsys)
    _, (unknown,), _ = ask(*asked, "--classes", "lifer oil", capsys=capsys)
    assert whole.plan.second_pass.classes == ("liver_tumour",)
    assert whole.plan.second_pass.windows >= 1
    assert liver.plan.second_pass is unknown.plan.second_pass is None
    assert whole.estimate.seconds > liver.estimate.seconds
    (text,) = [one.text for one in whole.checks if one.about == "weights"]
    assert text == "w.safetensors: 3 classes, 1 of them by a second pass"
    assert main(["doctor", *asked]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "second pass  " in line]
    assert line.endswith("around organs, for 1 structure")


def test_several_weights_have_no_second_pass(here, capsys):
    put_ct("ct.nii.gz")
    for name in "ab":
        save_checkpoint(f"{name}.safetensors", with_small_second_pass(small_model("residual_unet")))
    _, (report,), _ = ask("ct.nii.gz", "-w", "a.safetensors", "-w", "b.safetensors", capsys=capsys)
    assert report.plan.second_pass is None


@pytest.mark.parametrize("words", ["all organs", "spleen, liver", "livr"])
def test_words_find_what_they_find_in_a_segmentation(here, capsys, words):
    put_ct("ct.nii.gz")
    save_checkpoint("w.safetensors", small_model())
    asked = ("ct.nii.gz", "-w", "w.safetensors", "--classes", words)
    code, (report,), _ = ask(*asked, capsys=capsys)
    assert main(["segment", *asked, "-o", "out", "--no-report", "--no-preview", "--quiet"]) == code == 0
    *guesses, found = [one for one in report.checks if one.about == "structures"]
    assert found.text.split(", ") == json.loads(Path("out/ct/manifest.json").read_text())["options"]["classes"]
    assert [one.outcome for one in guesses] == ["doubt"] * (words == "livr")


@pytest.mark.parametrize("words", ["all vessels", "all organs, aorta", "lifer oil"])
def test_words_are_refused_as_in_a_segmentation(here, capsys, words):
    put_ct("ct.nii.gz")
    save_checkpoint("w.safetensors", small_model())
    asked = ("ct.nii.gz", "-w", "w.safetensors", "--classes", words)
    code, (report,), _ = ask(*asked, capsys=capsys)
    assert main(["segment", *asked, "-o", "out"]) == code == 2
    (fault,) = [one.text for one in report.checks if one.about == "structures"]
    assert capsys.readouterr().err == f"error: {fault}\n"


def test_series_are_listed_without_the_patient(here, capsys):
    hu = banded_ct(ras_grid()).voxels
    write_stack(here / "study" / "a", hu, PatientName=NAME, PatientID="12345678", StudyDate="20010203")
    write_stack(here / "study" / "b", hu[:, :, :5], Modality="MR", SeriesNumber=9)
    (here / "study" / "readme.txt").write_text("hello")
    code = main(["doctor", "study"])
    told = capsys.readouterr()
    assert code == 0
    assert "5 x image of modality MR, 1 x file that is no DICOM" in told.out
    assert "0.7 x 0.8 x 2.5 mm, Explicit VR Little Endian" in told.out
    assert "doubt" in told.out
    for secret in ("Doe", "12345678", "20010203"):
        assert secret not in told.out + told.err


def test_the_code_of_a_series_is_what_segment_takes(here, capsys):
    hu = banded_ct(ras_grid()).voxels
    write_stack(here / "study" / "a", hu)
    write_stack(here / "study" / "b", hu, SeriesNumber=4)
    code, (report,), err = ask("study", capsys=capsys)
    assert code == 2
    assert [one.number for one in report.series] == [3, 4]
    assert all(f"[{one.code}]" in err for one in report.series)
    code, (chosen,), _ = ask("study", "--series", report.series[1].code, capsys=capsys)
    assert code == 0
    assert chosen.works


def test_outputs_that_cannot_be_written_are_told(here, capsys):
    put_ct("ct.nii.gz")
    code, (report,), _ = ask("ct.nii.gz", "--format", "dicom-seg", "--masks", capsys=capsys)
    assert code == 2
    assert any("was not read from DICOM" in one.text for one in report.checks if one.outcome == "fault")
    assert "masks/<structure>.nii.gz" in report.plan.outputs
    write_stack(here / "series", banded_ct(ras_grid()).voxels)
    code, (report,), _ = ask("series", "--format", "dicom-seg", "--format", "dicom-sr", capsys=capsys)
    assert code == 0
    assert {"segmentation.dcm", "measurements.dcm"} <= set(report.plan.outputs)
    assert [one.text for one in report.checks if one.about == "outputs"] == ["dicom-seg, dicom-sr"]


def test_every_check_is_done_after_a_fault(here, capsys):
    Path("ct.nii.gz").write_bytes(b"\x1f\x8bnonsense")
    code, (report,), err = ask("ct.nii.gz", "-w", "missing.safetensors", "--device", "cuda:7", capsys=capsys)
    assert code == 2
    assert {one.about for one in report.checks if one.outcome == "fault"} >= {"reading", "weights", "device"}
    assert len([line for line in err.splitlines() if line.startswith("error: ")]) == 1


def test_doubts_are_those_of_reading(here, capsys):
    hu = banded_ct(ras_grid()).voxels[:, :, ::4]
    write_stack(here / "thick", hu, step_mm=8.0)
    _, (report,), _ = ask("thick", capsys=capsys)
    assert any("slices are 8 mm apart; tumour detection is less reliable" in text for text in doubts(report))


def test_a_folder_of_cts_with_a_bad_one(here, capsys):
    Path("cts").mkdir()
    put_ct("cts/a.nii.gz")
    Path("cts/b.nii.gz").write_bytes(b"")
    code, reports, _ = ask("cts", capsys=capsys)
    assert code == 3
    assert reports[0].cases == ("a", "b")
    assert [one.works for one in reports] == [True, True, False]


@pytest.mark.parametrize(
    ("name", "said"),
    [("w.safetensors", "--weights takes it"), ("none", "no such file or folder"), ("x.txt", "nothing")],
)
def test_what_is_no_ct_says_what_it_is_for(here, capsys, name, said):
    save_checkpoint("w.safetensors", small_model())
    Path("x.txt").write_text("hello")
    assert main(["doctor", name]) == 2
    told = capsys.readouterr()
    assert said in told.out
    assert told.err.count("error: ") == 1


def test_an_oblique_ct_is_stood_up(here, capsys):
    from banded_phantom import rotated

    put_ct("ct.nii.gz", rotated(ras_grid(), 25))
    _, (report,), _ = ask("ct.nii.gz", capsys=capsys)
    assert "stood up" in report.plan.resampling


def test_the_machine(here, capsys):
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    assert "versions" in told
    assert "default" in told
    assert main(["doctor", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    report = MachineReport.from_json(content)
    assert report.engines[1].name == "torch"
    assert {engine.name for engine in report.engines} == {"openvino", "torch"}
    assert np.all([size > 0 for size in report.free_bytes.values()])


def test_what_is_missing_is_named_with_its_remedy(monkeypatch, capsys):
    from omentum.doctor import machine

    declared = [
        "numpy>=2",
        "openvino>=1; extra == 'cpu'",
        "absent-package>=1; extra == 'report'",
        "pytest; extra == 'dev'",
    ]
    monkeypatch.setattr(machine, "requires", lambda _: declared)
    assert main(["doctor"]) == 0
    told = capsys.readouterr().out
    assert "report: missing absent-package: pip install 'omentum[report]'" in told
    assert "dev:" not in told
