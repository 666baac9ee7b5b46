"""Padding becomes air, however it is stored, unless it may be tissue."""

import numpy as np
import pytest
from dicom_files import hu_of, save, slice_of

PADDINGS = {
    "unsigned -2000": (63536, 0, "US", None),
    "as signed": (63536, 1, "US", None),
    "signed -2000": (-2000, 1, "SS", None),
    "lowest": (-32768, 1, "SS", None),
    "a range": (60000, 0, "US", 65535),
}


@pytest.mark.parametrize("label", PADDINGS)
def test_padding_is_air(tmp_path, label):
    value, signed, kind, limit = PADDINGS[label]
    stored = np.arange(30).reshape(5, 6) * 40
    stored[0] = (63536 if limit else value) if not signed or value < 0 else value - 65536
    header = slice_of(stored, (0, 0, 0), 1, "1.2.3", PixelRepresentation=signed)
    header.PixelData = stored.astype("<u2" if not signed else "<i2").tobytes()
    header.add_new(0x00280120, kind, value)
    if limit:
        header.add_new(0x00280121, kind, limit)
    found = hu_of(save(header, tmp_path / "slice"))
    assert found.dtype == np.int16
    expected = stored.T - 1024
    expected[:, 0] = -1024
    np.testing.assert_array_equal(found, expected)


def test_what_is_called_padding_and_may_be_tissue_is_left_alone(tmp_path):
    stored = np.array([[0, 40, 0], [-1000, 0, 5]])
    header = slice_of(stored, (0, 0, 0), 1, "1.2.3", RescaleIntercept=0)
    header.add_new(0x00280120, "SS", 0)
    np.testing.assert_array_equal(hu_of(save(header, tmp_path / "slice")), stored.T)
