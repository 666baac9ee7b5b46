"""The catalogue of faulty inputs, DICOM 57 to 72: slices missing, doubled, out of order or out of place."""

from functools import partial

import numpy as np
import pydicom
import pytest
from catalogue import Case, Outcome, check
from dicom_cases import HU, edited, placed, stack, whole
from dicom_files import CORONAL, SAGITTAL, save

from omentum.io.detect import load_volume

E, W, OK = Outcome.ERROR, Outcome.WARNING, Outcome.OK
OBLIQUE = (0.8, 0.6, 0.0, 0.0, 0.0, -1.0)
WAYS = {
    "coronal": CORONAL,
    "sagittal": SAGITTAL,
    "oblique": OBLIQUE,
    "feet first": (-1, 0, 0, 0, 1, 0),
    "prone": (-1, 0, 0, 0, -1, 0),
    "decubitus": (0, 1, 0, -1, 0, 0),
}


def without(*gone):
    def make(folder):
        for k, path in enumerate(stack(folder)):
            if k in gone:
                path.unlink()

    return make


def at(*along_mm):
    """Slices at these places along the normal."""
    return lambda folder: placed(folder, [(-10, -20, mm) for mm in along_mm])


def tilted(degrees, n=8):
    """Slices whose normal is turned about the x axis, moved along z as a table moves."""
    angle = np.radians(degrees)
    directions = (1, 0, 0, 0, float(np.cos(angle)), float(-np.sin(angle)))
    return lambda folder: placed(folder, [(-10, -20, 100 + 2.5 * k) for k in range(n)], directions)


def turned(directions):
    normal = np.cross(directions[:3], directions[3:])
    return lambda folder: placed(folder, [tuple(2.0 * k * normal + (5, -7, 30)) for k in range(8)], directions)


def lies(directions):
    """Every voxel is where its own slice says."""

    def right(volume):
        row, column = np.array(directions[:3]), np.array(directions[3:])
        np.testing.assert_array_equal(volume.voxels, HU)
        lps = np.array([5, -7, 30]) + 3 * 0.7 * row + 2 * 0.8 * column + 4 * 2.0 * np.cross(row, column)
        np.testing.assert_allclose(volume.grid.to_world([3, 2, 4]), lps * [-1, -1, 1], atol=1e-6)

    return right


def upright(volume):
    """Columns stand on each other again: the axes are at right angles, and every slice is where it was."""
    axes = volume.affine[:3, :3] / np.linalg.norm(volume.affine[:3, :3], axis=0)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-6)
    order = volume.header["dicom"]
    assert order.tilted.shape == HU.shape
    assert len(order.images) == volume.shape[2]
    first = [int(v) for v in np.rint(np.linalg.inv(volume.affine) @ order.tilted.affine @ (0, 0, 0, 1))[:3]]
    np.testing.assert_array_equal(volume.voxels[first[0] : first[0] + 7, first[1] : first[1] + 6, 0], HU[:, :, 0])


def copied(again, **tags):
    def make(folder):
        path = stack(folder)[2]
        header = pydicom.dcmread(path)
        for name, value in tags.items():
            setattr(header, name, value)
        save(header, folder / again)

    return make


def phases(*tags):
    """A stack for each set of tags, at the same positions."""

    def make(folder):
        for n, more in enumerate(tags):
            stack(folder / f"{n}", HU + n, SeriesInstanceUID="1.2.3", **more)

    return make


def shuffled(folder):
    names = ["b", "x.dcm", "deep/er/1", "deep/2.IMA", "a b", "ü", "0", "IMG.0001.DCM"]
    for number, (path, name) in enumerate(zip(stack(folder / "stack"), names, strict=True)):
        header = pydicom.dcmread(path)
        header.InstanceNumber = (number * 5) % 8
        path.unlink()
        save(header, folder / name)


def without_numbers(folder):
    stack(folder, InstanceNumber=None)


def one(k, **tags):
    return partial(edited, k=k, tags=tags)


