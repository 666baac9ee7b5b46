"""What cases are called, however people lay out their files."""

import os
import shutil
from pathlib import Path

import pytest
from case_files import files_in, put_ct
from dicom_files import write_stack

from omentum.cli import main
from omentum.cli.progress import ProgressReporter
from omentum.errors import UsageError
from omentum.io.case_names import case_name
from omentum.pipeline.batch.case_names import InputCase, name_cases
from omentum.pipeline.batch.inputs import plan_jobs
from omentum.pipeline.batch.options import CaseSelection


def named(*paths, pattern=None):
    return list(name_cases([InputCase(Path(path)) for path in paths], pattern))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("ct.nii.gz", "ct"),
        ("ct.nii.nii.gz", "ct"),
        ("ct.NII.GZ", "ct"),
        ("a/b.nii", "b"),
        (".nii.gz", "nii"),
        ("..nii.gz", "nii"),
        ("100%.nii.gz", "100%"),
        ("my scan.nii", "my scan"),
        ("scan", "scan"),
        ("a.b.nrrd", "a.b"),
        ("a.MHA", "a"),
        ("a.mhd", "a"),
        (".mha", ".mha"),
        (os.fsdecode(b"M\xfcller.nii.gz"), "M%FCller"),
        ("Müller.nii.gz", "Müller"),
    ],
)
def test_a_case_is_called_as_its_file_and_never_like_one(path, name):
    assert case_name(path) == name


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["s0001/ct.nii.gz", "s0002/ct.nii.gz"], ["s0001", "s0002"]),
        (["p1/CT/ct.nii.gz", "p2/CT/ct.nii.gz"], ["p1", "p2"]),
        (["p1/s1/ct.nii.gz", "p1/s2/ct.nii.gz", "p2/s1/ct.nii.gz"], ["p1_s1", "p1_s2", "p2_s1"]),
        (["p1/DICOM", "p2/DICOM"], ["p1", "p2"]),
        (["a/ct.nii.gz", "b/ct.nii.gz", "a.nii.gz"], ["a_ct", "b_ct", "a"]),
        (["a/ct.nii.gz", "b/ct.nii.gz", "other.nii"], ["a", "b", "other"]),
        (["p1/art.nii.gz", "p2/art.nii.gz", "p1/ven.nii.gz", "p2/ven.nii.gz"], ["p1", "p2", "p1_ven", "p2_ven"]),
        (["ct.nii.gz", "deep/er/ct.nii.gz"], None),
        (["my scans/ct 1.nii", "my scans/ct 2.nii"], ["ct 1", "ct 2"]),
    ],
)
def test_files_of_one_name_are_called_as_the_nearest_folders_that_differ(paths, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = named(*paths)
    assert len(set(found)) == len(paths)
    if names is not None:
        assert found == names


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("{parent}", ["s1", "s2"]),
        ("{grandparent}-{parent}-{name}", ["d-s1-ct", "d-s2-ct"]),
        ("P{number}", ["P1", "P2"]),
    ],
)
def test_a_pattern_makes_names(pattern, names):
    assert named("/d/s1/ct.nii.gz", "/d/s2/ct.nii.gz", pattern=pattern) == names


def test_one_case_takes_a_plain_name_and_many_are_counted_with_as_many_digits():
    assert named("ct.nii.gz", pattern="patient") == ["patient"]
    assert named(*(f"{n}.nii" for n in range(10)), pattern="{number}")[:2] == ["01", "02"]


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("same", "is the same for every case"),
        ("{nmae}", "has no field 'nmae'.*it has {name}"),
        ("{name.__class__}", "has no field"),
        ("{number:03}", "fields have no format"),
        ("{name", "expected '}'"),
        ("{parent}/{name}", "which no folder can be called"),
        ("..{number}/..", "which no folder can be called"),
        ("{name}{number}.nii", "which no folder can be called"),
        ("{parent}", "has the same case name 'd'"),
    ],
)
def test_a_pattern_that_makes_no_names_is_refused(pattern, words):
    with pytest.raises(UsageError, match=words):
        named("/d/a.nii.gz", "/d/b.nii.gz", pattern=pattern)


