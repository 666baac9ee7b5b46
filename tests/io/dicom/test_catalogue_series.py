"""The catalogue of faulty inputs, DICOM 62 to 64, 78 and 85 to 91: several series, other objects, names, patients."""

import os
import re
import shutil
from functools import partial

import numpy as np
import pytest
from catalogue import PATIENT, Case, Outcome, check
from dicom_cases import HU, stack, whole
from dicom_files import save, slice_of
from pydicom.uid import (
    BasicTextSRStorage,
    DigitalXRayImageStorageForPresentation,
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    RTStructureSetStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
    generate_uid,
)

from omentum.errors import InputError
from omentum.io.detect import load_volume

E, W, OK = Outcome.ERROR, Outcome.WARNING, Outcome.OK
LOCALIZER = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
REFORMATTED = ["DERIVED", "SECONDARY", "REFORMATTED"]
BESIDE = {
    "report": BasicTextSRStorage,
    "secondary capture": SecondaryCaptureImageStorage,
    "document": EncapsulatedPDFStorage,
    "presentation state": GrayscaleSoftcopyPresentationStateStorage,
    "radiotherapy object": RTStructureSetStorage,
    "segmentation or registration": SegmentationStorage,
}


def series(*tags, hu=HU):
    """One folder with a series for each set of tags."""

    def make(folder):
        for n, more in enumerate(tags):
            stack(folder / f"{n}", hu if n == 0 else hu[:, :, : 8 - n], **{"SeriesNumber": n + 1} | more)

    return make


def single(path, series_uid=None, **tags):
    pixels = np.zeros((4, 4))
    return save(slice_of(pixels, (0, 0, 0), 1, series_uid or generate_uid(), **PATIENT | tags), path)


def beside(storage, stacked=True, **tags):
    """A series, and an object of another storage class; or this alone."""

    def make(folder):
        if stacked:
            stack(folder)
        single(folder / "object", SOPClassUID=storage, **tags)

    return make


def everything(folder):
    """What a hospital exports."""
    stack(folder / "PAT0" / "STU0" / "SER1")
    for n, storage in enumerate(BESIDE.values()):
        single(folder / "PAT0" / "STU0" / f"SER{n + 2}" / "0001", SOPClassUID=storage)
    single(folder / "PAT0" / "STU0" / "SER9" / "0001", ImageType=LOCALIZER)
    (folder / "DICOMDIR").write_bytes(b"an index that is not read")
    (folder / "autorun.inf").write_text("[autorun]")


def two_patients(folder):
    stack(folder / "a")
    stack(folder / "b", PatientID="4712", PatientName="Roe^Richard")


def changing_patient(folder):
    for path, name in zip(stack(folder / "a", SeriesInstanceUID="1.2.3"), "12345678", strict=True):
        shutil.move(path, folder / name)
    stack(folder / "b", PatientID="4712", SeriesInstanceUID="1.2.3")
    for path in sorted((folder / "b").iterdir())[4:]:
        path.unlink()


def only_text(folder):
    (folder / "notes.txt").write_text("no image")
    (folder / "table.csv").write_text("a,b\n")


def looped(folder):
    stack(folder)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "self").symlink_to("self")


def unknown_characters(folder):
    for path in stack(folder, SpecificCharacterSet="ISO_IR 100"):
        path.write_bytes(path.read_bytes().replace(b"ISO_IR 100", b"ISO_IR 999"))


def pipe(folder):
    stack(folder)
    os.mkfifo(folder / "pipe")


def itself(folder):
    (folder / "self").symlink_to("self")
    return folder / "self"


def alone(folder):
    return stack(folder)[3]


def told(volume):
    """What was passed over is counted."""
    whole(volume)
    assert volume.header["dicom"].left_out == {"localizer": 1} | dict.fromkeys(BESIDE, 1)


def number(n, **more):
    return partial(load_volume, series=n, **more)


def shaped(shape):
    def right(volume):
        assert volume.shape == shape

    return right


