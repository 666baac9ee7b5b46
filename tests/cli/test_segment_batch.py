"""Several CTs in one command: faults, reruns, processes, tables."""

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from banded_phantom import ras_grid, rotated
from case_files import SPEC, files_in, put_ct
from threshold_model import BANDS_HU, ThresholdModel

from omentum.cli import main


def test_a_bad_case_does_not_stop_the_others(here, capsys):
    put_ct("first.nii.gz")
    Path("second.nii.gz").write_bytes(b"not a ct")
    put_ct("third.nii")
    inputs = ["first.nii.gz", "second.nii.gz", "third.nii"]
    assert main(["segment", *inputs, "-o", "out", "--no-preview", "--no-report", "-j", "1"]) == 3
    shown = capsys.readouterr()
    assert "error: second.nii.gz: " in shown.err
    assert "2 of 3 cases" in shown.out
    tables = ["lesions.csv", "measurements.csv", "quality.csv", "report.json"]
    assert sorted(p.name for p in Path("out").iterdir()) == sorted(["first", "third", *tables])
    cases = json.loads(Path("out/report.json").read_text())["cases"]
    assert [case["status"] for case in cases] == ["done", "failed", "done"]
    assert cases[1]["error"].startswith("second.nii.gz: ")
    measured, lesions, alone = (
        list(csv.DictReader(io.StringIO(Path("out", name).read_text())))
        for name in ("measurements.csv", "lesions.csv", "third/lesions.csv")
    )
    assert [row["case"] for row in measured] == ["first"] * len(BANDS_HU) + ["third"] * len(BANDS_HU)
    assert {row["key"] for row in measured} == set(BANDS_HU)
    assert [(row["case"], row["key"]) for row in lesions] == [(c, "liver_tumour") for c in ("first", "third")]
    assert alone == lesions[1:]


def test_parquet_beside_the_csv_or_one_line_about_what_is_missing(here, capsys, monkeypatch):
    put_ct("first.nii.gz")
    put_ct("third.nii.gz")
    command = ["segment", "first.nii.gz", "third.nii.gz", "-o", "out", "--no-preview", "--parquet"]
    assert main(command) == 0
    assert Path("out/measurements.parquet").read_bytes()[:4] == b"PAR1"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main([*command, "--overwrite"]) == 2
    assert "needs pyarrow (pip install 'omentum[tables]')" in capsys.readouterr().err


def test_one_case_has_its_parquet_too(here):
    put_ct("first.nii.gz")
    assert main(["segment", "first.nii.gz", "-o", "out", "--no-preview", "--no-report", "--quiet", "--parquet"]) == 0
    assert Path("out/measurements.parquet").read_bytes()[:4] == b"PAR1"


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_the_same_comes_out_whatever_the_number_of_processes(jobs, here):
    put_ct("a.nii.gz")
    put_ct("b.nii.gz", rotated(ras_grid((2.0, 2.5, 3.0)), 15))
    put_ct("thick.nii", ras_grid((2.0, 2.0, 8.0)))
    inputs = ["a.nii.gz", "b.nii.gz", "thick.nii", "missing.nii"]
    for folder, number in (("alone", "0"), ("together", jobs)):
        assert main(["segment", *inputs, "-o", folder, "--quiet", "-j", number, "--masks", "--no-report"]) == 3
    assert files_in("alone") == files_in("together")
    for name in files_in("alone"):
        if not name.endswith(("manifest.json", "report.json")):
            assert Path("alone", name).read_bytes() == Path("together", name).read_bytes(), name
    for case in ("a", "b", "thick"):
        one, other = (json.loads(Path(f, case, "manifest.json").read_text()) for f in ("alone", "together"))
        assert set(one["timings_s"]) == set(other["timings_s"])
        for varies in ("timings_s", "peak_memory_mb", "created"):
            del one[varies], other[varies]
        assert one == other
    one, other = (json.loads(Path(f, "report.json").read_text())["cases"] for f in ("alone", "together"))
    told = ("case", "status", "error", "warnings", "quality", "volume_ml")
    assert [[case[name] for name in told] for case in one] == [[case[name] for name in told] for case in other]


def test_a_rerun_does_what_is_missing_and_the_tables_are_whole(here):
    for name in ("a", "b", "c"):
        put_ct(f"{name}.nii.gz")
    command = ["segment", "a.nii.gz", "b.nii.gz", "c.nii.gz", "-o", "out", "--no-preview", "--no-report"]
    assert main(command) == 0
    tables = {name: Path("out", name).read_bytes() for name in ("measurements.csv", "lesions.csv", "quality.csv")}
    shutil.rmtree("out/b")
    before = {case: Path("out", case, "manifest.json").stat().st_mtime_ns for case in "ac"}
    assert main(command) == 0
    cases = json.loads(Path("out/report.json").read_text())["cases"]
    assert [case["status"] for case in cases] == ["done earlier", "done", "done earlier"]
    assert {case: Path("out", case, "manifest.json").stat().st_mtime_ns for case in "ac"} == before
    assert {name: Path("out", name).read_bytes() for name in tables} == tables


def test_our_fault_with_one_case_does_not_stop_the_others_either(here, monkeypatch):
    from omentum.pipeline import reading

    def faulty(volume, **options):
        return 1 / 0 if volume.shape[0] == 40 else check(volume, **options)

    check = reading.check_ct
    monkeypatch.setattr(reading, "check_ct", faulty)
    put_ct("good.nii.gz")
    put_ct("odd.nii.gz", ras_grid((3.0, 2.0, 2.0)))
    assert main(["segment", "odd.nii.gz", "good.nii.gz", "-o", "out", "-j", "0", "--no-preview", "--no-report"]) == 3
    cases = json.loads(Path("out/report.json").read_text())["cases"]
    assert "internal fault: ZeroDivisionError" in cases[0]["error"]
    assert cases[1]["status"] == "done"


def test_the_model_is_loaded_once(here, monkeypatch):
    loaded = []
    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", lambda *_: loaded.append(1) or ThresholdModel(SPEC))
    put_ct("a.nii.gz")
    put_ct("b.nii.gz")
    assert main(["segment", "a.nii.gz", "b.nii.gz", "-o", "out", "--quiet", "--no-preview", "--no-report"]) == 0
    assert len(loaded) == 1


def test_two_cases_of_one_name_are_refused_before_the_start(here, capsys):
    put_ct("ct.nii.gz")
    put_ct("ct.nii")
    assert main(["segment", "ct.nii.gz", "ct.nii", "-o", "out"]) == 2
    assert "has the same case name 'ct' as ct.nii.gz" in capsys.readouterr().err
    assert not Path("out").exists()


def test_several_inputs_need_a_folder(here, capsys):
    assert main(["segment", "a.nii.gz", "b.nii.gz", "-o", "seg.nii.gz"]) == 2
    assert "there are several inputs" in capsys.readouterr().err
