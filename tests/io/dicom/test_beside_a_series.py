"""What lies beside a series is left out with a word, unless it is called like a slice and so was one."""

import numpy as np
import pytest
from dicom_files import save, slice_of, write_stack
from pydicom.uid import PositronEmissionTomographyImageStorage

from omentum.errors import CaseWarning, InputError
from omentum.io.dicom.series import read_series


@pytest.mark.parametrize("name", ["_SUCCESS", ".done.x", "marker.txt"])
@pytest.mark.parametrize("content", [b"", bytes(3000)], ids=["empty", "zeros"])
def test_an_empty_file_beside_a_series_is_left_out_with_a_word(tmp_path, hu, name, content):
    write_stack(tmp_path, hu)
    name = name.lstrip(".")
    (tmp_path / name).write_bytes(content)
    with pytest.warns(CaseWarning, match=rf"not part of the CT series and left out: 1 x empty file .e\.g\. {name}"):
        np.testing.assert_array_equal(read_series(tmp_path).voxels, hu)


def test_an_empty_file_that_is_called_like_the_slices_was_one(tmp_path, hu):
    write_stack(tmp_path, hu, name="IM{n:04d}.dcm")
    (tmp_path / "IM0005.dcm").write_bytes(b"")
    with pytest.raises(InputError, match=r"IM0005\.dcm: is empty or all zeros"):
        read_series(tmp_path)


@pytest.mark.parametrize("name", ["IM{n:04d}.dcm", "I{n:07d}"])
def test_a_file_of_anything_that_is_called_like_the_slices_was_one(tmp_path, hu, name):
    write_stack(tmp_path, hu, name=name)
    for beside in ("notes.txt", "README", "preview.png"):
        (tmp_path / beside).write_bytes(b"no image")
    np.testing.assert_array_equal(read_series(tmp_path).voxels, hu)
    last = sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("I"))[-1]
    (tmp_path / last).write_bytes(bytes(range(1, 256)) * 40)
    with pytest.raises(InputError, match=f"{last}: is no DICOM file"):
        read_series(tmp_path)


def test_nothing_but_an_empty_file_is_named(tmp_path):
    (tmp_path / "IM0005.dcm").write_bytes(b"")
    with pytest.raises(InputError, match=r"IM0005\.dcm: is empty or all zeros"):
        read_series(tmp_path)


OTHERS = {
    "PET": {"Modality": "PT", "SOPClassUID": PositronEmissionTomographyImageStorage},
    "colour sheet": {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "ImagePositionPatient": None},
    "frames": {"NumberOfFrames": 4},
    "no image": {"Rows": 0},
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_images_beside_a_series_are_left_out_with_a_word(tmp_path, hu, kind):
    write_stack(tmp_path / "ct", hu)
    write_stack(tmp_path / "other", hu + 1, **OTHERS[kind])
    with pytest.warns(CaseWarning, match=r"left out: 5 x .*e\.g\. other/image_"):
        np.testing.assert_array_equal(read_series(tmp_path).voxels, hu)


def test_a_colour_sheet_that_claims_to_be_of_the_series_has_no_place_in_it(tmp_path, hu):
    write_stack(tmp_path, hu, SeriesInstanceUID="1.2.3")
    sheet = slice_of(hu[:, :, 0].T, (0, 0, 0), 9, "1.2.3", SamplesPerPixel=3, ImagePositionPatient=None)
    save(sheet, tmp_path / "sheet")
    with pytest.warns(CaseWarning, match="1 x colour image .e.g. sheet"):
        np.testing.assert_array_equal(read_series(tmp_path).voxels, hu)


@pytest.mark.parametrize(
    "tags", [{"ImagePositionPatient": None}, {"ImagePositionPatient": [0, 0, 5]}], ids=["grey sheet", "one place"]
)
def test_a_series_that_is_no_volume_does_not_compete_with_one_that_is(tmp_path, hu, tags):
    write_stack(tmp_path / "ct", hu)
    write_stack(tmp_path / "other", hu, **tags)
    with pytest.warns(CaseWarning, match="5 x image of another series"):
        np.testing.assert_array_equal(read_series(tmp_path).voxels, hu)


def test_a_localizer_within_the_series_is_told(tmp_path, hu):
    write_stack(tmp_path, hu, SeriesInstanceUID="1.2.3")
    scout = slice_of(np.zeros((9, 3)), (0, 0, 0), 1, "1.2.3", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    save(scout, tmp_path / "scout")
    with pytest.warns(CaseWarning, match="1 x localizer .e.g. scout"):
        np.testing.assert_array_equal(read_series(tmp_path).voxels, hu)