CASES = (
    Case(62, "two series", series({}, {"SeriesDescription": "Abdomen 2.5 B30f"}), E,
         r"holds 2 series: series 1 \[\w{8}\] \(8 images, 0.7 x 0.8 x 2.5 mm\), series 2 \[\w{8}\] "
         r"\(Abdomen 2.5 B30f, 7 images, .*--series CODE"),
    Case(62, "the first of two, by its number", series({}, {}), OK, read=number("1"), right=whole),
    Case(62, "the second of two, by its number", series({}, {}), OK, read=number("2"), right=shaped((7, 6, 7))),
    Case(62, "a number that no series has", series({}, {}), E, r"has no series 9: series 1 \[", read=number("9")),
    Case(62, "a number that two series have", series({}, {"SeriesNumber": 1}), E, "series 1 is ambiguous, 2 are",
         read=number("1")),
    Case(62, "no series numbers", series({"SeriesNumber": None}, {"SeriesNumber": None}), E, r"series \? \["),
    Case(62, "a reformatted series beside the original", series({}, {"ImageType": REFORMATTED}), W,
         r"series 1 \[\w+\] is used, the only one of original images, .*left out: 7 x image of another series",
         right=whole),
    Case(62, "a series of one image beside the volume", lambda f: (stack(f / "a"), single(f / "b")), W,
         r"is used, the only one with images at several positions; .*1 x image of another series", right=whole),
    Case(62, "eighteen series", series(*[{}] * 7, *[{}] * 13, hu=np.repeat(HU, 4, axis=2)), E, "and 6 more"),
    Case(63, "a localizer in a series of its own", lambda f: (stack(f), single(f / "scout", ImageType=LOCALIZER)), OK,
         right=whole),
    Case(63, "a localizer within the series",
         lambda f: (stack(f, SeriesInstanceUID="1.2.3"), single(f / "scout", "1.2.3", ImageType=LOCALIZER)), W,
         "1 x localizer", right=whole),
    Case(63, "a colour dose sheet in CT storage",
         lambda f: (stack(f), single(f / "sheet", SamplesPerPixel=3, ImagePositionPatient=None)), W,
         "left out: 1 x colour image", right=whole),
    *(Case(63, f"a {name}", beside(storage), OK, right=whole) for name, storage in BESIDE.items()),
    Case(63, "all that a hospital exports", everything, OK, right=told),
    *(Case(64, f"only a {name}", beside(storage, stacked=False), E, f"no DICOM images found; only 1 x {name}")
      for name, storage in BESIDE.items()),
    Case(64, "only a localizer", lambda f: [single(f / "scout", ImageType=LOCALIZER)], E, "only 1 x localizer"),
    Case(64, "one image of a series", alone, E, "is a single DICOM image .give the folder that holds its whole series"),
    Case(78, "an MR", partial(stack, Modality="MR", SOPClassUID=MRImageStorage), E, "modality MR, expected CT"),
    Case(78, "a PET", partial(stack, Modality="PT", SOPClassUID=PositronEmissionTomographyImageStorage), E,
         "modality PT, expected CT"),
    Case(78, "a radiograph",
         partial(stack, Modality="DX", SOPClassUID=DigitalXRayImageStorageForPresentation), E, "modality DX"),
    Case(78, "a map of iodine in mg/ml", partial(stack, RescaleType="MGML"), E, "holds values in mg/ml, not HU"),
    Case(85, "an empty folder", lambda folder: None, E, "no DICOM images found"),
    Case(85, "only text", only_text, E, "no DICOM images found"),
    Case(86, "the patient's name in the description",
         series({"SeriesDescription": "Doe, Jane ID4711 abdomen 19510203"}, {}), E, r"\(\.\.\. abdomen \.\.\."),
    Case(87, "HTML in the description", series({"SeriesDescription": "<script>alert(1)</script>"}, {}), E, "holds 2"),
    Case(88, "a path in the tags", partial(stack, SeriesDescription="../../etc", StudyID="/etc"), OK, right=whole),
    Case(89, "umlauts",
         series({"SpecificCharacterSet": "ISO_IR 100", "SeriesDescription": "Äbdomen Niere"}, {}), E, "holds 2 series"),
    Case(89, "an unknown character set", unknown_characters, OK, right=whole),
    Case(90, "a link to its own folder and one to itself", looped, W, "1 x broken link .e.g. self", right=whole),
    Case(90, "nothing but a link to itself", itself, E, "symbolic links"),
    Case(90, "a named pipe beside the slices", pipe, OK, right=whole),
    Case(91, "two patients", two_patients, E, "holds images of 2 patients: series 3"),
    Case(91, "two patients in one series", changing_patient, E,
         "holds images of 2 patients.*one folder for each patient; they share one series UID"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_answer_is_the_expected_one(case, tmp_path):
    check(case, tmp_path)


def test_a_phase_is_chosen_by_the_code_of_the_list(tmp_path):
    for n in range(3):
        stack(tmp_path / f"{n}", HU + n, SeriesInstanceUID="1.2.3", TemporalPositionIdentifier=n)
    with pytest.raises(InputError) as refused:
        load_volume(tmp_path)
    codes = re.findall(r"\[(\w+)\]", str(refused.value))
    assert len(set(codes)) == 3
    for n, code in enumerate(codes):
        np.testing.assert_array_equal(load_volume(tmp_path, series=code).voxels, HU + n)
