import numpy as np
import pytest

pytest.importorskip("pydicom")

from omentum.errors import GeometryError
from omentum.io.dicom.series import read_series
from omentum.io.dicom.write import write_series
from omentum.volume import Volume

TURN = np.radians(11)
OBLIQUE = np.array(
    [
        [-0.7, 0.0, 0.0, 12.3],
        [0.0, -1.1 * np.cos(TURN), -2.5 * np.sin(TURN), -45.6],
        [0.0, -1.1 * np.sin(TURN), 2.5 * np.cos(TURN), 78.9],
        [0.0, 0.0, 0.0, 1.0],
    ]
)


def volume(seed=0):
    voxels = np.random.default_rng(seed).integers(-1024, 3071, (7, 5, 6)).astype(np.int16)
    return Volume(voxels, OBLIQUE)


def backwards(k):
    return f"image_{99 - k}"


def test_what_is_written_is_read_again_wherever_the_names_sort(tmp_path):
    ct = volume()
    write_series(tmp_path / "series", ct, backwards, series="a")
    again = read_series(tmp_path / "series")
    assert np.array_equal(again.voxels, ct.voxels)
    assert again.grid.same_as(ct.grid, tolerance_mm=1e-5)


def test_a_series_takes_the_place_of_the_one_before(tmp_path):
    write_series(tmp_path / "series", volume(), str, series="a")
    later = volume(1)
    write_series(tmp_path / "series", later, backwards, series="b")
    assert np.array_equal(read_series(tmp_path / "series").voxels, later.voxels)
    assert [path.name for path in tmp_path.iterdir()] == ["series"]


def test_the_same_volume_is_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        write_series(tmp_path / name, volume(), str, series="a")
    assert all((tmp_path / "two" / p.name).read_bytes() == p.read_bytes() for p in (tmp_path / "one").iterdir())


def test_other_axes_are_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(GeometryError, match="LPS order"):
        write_series(tmp_path / "series", Volume(volume().voxels, np.eye(4)), str, series="a")
    assert not list(tmp_path.iterdir())