def test_the_same_file_twice_and_the_names_of_tables_are_refused():
    with pytest.raises(UsageError, match="is named twice"):
        named("a.nii.gz", "./a.nii.gz")
    with pytest.raises(UsageError, match=r"'lesions\.csv', as a table of the batch"):
        named("lesions.csv.nii.gz", "b.nii.gz")


def planned(*inputs, out="out", quiet=False, **more):
    jobs = plan_jobs([Path(path) for path in inputs], Path(out), CaseSelection(**more), ProgressReporter(silent=quiet))
    return {job.case: job.source.as_posix() for job in jobs}


@pytest.fixture
def there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def make(*paths):
        for path in map(Path, paths):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"nifti")

    return make


def test_a_folder_of_files_is_a_batch(there):
    there("cts/b.nii", "cts/a.nii.gz", "cts/._a.nii.gz", "cts/notes.txt", "cts/more/c.nii.gz")
    assert planned("cts") == {"a": "cts/a.nii.gz", "b": "cts/b.nii"}


def test_folders_with_a_ct_each_are_a_batch(there):
    there("set/s1/ct.nii.gz", "set/s1/segmentations/liver.nii.gz", "set/s2/ct.nii.gz", "set/s2/mask.nii.gz")
    there("set/s3/imaging.nii.gz", "set/s3/segmentation.nii.gz", "set/s4/only.nii.gz")
    there("set/s5/art.nii", "set/s5/ven.nii", "set/.hidden/ct.nii.gz")
    assert planned("set") == {
        **{case: f"set/{case}/ct.nii.gz" for case in ("s1", "s2")},
        **{"s3": "set/s3/imaging.nii.gz", "s4": "set/s4/only.nii.gz"},
        **{"art": "set/s5/art.nii", "ven": "set/s5/ven.nii"},
    }


def test_cts_further_down_are_not_left_out_in_silence(there, capsys):
    there("mix/x.nii.gz", "mix/sub/y.nii.gz", "mix/notes/a.txt")
    assert planned("mix") == {"x": "mix/x.nii.gz"}
    assert capsys.readouterr().err == "warning: mix: CTs further down are left out: sub\n"
    there("all/s1/ct.nii.gz", "all/s1/segmentations/liver.nii.gz", "all/deep/s2/ct.nii.gz")
    assert planned("all") == {"s1": "all/s1/ct.nii.gz"}
    assert capsys.readouterr().err == "warning: all: CTs further down are left out: deep\n"


def test_a_dicom_folder_stays_one_case_whatever_lies_beside_the_images(there, tmp_path):
    import numpy as np

    write_stack(tmp_path / "series", np.zeros((4, 4, 3), np.int16))
    there("series/seg.nii.gz")
    assert planned("series") == {"series": "series"}
    with pytest.raises(UsageError, match=r"series/out: lies inside the input series.*beside it"):
        planned("series", out="series/out")
    with pytest.raises(UsageError, match="lies inside the input"):
        planned("series", "other.nii.gz", out=tmp_path / "elsewhere" / ".." / "series")


def test_an_anonymous_case_is_called_after_its_content(there):
    there("DOE^JOHN/ct.nii.gz")
    Path("other.nii.gz").write_bytes(b"another")
    one = planned("DOE^JOHN/ct.nii.gz", "other.nii.gz", "missing.nii.gz", anonymous=True)
    other = planned("other.nii.gz", "DOE^JOHN/ct.nii.gz", anonymous=True)
    assert set(other) < set(one)
    assert "unreadable_3" in one
    assert not any("DOE" in case for case in one)
    assert list(planned("DOE^JOHN/ct.nii.gz", anonymous=True, name="P{number}")) == ["P1"]
    for word in ("{name}", "{parent}", "{grandparent}"):
        with pytest.raises(UsageError, match="--anonymous writes no"):
            planned("DOE^JOHN/ct.nii.gz", anonymous=True, name=f"x{word}")
    shutil.copy("other.nii.gz", "copy.nii.gz")
    with pytest.raises(UsageError, match=r"copy\.nii\.gz: holds the same as other\.nii\.gz"):
        planned("other.nii.gz", "copy.nii.gz", anonymous=True)