IMPOSSIBLE = (
    *(("position", "ImagePositionPatient", ["0", text, "0"]) for text in ("1e300", "-1e308", float("nan"))),
    ("orientation", "ImageOrientationPatient", ["1e200", "0", "0", "0", "1e200", "0"]),
    ("pixel spacing", "PixelSpacing", ["1e-300", "1e-300"]),
    ("pixel spacing", "PixelSpacing", ["1e300", "0.7"]),
)
CASES = (
    Case(57, "a slice missing", without(4), E, r"1 slice\(s\) missing: 1 between 107.5 and 112.5 mm .spacing 2.5 mm"),
    Case(57, "the second slice missing", without(1), E, "1 between 100.0 and 105.0 mm"),
    Case(57, "two gaps", without(1, 4, 5), E, r"3 slice\(s\) missing: 1 between .*, 2 between 107.5 and 115.0"),
    Case(57, "every second slice missing at one end", without(5, 7), E, "1 between 110.0 and 115.0"),
    Case(58, "slices missing at the ends", without(0, 6, 7), OK),
    Case(59, "a copy of a file", copied("copy"), W, "1 copies of slices left out", right=whole),
    Case(59, "a copy in another folder", copied("more/copy.dcm"), W, "1 copies of slices left out", right=whole),
    Case(59, "a copy with a new UID", copied("copy", SOPInstanceUID="1.2.3.4"), W, "1 copies", right=whole),
    Case(60, "two acquisitions", phases({"AcquisitionNumber": 4}, {"AcquisitionNumber": 5}), E,
         r"different images at one position: series 3, acquisition 4 \[\w{8}\] \(8 images.*--series CODE"),
    Case(60, "phases of the heart",
         phases(*({"NominalPercentageOfCardiacPhase": float(10 * n)} for n in range(10))), E,
         r"cardiac phase 0.0 % .*cardiac phase 90.0 %"),
    Case(60, "time points", phases({"TemporalPositionIdentifier": 1}, {"TemporalPositionIdentifier": 2}), E,
         "time point 1 .*time point 2"),
    Case(60, "times of acquisition, which are not shown",
         phases({"AcquisitionTime": "101112"}, {"AcquisitionTime": "101115.5"}), E,
         "acquisition time 1 of 2 .*acquisition time 2 of 2"),
    Case(60, "nothing tells the images apart", phases({}, {}), E, "two different images at one position, 0/image_7"),
    Case(61, "one SOP instance UID for all", partial(stack, SOPInstanceUID="1.2.3"), W, "share 1 SOP instance UID"),
    Case(65, "a tilted gantry", tilted(14), E, "gantry is tilted by 14.0 degrees .*--allow-tilt"),
    Case(65, "tilted the other way", tilted(-20), E, "gantry is tilted by 20.0 degrees"),
    Case(65, "a tilt that is allowed", tilted(14), W, "tilted by 14.0 degrees; resampled to an upright grid",
         read=partial(load_volume, allow_tilt=True), right=upright),
    Case(65, "tilted the other way and allowed", tilted(-20), W, "resampled",
         read=partial(load_volume, allow_tilt=True), right=upright),
    Case(65, "a tilt of no gantry", tilted(60), E, "more than any gantry tilts",
         read=partial(load_volume, allow_tilt=True)),
    Case(65, "a tilt allowed where there is none", stack, OK, read=partial(load_volume, allow_tilt=True), right=whole),
    Case(66, "spacing changes", at(0, 1, 2, 3, 5.5, 8, 10.5, 13), E, "unevenly spaced, 1 to 2.5 mm"),
    Case(66, "spacing drifts", at(*np.cumsum(np.linspace(1, 1.6, 8))), E, "unevenly spaced"),
    Case(67, "jitter below a hundredth", at(*(np.arange(8) * 2.5 + [0, 0.01, 0, -0.01, 0, 0.01, 0, 0])), OK),
    Case(67, "rounded positions", at(*np.round(np.arange(8) * 1.25, 1)), W, "slice positions are rounded"),
    Case(68, "wrong slice thickness", partial(stack, SliceThickness=1, SpacingBetweenSlices=7.5), OK, right=whole),
    Case(68, "no slice thickness", partial(stack, SliceThickness=None), OK, right=whole),
    Case(69, "names against the order of positions", stack, OK, right=whole),
    Case(69, "any names, numbers and folders", shuffled, OK, right=whole),
    Case(69, "no instance numbers", without_numbers, OK, right=whole),
    *(Case(70, way, turned(directions), OK, right=lies(directions)) for way, directions in WAYS.items()),
    Case(71, "one slice is turned", one(3, ImageOrientationPatient=list(CORONAL)), E, "image_4: is turned against"),
    Case(71, "one slice of another matrix", one(3, Columns=6, Rows=7), E, "image_4: is 6 x 7 pixels, others .* 7 x 6"),
    Case(71, "one slice of another pixel spacing", one(3, PixelSpacing=[0.9, 0.7]), E, "image_4: has another pixel"),
    Case(71, "one slice lies beside the others", one(3, ImagePositionPatient=[-7, -20, 107.5]), E,
         "image_4: lies 3 mm beside the line of its series"),
    Case(71, "rows and columns at no right angle", partial(stack, ImageOrientationPatient=[1, 0, 0, 0.6, 0.8, 0]), E,
         "no right angle"),
    Case(72, "no position", one(3, ImagePositionPatient=None), E, "image_4: states no position"),
    Case(72, "no positions at all", partial(stack, ImagePositionPatient=None), E, "states no position"),
    Case(72, "no orientation", one(3, ImageOrientationPatient=None), E, "image_4: states no orientation"),
    Case(72, "no pixel spacing", one(3, PixelSpacing=None), E, "image_4: states no pixel spacing"),
    Case(72, "pixel spacing 0", one(3, PixelSpacing=[0, 0.7]), E, "image_4: states an impossible pixel spacing"),
    *(Case(72, f"an impossible {what} of {'all slices' if every else 'a slice'}",
           partial(stack, **{tag: value}) if every else one(3, **{tag: value}), E, f"states .*(no|impossible) {what}")
      for what, tag, value in IMPOSSIBLE for every in (False, True)),
    Case(72, "a position of two numbers", one(3, ImagePositionPatient=[1, 2]), E, "image_4: is a damaged DICOM file"),
    Case(72, "one slice of impossible thickness", lambda folder: placed(folder, [(0, 0, 0)], SliceThickness="1e300"), E,
         "single slice that states no thickness"),
    Case(72, "one slice without thickness", lambda folder: placed(folder, [(0, 0, 0)], SliceThickness=None), E,
         "single slice that states no thickness"),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_answer_is_the_expected_one(case, tmp_path):
    check(case, tmp_path)
