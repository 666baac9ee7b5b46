import numpy as np
import pytest

from omentum.phantom.warp import draw_deformation

HALF_MM = np.array([180.0, 120.0, 300.0])
AXES = tuple(np.arange(-h, h, 8.0) for h in HALF_MM)


def jacobian(points):
    gradients = [np.gradient(p, 8.0) for p in points]
    return np.linalg.det(np.moveaxis(np.array(gradients), (0, 1), (-2, -1)))


@pytest.mark.parametrize("seed", range(12))
def test_space_never_folds(seed):
    points = draw_deformation(np.random.default_rng(seed), HALF_MM).source_points(AXES)
    # edge samples of np.gradient are one-sided; a few inverted corners outside the body would not matter either
    assert (jacobian(points) <= 0).mean() < 1e-4


def test_the_deformation_is_strong_but_bounded():
    moved = []
    for seed in range(12):
        warp = draw_deformation(np.random.default_rng(seed), HALF_MM)
        assert ((warp.scale >= 0.8) & (warp.scale <= 1.2)).all()
        found = np.stack(warp.source_points(AXES), axis=-1)
        linear = np.stack(np.meshgrid(*AXES, indexing="ij"), axis=-1) @ warp.matrix.T
        moved.append(np.abs(found - linear).max())
    assert min(moved) > 8
    assert max(moved) < 60


def test_no_strength_no_change():
    points = draw_deformation(np.random.default_rng(0), HALF_MM, strength=0.0).source_points(AXES)
    for found, axis, shape in zip(points, AXES, ((-1, 1, 1), (1, -1, 1), (1, 1, -1)), strict=True):
        assert np.allclose(found, axis.reshape(shape), atol=1e-3)
