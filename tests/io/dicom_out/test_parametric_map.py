import shutil
import subprocess

import highdicom
import numpy as np
import pytest
from asymmetric_series import LAYOUTS, series_of

from omentum.errors import GeometryError
from omentum.io.dicom_out.identity import ObjectIdentity
from omentum.io.dicom_out.parametric_map import write_parametric_map
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.source import source_series


def written(path, ct, steps):
    source = source_series(ct.header, ct.grid)
    write_parametric_map(path, steps, "liver", source, ObjectIdentity(905, "probability"), Producer("1"))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("layout", ["axial, feet first", "oblique"])
def test_probabilities_come_back_in_the_same_place(layout, dtype, tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS[layout])
    highest = np.iinfo(dtype).max
    steps = np.random.default_rng(0).integers(0, highest, ct.shape, endpoint=True).astype(dtype)
    written(tmp_path / "pm.dcm", ct, steps)
    volume = highdicom.imread(tmp_path / "pm.dcm").get_volume()
    at = np.argwhere(np.ones(volume.array.shape))
    ras = (at @ volume.affine[:3, :3].T + volume.affine[:3, 3]) * [-1, -1, 1]
    index = np.rint((ras - ct.affine[:3, 3]) @ np.linalg.inv(ct.affine[:3, :3]).T).astype(int)
    np.testing.assert_allclose(volume.array.ravel(), steps[tuple(index.T)] / highest, atol=1e-9)


def test_another_grid_is_refused(tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS["prone"])
    with pytest.raises(GeometryError, match="not on the grid of the DICOM images"):
        written(tmp_path / "pm.dcm", ct, np.zeros((2, 2, 2), np.uint8))


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed")
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_validator_finds_no_error(dtype, tmp_path):
    ct = series_of(tmp_path / "ct", *LAYOUTS["prone"])
    written(tmp_path / "pm.dcm", ct, np.zeros(ct.shape, dtype))
    told = subprocess.run(["dciodvfy", tmp_path / "pm.dcm"], capture_output=True, text=True, check=False)
    assert [line for line in told.stderr.splitlines() if "Error" in line] == []
    assert "ParametricMap" in told.stderr
