import numpy as np
import pytest

from omentum.phantom.body import PhantomBody
from omentum.phantom.scanner import ScanProtocol, draw_protocol, scan
from omentum.phantom.texture import kernel_noise, smooth_field, stretch
from omentum.phantom.tissue import tissue_index
from omentum.segmentation import Segmentation

CLEAN = ScanProtocol(noise_hu=0.0, table="none")


def cylinder(shape=(60, 60, 24), spacing=3.0, tissue="liver"):
    """A round body of one tissue with a bone rod in the middle."""
    i, j, _ = np.indices(shape)
    r = np.hypot(i - (shape[0] - 1) / 2, j - (shape[1] - 1) / 2)
    tissues = np.where(r < 20, tissue_index(tissue), tissue_index("air")).astype(np.uint8)
    tissues[r < 3] = tissue_index("cortical_bone")
    affine = np.diag([spacing, spacing, spacing, 1.0])
    truth = Segmentation.from_masks({"liver": tissues == tissue_index(tissue)}, affine)
    return PhantomBody(truth.grid, tissues, truth), r


@pytest.mark.parametrize("length", [4.0, 10.0, 40.0])
def test_fields_have_unit_spread_and_the_asked_correlation(length):
    field = smooth_field(np.random.default_rng(1), (120, 90, 80), (2.0, 2.0, 2.0), length)
    assert field.dtype == np.float32
    assert field.std() == pytest.approx(1.0, abs=0.3 if length > 20 else 0.1)
    lag = max(1, round(length / 2.0))
    fair = np.corrcoef(field[:-lag].ravel(), field[lag:].ravel())[0, 1]
    assert fair == pytest.approx(np.exp(-((lag * 2.0 / length) ** 2)), abs=0.15)


def test_stretch_keeps_corners_and_straight_lines():
    line = np.arange(4, dtype=np.float32)[:, None, None] * np.ones((4, 1, 3), np.float32)
    out = stretch(line, (7, 2, 5))
    assert np.allclose(out[:, 0, 0], np.linspace(0, 3, 7))


def test_noise_is_coloured_by_the_kernel():
    rng = np.random.default_rng(0)
    soft = kernel_noise(rng, (64, 64, 16), (0.8, 0.8, 1.0), 0.9, 3.0)
    sharp = kernel_noise(rng, (64, 64, 16), (0.8, 0.8, 1.0), 0.3, 1.0)
    assert soft.std() == pytest.approx(1.0, abs=1e-3)

    def neighbours(x, axis):
        a, b = np.take(x, range(63 if axis < 2 else 15), axis), np.take(x, range(1, 64 if axis < 2 else 16), axis)
        return np.corrcoef(a.ravel(), b.ravel())[0, 1]

    assert neighbours(soft, 0) > neighbours(sharp, 0) + 0.2
    assert neighbours(soft, 2) > 0.3 > neighbours(sharp, 2)


def test_a_scan_shows_the_tissue_on_the_same_grid():
    body, r = cylinder()
    ct = scan(body, np.random.default_rng(0), CLEAN)
    assert ct.voxels.dtype == np.int16
    assert ct.grid.same_as(body.grid)
    assert 60 < ct.voxels[(r > 8) & (r < 16)].mean() < 170
    assert ct.voxels[r < 2].mean() > 400
    assert ct.voxels[r > 25].mean() < -980


def test_same_seed_same_image():
    body, _ = cylinder()
    first, second = (scan(body, np.random.default_rng(5), ScanProtocol()).voxels for _ in range(2))
    assert np.array_equal(first, second)


def test_noise_grows_with_the_protocols_noise():
    body, r = cylinder()
    tissue = (r > 8) & (r < 16)
    spread = [
        scan(body, np.random.default_rng(0), ScanProtocol(noise_hu=n, table="none")).voxels[tissue].std()
        for n in (2.0, 15.0, 40.0)
    ]
    assert spread[0] < spread[1] < spread[2]
    assert 10 < spread[1] < 35


def test_thick_slices_blur_along_z():
    body, _ = cylinder(spacing=1.0, shape=(50, 50, 40))
    body.tissue[:, :, :20] = tissue_index("air")
    thin, thick = (
        scan(body, np.random.default_rng(0), ScanProtocol(noise_hu=0, slice_thickness_mm=t, table="none"))
        for t in (1.0, 6.0)
    )
    edge = (25, 15, slice(17, 23))
    assert np.ptp(thin.voxels[25, 15, 19:21]) > np.ptp(thick.voxels[25, 15, 19:21]) + 200
    assert thick.voxels[edge].min() > thin.voxels[edge].min()


def test_table_and_padding_come_from_the_protocol():
    body, _ = cylinder()
    rng = np.random.default_rng
    bare = scan(body, rng(0), CLEAN).voxels
    lying = scan(body, rng(0), ScanProtocol(noise_hu=0, table="flat")).voxels
    assert (bare[:, :8] > -900).sum() == 0
    assert (lying[:, :8] > -900).sum() > 200
    padded = scan(body, rng(0), ScanProtocol(noise_hu=0, padding=True, table="none")).voxels
    assert (padded[0, 0] == -1024).all()
    assert not (bare[0, 0] == -1024).all()


def test_streaks_darken_what_lies_between_dense_parts():
    body, _ = cylinder(tissue="muscle")
    body.tissue[14:18, 28:32] = body.tissue[42:46, 28:32] = tissue_index("cortical_bone")
    plain = scan(body, np.random.default_rng(0), CLEAN).voxels.astype(int)
    streaked = scan(body, np.random.default_rng(0), ScanProtocol(noise_hu=0, streak_hu=40, table="none")).voxels
    change = streaked - plain
    assert change[20:26, 29:31].mean() < -8
    assert abs(change[20:40, 15:18].mean()) < 4


def test_drawn_protocols_vary_and_keep_what_is_asked():
    rng = np.random.default_rng(0)
    protocols = [draw_protocol(rng, "art") for _ in range(60)]
    assert {p.phase for p in protocols} == {"art"}
    assert len({p.kilovolt for p in protocols}) >= 3
    assert len({p.slice_thickness_mm for p in protocols}) >= 4
    assert {type(v) for p in protocols for v in p.to_facts().values()} <= {str, bool, int, float}