@pytest.mark.parametrize("quiet", [True, False])
def test_naming_anonymous_cases_is_silent_only_where_that_is_asked_for(quiet, there, capsys):
    there("ct.nii.gz")
    Path("other.nii.gz").write_bytes(b"another")
    planned("ct.nii.gz", "other.nii.gz", anonymous=True, quiet=quiet)
    assert ("naming cases" in capsys.readouterr().err) is not quiet


def test_nothing_that_is_written_names_an_anonymous_file(here, capsys):
    from banded_phantom import ras_grid

    Path("DOE^JOHN").mkdir()
    put_ct("DOE^JOHN/SMITH.nii.gz", ras_grid((2.0, 2.0, 8.0)))  # thick: warned of, with the file's name
    Path("DOE^JOHN/BAD_JANE.nii.gz").write_bytes(b"no ct")
    command = [
        "segment",
        "DOE^JOHN/SMITH.nii.gz",
        "DOE^JOHN/BAD_JANE.nii.gz",
        "-o",
        "out",
        "--anonymous",
        "--no-preview",
    ]
    assert main(command) == 3
    assert len(files_in("out")) > 6
    for name in files_in("out"):
        for secret in ("DOE", "JOHN", "SMITH", "JANE"):
            assert secret not in name
            assert secret.encode() not in Path("out", name).read_bytes(), name


def test_names_that_are_no_text_become_cases_of_a_batch(here, capsys):
    odd = os.fsdecode(b"M\xfcller.nii.gz")
    put_ct("plain.nii.gz")
    shutil.copy("plain.nii.gz", odd)
    shutil.copytree(".", os.fsdecode(b"../K\xf6ln"), dirs_exist_ok=True)
    assert main(["segment", odd, "plain.nii.gz", "-o", "out", "-j", "0"]) == 0
    assert {path.name for path in Path("out").iterdir() if path.is_dir()} == {"M%FCller", "plain"}
    shutil.rmtree("out")
    assert main(["segment", odd, "-o", os.fsdecode(b"\xf6ut"), "--no-preview", "--no-report"]) == 0


def test_a_double_ending_is_a_case_folder_and_the_rerun_finds_it(here):
    put_ct("ct.nii.nii.gz")
    put_ct("other.nii.gz")
    for _ in range(2):
        assert main(["segment", "ct.nii.nii.gz", "other.nii.gz", "-o", "out", "--no-preview", "--no-report"]) == 0
    assert Path("out/ct/segmentation.nii.gz").is_file()


def test_a_link_that_leads_nowhere_costs_itself_alone(here, capsys):
    put_ct("ct.nii.gz")
    Path("loop.nii.gz").symlink_to("loop.nii.gz")
    assert main(["segment", "loop.nii.gz", "-o", "alone"]) == 2
    assert "error: loop.nii.gz: Too many levels of symbolic links" in capsys.readouterr().err
    assert main(["segment", "ct.nii.gz", "loop.nii.gz", "-o", "out", "--no-preview", "--no-report"]) == 3
    assert Path("out/ct/manifest.json").is_file()


@pytest.mark.parametrize("name", ["seg.nrrd", "seg.seg.nrrd", "x.mha", "x.MGZ", "ct.img", "seg.nii.bz2", "a.gz"])
def test_a_format_that_is_not_written_is_refused_and_no_folder_made_of_its_name(name, here, capsys):
    put_ct("ct.nii.gz")
    assert main(["segment", "ct.nii.gz", "-o", name]) == 2
    assert "label maps are not written as" in capsys.readouterr().err
    assert not Path(name).exists()
