"""What is told of an anonymous case names no file and no folder of it."""

import numpy as np
import pytest
from dicom_files import write_stack

from omentum.errors import InputError
from omentum.pipeline.anonymity import UNNAMED, without_names
from omentum.pipeline.batch.jobs import CaseOutcome, Job
from omentum.pipeline.manifest import CaseName
from omentum.pipeline.options import SegmentOptions
from omentum.pipeline.reading import read_case

NAMES = ("DOE", "JOHN", "SMITH", "ANNA", "ROE", "MILLER", "scout")


@pytest.fixture
def folder(tmp_path):
    """A patient's name is in the folder, in those in it, and in the names of files."""
    folder, rng = tmp_path / "DOE^JOHN", np.random.default_rng(0)
    write_stack(folder / "SMITH_ANNA", rng.integers(-1000, 300, (12, 10, 6)), name="ROE_{n}.dcm", RescaleIntercept=None)
    write_stack(folder / "scout of MILLER", rng.integers(-1000, 300, (12, 10, 1)))
    return folder


@pytest.mark.filterwarnings("ignore::omentum.errors.CaseWarning")
def test_warnings_of_a_series_name_nothing_in_its_folder(folder):
    told = read_case(folder, SegmentOptions(force=True), CaseName("case_1", None)).run_record.warnings
    left_out = f"not part of the CT series and left out: 1 x image of another series (e.g. {UNNAMED})"
    assert any(one.startswith("case_1: series ") and one.endswith(left_out) for one in told)
    assert any(UNNAMED in one and one.endswith("no rescale intercept; stored numbers taken as HU") for one in told)
    assert len(told) == len(set(told))
    assert [name for name in NAMES if name in " ".join(told)] == []


def test_the_error_of_a_slice_does_not_name_it(folder):
    fault = InputError("ends too early", source=folder / "SMITH_ANNA" / "ROE_3.dcm")
    job = Job("case_1", folder, folder.parent / "out", anonymous=True)
    error = CaseOutcome(job, fault=fault).error
    assert job.anonymised(error) == f"case_1/{UNNAMED}: ends too early"
    assert Job("case_1", folder, folder.parent / "out").anonymised(error) == error


def test_names_that_say_nothing_do_not_take_numbers_and_words_out_of_messages(tmp_path):
    for name in ("1", "0012", "CT", "1234567"):
        (tmp_path / name).touch()
    told = f"{tmp_path}: not part of the CT series: 1 x localizer (e.g. 0012), 2 x dose sheet (e.g. 1234567)"
    expected = f"case_1: not part of the CT series: 1 x localizer (e.g. 0012), 2 x dose sheet (e.g. {UNNAMED})"
    assert without_names(told, tmp_path, "case_1") == expected
