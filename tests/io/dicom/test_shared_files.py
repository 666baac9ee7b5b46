"""Real odd files of other projects, each with the expected answer."""

from functools import partial

import pytest
from catalogue import Case, Outcome, check
from shared_data import ROOT, shared

from omentum.io.detect import load_volume

E, W, OK = Outcome.ERROR, Outcome.WARNING, Outcome.OK
tilt_allowed = partial(load_volume, allow_tilt=True)


def place(*parts):
    return lambda _: ROOT.joinpath("data", *parts)


def shape(*expected):
    def right(volume):
        assert volume.shape == expected

    return right


def acquisition_15(path):
    return load_volume(path, series="0eaee7e4")


CASES = (
    Case(58, "abdomen_dicom", place("abdomen_dicom", "series"), OK, right=shape(512, 512, 20)),
    Case(57, "dicom_odd/sliceincrement/001", place("dicom_odd", "sliceincrement", "001"), E,
         "1 slice.s. missing: 1 between 28.1 and 38.1 mm"),
    Case(57, "dicom_odd/sliceincrement/002, tilted as well", place("dicom_odd", "sliceincrement", "002"), E,
         "1 slice.s. missing", read=tilt_allowed),
    Case(60, "dicom_odd/notavolume", place("dicom_odd", "notavolume"), E,
         "different images at one position: series 4, acquisition 14 .* acquisition 15"),
    Case(65, "dicom_odd/gantrytilting", place("dicom_odd", "gantrytilting"), E, "tilted by 14.0 degrees"),
    Case(65, "dicom_odd/gantrytilting, allowed", place("dicom_odd", "gantrytilting"), W, "resampled",
         read=tilt_allowed, right=shape(512, 521, 4)),
    Case(62, "dicom_odd, a folder of several", place("dicom_odd"), E, "holds"),
    Case(63, "dicom_seg: segmentations beside a series", place("dicom_seg"), OK, right=shape(512, 512, 3)),
    Case(64, "dicom_seg/liver.dcm", place("dicom_seg", "liver.dcm"), E, "is a segmentation or registration, not a CT"),
    Case(81, "dicom_enhanced/legacy_converted", place("dicom_enhanced", "legacy_converted_23x38x3.dcm"), OK,
         right=shape(23, 38, 3)),
    *(Case(81, f"dicom_enhanced/{name}: blood flow", place("dicom_enhanced", name), E, "ml/100ml/s, not HU")
      for name in ("CT0012.explicit_little_endian.dcm", "CT0012.not_fragmented_bot_rle.dcm", "eCT_Supplemental.dcm")),
    Case(79, "dicom_syntaxes: one image in all syntaxes", place("dicom_syntaxes"), E, "two different images"),
    Case(64, "dicom_syntaxes/no-pixel-data.dcm", place("dicom_syntaxes", "no-pixel-data.dcm"), E, "is a report"),
    Case(78, "dicom_syntaxes/no-pixel-spacing.dcm", place("dicom_syntaxes", "no-pixel-spacing.dcm"), E, "modality US"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_answer_is_the_expected_one(case, tmp_path):
    shared("data", case.make(tmp_path).relative_to(ROOT / "data"))
    check(case, tmp_path)
