import numpy as np
import pytest
from ellipsoids import Ellipsoid, scenes
from hypothesis import given
from scipy.special import elliprg

from omentum.measure.surface import surface_mm2
from omentum.segmentation import Segmentation
from omentum.volume import Grid


def area(mask, affine):
    seg = Segmentation.from_masks({"liver": mask}, affine)
    return surface_mm2(seg, "liver", seg.boxes()["liver"])


def exact(body: Ellipsoid) -> float:
    a, b, c = body.half_axes
    return 4 * np.pi * elliprg((a * b) ** 2, (a * c) ** 2, (b * c) ** 2)


@given(scenes(coarsest_mm=2.0))
def test_small_ellipsoids_on_coarse_oblique_grids_are_right_to_a_seventh(scene):
    body, grid = scene
    assert area(body.on(grid), grid.affine) == pytest.approx(exact(body), rel=1 / 7)


def test_a_fine_ball_is_nearly_right():
    grid = Grid((80, 80, 80), np.eye(4))
    ball = Ellipsoid((39.5, 39.5, 39.5), (30, 30, 30))
    assert area(ball.on(grid), grid.affine) == pytest.approx(4 * np.pi * 900, rel=0.01)


def test_where_the_image_cuts_there_is_no_surface():
    grid = Grid((80, 80, 40), np.eye(4))
    half = Ellipsoid((39.5, 39.5, -0.5), (30, 30, 30)).on(grid)
    assert area(half, grid.affine) == pytest.approx(2 * np.pi * 900, rel=0.03)


def test_the_box_does_not_matter():
    mask = Ellipsoid((10, 10, 10), (5, 6, 7)).on(Grid((21, 21, 21), np.eye(4)))
    seg = Segmentation.from_masks({"liver": mask}, np.eye(4))
    assert surface_mm2(seg, "liver", (slice(0, 21),) * 3) == surface_mm2(seg, "liver", seg.boxes()["liver"])
