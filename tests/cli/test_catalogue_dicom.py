"""Cases of the catalogue of faulty inputs by the command line: one line on stderr, exit code 2, nothing written."""

import io
from contextlib import redirect_stderr, redirect_stdout

import pytest
from catalogue import PATIENT, Case, Outcome, check
from dicom_cases import HU, stack
from dicom_frames import write_frames

from omentum.cli import main
from omentum.errors import InputError


def by_command(*options):
    """Segment the input; the line that refuses it is raised as an error."""

    def read(path):
        out, errors = path.parent / "out", io.StringIO()
        with redirect_stderr(errors), redirect_stdout(io.StringIO()):
            code = main(["segment", "--quiet", str(path), "-o", str(out), *options])
        lines = errors.getvalue().splitlines()
        assert (code, len(lines), out.exists()) == (2, 1, False), (code, lines)
        raise InputError(lines[0])

    return read


def in_folder(make):
    def made(folder):
        (folder / "ct").mkdir()
        make(folder / "ct")
        return folder / "ct"

    return made


def gap(folder):
    stack(folder)[4].unlink()


def two_series(folder):
    stack(folder / "a")
    stack(folder / "b", SeriesNumber=4, SeriesDescription="DOE^JANE lung")


def broken_frames(folder):
    path = write_frames(folder / "frames.dcm", HU, **PATIENT)
    path.write_bytes(path.read_bytes()[:-50])
    return path


def no_zip(folder):
    (folder / "study.zip").write_bytes(b"PK\3\4 and no more")
    return folder / "study.zip"


CASES = (
    Case(57, "a slice missing, by the command", in_folder(gap), Outcome.ERROR, r"^error: .*/ct: 1 slice\(s\) missing",
         read=by_command()),
    Case(62, "two series, by the command", in_folder(two_series), Outcome.ERROR, r"\(\.\.\. lung, 8 images",
         read=by_command()),
    Case(62, "--series 9", in_folder(two_series), Outcome.ERROR, "has no series 9", read=by_command("--series", "9")),
    Case(81, "frames cut off, by the command", broken_frames, Outcome.ERROR, "frames.dcm: its image is missing or",
         read=by_command()),
    Case(91, "a damaged zip, by the command", no_zip, Outcome.ERROR, "study.zip: is a damaged zip file",
         read=by_command()),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_answer_is_the_expected_one(case, tmp_path):
    check(case, tmp_path)
