import numpy as np

from omentum.phantom.lesions.kinds import KINDS, draw_kind
from omentum.phantom.lesions.margins import Margin, _rows, draw_margin

SPACING = (1.0, 1.0, 1.0)
NONE = np.zeros((0, 3))


def ball(radius_mm=12.0, size=61):
    axis = np.arange(size) - size // 2
    offset = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).astype(float)
    return (np.linalg.norm(offset, axis=-1) / radius_mm).astype(np.float32), offset


def surface_share(mask):
    """Faces between inside and outside for each voxel inside."""
    faces = sum(np.count_nonzero(np.diff(mask.astype(np.int8), axis=axis)) for axis in range(3))
    return faces / mask.sum()


def test_a_sharp_margin_changes_nothing():
    r, offset = ball()
    assert np.array_equal(Margin(0.0, NONE, 0.5).applied(np.random.default_rng(0), r, offset, SPACING, 12.0), r)


def test_infiltration_roughens_the_surface_and_keeps_the_size():
    r, offset = ball()
    ragged = Margin(2.5, NONE, 0.5).applied(np.random.default_rng(0), r, offset, SPACING, 12.0)
    assert surface_share(ragged < 1) > 1.3 * surface_share(r < 1)
    assert 0.8 < (ragged < 1).sum() / (r < 1).sum() < 1.3


def test_spicules_reach_out_along_their_axes_only():
    r, offset = ball()
    spiky = Margin(0.0, np.array([[1.0, 0.0, 0.0]]), 0.6).applied(np.random.default_rng(0), r, offset, SPACING, 12.0)
    inside = spiky < 1
    assert inside[30 + 18, 30, 30]
    assert not inside[30, 30 + 13, 30]
    assert not inside[30 - 13, 30, 30]


def test_every_row_is_the_margin_of_a_kind_that_is_drawn():
    rng = np.random.default_rng(0)
    names = {draw_kind(rng, key).draw_blob(rng, 1.0).name for key in KINDS for _ in range(80)}
    assert set(_rows()) <= names
    assert draw_margin(rng, "cyst").ragged_mm == 0
    assert max(len(draw_margin(rng, "solid").spicules) for _ in range(30)) > 3
