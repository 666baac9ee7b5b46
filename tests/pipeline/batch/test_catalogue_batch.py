"""The catalogue of faulty inputs, rows 51 to 55 and 151 to 158: outputs and batches."""

import os
from dataclasses import replace
from functools import partial
from unittest import mock

import numpy as np
import pytest
from case_files import SPEC
from catalogue import Case, Outcome, check
from ct_files import HU
from faulty import nifti, write
from threshold_model import ThresholdModel

import omentum
from omentum.pipeline.batch.jobs import CaseStatus

PLAIN = omentum.SaveOptions(preview=False, report=False)
OVERWRITE = replace(PLAIN, overwrite=True)
LARGE = np.kron(HU, np.ones((3, 3, 3), np.int16))
GOOD = nifti(LARGE)


def put(*names, bad=()):
    """Good CTs, and text by the name of a CT."""

    def make(folder):
        for name in (*names, *bad):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write(folder, GOOD if name in names else b"no CT", name)
        return folder

    return make


def batch(folder, inputs=("a.nii",), out="out", save=PLAIN, times=1, **options):
    """As `omentum segment` in a folder, with weights that need no training."""
    paths = [folder / name for name in inputs]
    with mock.patch("omentum.pipeline.segmenter.load_model", return_value=ThresholdModel(SPEC)):
        for _ in range(times):
            result = omentum.segment_batch(
                *(paths, folder / out),
                save=save,
                options=omentum.SegmentOptions(**{"device": "cpu"} | options),
                batch=omentum.BatchOptions(jobs=0),
            )
    return result


def statuses(*expected):
    def right(result):
        assert [outcome.status for outcome in result.outcomes] == list(expected)

    return right


def with_(make, change):
    def made(folder):
        make(folder)
        change(folder)
        return folder

    return made


def out_is_a_link(folder):
    (folder / "elsewhere").mkdir()
    (folder / "out").symlink_to(folder / "elsewhere")


def something_else(folder):
    (folder / "out" / "a").mkdir(parents=True)
    (folder / "out" / "a" / "thesis.txt").write_text("irreplaceable")


def refused(row, what, make, says, **how):
    return Case(row, what, make, Outcome.ERROR, says, partial(batch, **how))


def fine(row, what, make, *expected, **how):
    return Case(row, what, make, Outcome.OK, "", partial(batch, **how), statuses(*expected))


DONE, FAILED, EARLIER = CaseStatus.DONE, CaseStatus.FAILED, CaseStatus.DONE_EARLIER
NOT_UTF_8 = os.fsdecode(b"M\xfcller.nii")
ONE, TWO = put("a.nii"), put("a.nii", "b.nii")
CASES = (
    refused(51, "output below a file", with_(ONE, lambda f: (f / "out").write_text("")), "cannot be written"),
    refused(53, "output holds something else", with_(ONE, something_else), "holds something else|exists already"),
    refused(
        53, "output holds something else, --overwrite", with_(ONE, something_else), "holds something else",
        save=OVERWRITE,
    ),
    fine(53, "earlier result, --overwrite", ONE, DONE, save=OVERWRITE, times=2),
    refused(54, "output is the input", ONE, "is also the input", out="a.nii"),
    refused(54, "output is the input by another name", with_(ONE, lambda f: os.link(f / "a.nii", f / "b.nii")),
            "is also the input", out="b.nii"),
    fine(55, "output folder is a link", with_(ONE, out_is_a_link), DONE),
    refused(55, "output in an unknown format", ONE, "not written as nrrd", out="x.nrrd"),
    refused(55, "masks into one file", ONE, "no place for masks", out="x.nii.gz", save=replace(PLAIN, masks=True)),
    fine(151, "one bad among three", put("a.nii", "c.nii", bad=("b.nii",)), DONE, FAILED, DONE,
         inputs=("a.nii", "b.nii", "c.nii")),
    fine(152, "the same command again", TWO, EARLIER, EARLIER, inputs=("a.nii", "b.nii"), times=2),
    refused(153, "one CT twice", ONE, "is named twice", inputs=("a.nii", "a.nii")),
    refused(153, "one name in two formats", put("a.nii", "a.nii.gz"), "has the same case name 'a'",
            inputs=("a.nii", "a.nii.gz")),
    fine(153, "one name in two folders", put("p/ct.nii", "q/ct.nii"), DONE, DONE, inputs=("p/ct.nii", "q/ct.nii")),
    fine(155, "name that is not UTF-8", put(NOT_UTF_8), DONE, inputs=(NOT_UTF_8,)),
    refused(157, "no input", ONE, "nothing to segment", inputs=()),
    refused(157, "empty folder", with_(ONE, lambda f: (f / "cts").mkdir()), "no DICOM images", inputs=("cts",)),
    refused(158, "no GPU, cuda wanted", ONE, "cuda", device="cuda:7"),
    fine(158, "no GPU, auto", ONE, DONE, device="auto"),
    refused(158, "unknown device", ONE, "unknown device", device="tpu"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_answer_is_the_expected_one(case, tmp_path):
    check(case, tmp_path)
