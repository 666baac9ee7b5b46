"""The catalogue of faulty inputs, DICOM 81: multi-frame images whose headers contradict each other."""

import pytest
from catalogue import Case, Outcome, check
from dicom_cases import HU, whole
from dicom_files import CORONAL, save
from dicom_frames import frames_of, item

E, OK = Outcome.ERROR, Outcome.OK


def frames(change=lambda groups: None, **tags):
    """Frames in their order, changed before they are written; `change` gets the functional groups of each."""

    def make(folder):
        header = frames_of(HU)
        change(header.PerFrameFunctionalGroupsSequence)
        for name, value in tags.items():
            setattr(header, name, value)
        return save(header, folder / "frames")

    return make


def lie(groups):
    for k, frame in enumerate(groups):
        numbers = {"StackID": str(k % 2), "InStackPositionNumber": 8 - k, "DimensionIndexValues": [1, 8 - k]}
        frame.FrameContentSequence = item(**numbers)


def without_position(groups):
    del groups[2].PlanePositionSequence


def repeat(groups):
    groups[2].PlanePositionSequence = groups[1].PlanePositionSequence


def invert(groups):
    scale = {"RescaleSlope": -1, "RescaleIntercept": -1024, "RescaleType": "HU"}
    groups[2].PixelValueTransformationSequence = item(**scale)


def turn(groups):
    groups[2].PlaneOrientationSequence = item(ImageOrientationPatient=list(CORONAL))


BESIDE = {"ImagePositionPatient": [9, 9, 9], "ImageOrientationPatient": list(CORONAL), "PixelSpacing": [3, 3]}
CASES = (
    *(Case(81, f"{count} frames, and positions for 8", frames(NumberOfFrames=count), E, "states for 8 of them")
      for count in (0, 1, 4)),
    Case(81, "a frame without a position", frames(without_position), E, "frames: frame 3 states no position"),
    Case(81, "two frames at one position", frames(repeat), E, "at one position, frame 2 .* frame 3"),
    Case(81, "a frame of a negative slope", frames(invert), E, "frames: frame 3 rescale slope -1 .* invert"),
    Case(81, "frame 3 is turned", frames(turn), E, "frames: frame 3 is turned against the other slices"),
    Case(81, "stacks and dimension indices that lie", frames(lie), OK, right=whole),
    Case(81, "attributes beside the frames that lie", frames(RescaleSlope=5, **BESIDE), OK, right=whole),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_answer_is_the_expected_one(case, tmp_path):
    check(case, tmp_path)
