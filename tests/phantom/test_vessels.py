import numpy as np
import pytest

from omentum.phantom.vessels import VesselTree, grow_tree, paint_balls


@pytest.fixture(scope="module")
def tree():
    rng = np.random.default_rng(0)
    tips = rng.uniform(0, 120, (60, 3))
    return tips, grow_tree(rng, np.zeros(3), tips, 6.0, 1.0)


def test_every_tip_is_reached_and_the_root_is_widest(tree):
    tips, tree = tree
    for tip in tips:
        assert np.linalg.norm(tree.points_mm - tip, axis=1).min() < 1e-6
    assert tree.radius_mm.min() == pytest.approx(1.0)
    assert 3.0 < tree.radius_mm.max() <= 6.0
    widest = tree.points_mm[tree.radius_mm > 0.9 * tree.radius_mm.max()]
    assert np.linalg.norm(widest, axis=1).mean() < np.linalg.norm(tips, axis=1).mean()


def test_painted_tree_hangs_together(tree):
    import cc3d

    mask = paint_balls((42, 42, 42), (3.0, 3.0, 3.0), tree[1])
    pieces = cc3d.connected_components(mask, connectivity=26)
    assert np.bincount(pieces.ravel())[1:].max() > 0.97 * mask.sum()


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.8, 1.2, 2.0)])
def test_a_ball_has_its_volume_at_its_place(spacing):
    middle = np.array([[20.3, 19.1, 18.7]])
    mask = paint_balls((50, 40, 40), spacing, VesselTree(middle, np.array([8.0])))
    assert mask.sum() * np.prod(spacing) == pytest.approx(4 / 3 * np.pi * 8**3, rel=0.03)
    assert np.allclose(np.argwhere(mask).mean(axis=0) * spacing, middle[0], atol=0.3)


def test_vessels_thinner_than_a_voxel_and_outside_points():
    points = np.array([[9.0, 9.0, 9.0], [-30.0, 0.0, 0.0]])
    mask = paint_balls((6, 6, 6), (3.0, 3.0, 3.0), VesselTree(points, np.array([0.3, 0.3])))
    assert np.argwhere(mask).tolist() == [[3, 3, 3]]
