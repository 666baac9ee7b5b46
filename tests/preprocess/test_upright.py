"""A body that lies oblique in its voxels is seen upright, and what is found returns to where it lies in the patient."""

import numpy as np
import pytest
from hypothesis import given
from scipy.spatial.transform import Rotation
from strategies import STORAGE_ORDERS, grids, in_storage_order

from omentum.preprocess.prepare import prepare, prepare_upright
from omentum.preprocess.upright import is_oblique, nearest, on_grid, upright, upright_grid
from omentum.spec import PreprocessSpec
from omentum.volume import PADDING_HU, Grid, Volume

SPEC = PreprocessSpec(spacing_mm=(3, 3, 3))
TURNS = {
    "45 about z": ((0, 0, 45), (1.5, 1.5, 1.5)),
    "30 about x": ((30, 0, 0), (1.0, 1.0, 3.0)),
    "60 about y": ((0, 60, 0), (1.2, 1.2, 4.0)),
    "two axes": ((45, 30, 0), (2.0, 1.0, 2.5)),
}


def turned(euler, spacing, size_mm=110.0, centre=(10.0, -30.0, 400.0)):
    """A grid of an edge length around a centre, turned."""
    shape = tuple(int(np.ceil(size_mm / mm)) for mm in spacing)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", euler, degrees=True).as_matrix() @ np.diag(spacing)
    affine[:3, 3] = np.array(centre) - affine[:3, :3] @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def lopsided(grid, centre=(10.0, -30.0, 400.0)):
    """A large ball, and a small one to its right, front and top: no flip goes unseen."""
    where = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
    big = ((where - centre) ** 2).sum(axis=-1) < 22**2
    return big, ((where - np.add(centre, [25, 12, 14])) ** 2).sum(axis=-1) < 9**2


@pytest.mark.parametrize(("euler", "oblique"), [((0, 0, 0), 0), ((5, -6, 4), 0), ((15, 0, 0), 1), ((0, 0, 45), 1)])
@pytest.mark.parametrize(("axes", "signs"), STORAGE_ORDERS[::7])
def test_what_is_oblique_does_not_depend_on_the_storage_order(euler, oblique, axes, signs):
    grid = turned(euler, (1.0, 1.5, 2.0), size_mm=8)
    stored, affine = in_storage_order(np.zeros(grid.shape), grid.affine, axes, signs)
    assert is_oblique(Grid(stored.shape, affine)) == bool(oblique)


@given(grids())
def test_an_upright_grid_holds_every_voxel(grid):
    target = upright_grid(grid, SPEC)
    if target is grid:
        assert not is_oblique(grid)
        return
    assert target.orientation == "RAS"
    assert not is_oblique(target)
    corners = grid.to_world(np.array(list(np.ndindex(2, 2, 2))) * (np.array(grid.shape) - 1))
    at = (corners - target.affine[:3, 3]) / target.spacing_mm
    assert at.min() >= -1e-6
    assert (at <= np.array(target.shape) - 1 + 1e-6).all()


def test_a_sheared_grid_is_straightened_too():
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    affine[1, 2] = 2 * np.tan(np.radians(20))
    assert is_oblique(Grid((20, 20, 20), affine))


def test_a_grid_along_the_body_is_left_alone():
    ct = Volume(np.zeros((5, 5, 5), np.int16), turned((4, -3, 5), (1, 1, 1), size_mm=5).affine)
    assert upright(ct, SPEC) is ct
    assert prepare_upright(ct, SPEC).undo.oblique is None


@pytest.mark.parametrize("name", TURNS)
def test_hu_stay_where_they_are_in_the_patient(name):
    grid = turned(*TURNS[name])
    big, small = lopsided(grid)
    ct = Volume(np.where(big, 60, np.where(small, 160, -1000)).astype(np.int16), grid.affine)
    standing = upright(ct, SPEC)
    expected_big, expected_small = lopsided(standing.grid)
    found = standing.voxels
    assert np.count_nonzero(found > -400) * standing.grid.voxel_volume_ml == pytest.approx(
        np.count_nonzero(big | small) * grid.voxel_volume_ml, rel=0.05
    )
    for seen, truth in ((found > 110, expected_small), ((found > -400) & expected_big, expected_big)):
        seen_mm, truth_mm = (standing.grid.to_world(np.argwhere(m)).mean(axis=0) for m in (seen, truth))
        np.testing.assert_allclose(seen_mm, truth_mm, atol=0.8)


@pytest.mark.parametrize("name", TURNS)
def test_masks_come_back_onto_the_voxels_they_were_seen_in(name):
    grid = turned(*TURNS[name])
    undo = prepare_upright(Volume(np.full(grid.shape, -1000, np.int16), grid.affine), SPEC).undo
    assert undo.ct is grid or undo.ct.same_as(grid)
    bits = sum((mask.astype(np.uint64) << np.uint64(40 + n)) for n, mask in enumerate(lopsided(undo.native)))
    back = nearest(bits[None], undo.native, grid)
    assert back.shape == (1, *grid.shape)
    for n, truth in enumerate(lopsided(grid)):
        mask = (back[0] >> np.uint64(40 + n)) & np.uint64(1) > 0
        assert mask.sum() == pytest.approx(truth.sum(), rel=0.05)
        assert 2 * (mask & truth).sum() / (mask.sum() + truth.sum()) > 0.9


def test_nearest_is_what_a_loop_over_voxels_finds():
    source, target = turned((0, 0, 30), (1.0, 2.0, 1.5), size_mm=9), turned((20, 10, 0), (1.3, 1.0, 2.0), size_mm=12)
    labels = np.random.default_rng(0).integers(1, 2**63, source.shape, dtype=np.uint64)
    found = nearest(labels, source, target)
    for index in np.ndindex(*target.shape):
        at = np.linalg.inv(source.affine) @ [*target.to_world(index), 1]
        place = tuple(np.rint(at[:3]).astype(int))
        inside = all(0 <= p < n for p, n in zip(place, source.shape, strict=True))
        assert found[index] == (labels[place] if inside else 0)


def test_beyond_the_scan_is_air_and_the_grid_no_finer_than_is_of_use():
    grid = turned((0, 0, 45), (0.5, 0.5, 0.5), size_mm=30)
    standing = upright(Volume(np.full(grid.shape, 50, np.int16), grid.affine), SPEC)
    assert standing.spacing_mm == pytest.approx((1.5, 1.5, 1.5))
    assert standing.voxels[0, 0, 0] == PADDING_HU
    assert standing.voxels[tuple(n // 2 for n in standing.shape)] == 50


def test_the_tensor_is_that_of_the_upright_ct():
    grid = turned((0, 40, 0), (2.0, 2.0, 2.0))
    big, small = lopsided(grid)
    ct = Volume(np.where(big | small, 60, -1000).astype(np.int16), grid.affine)
    prepared = prepare_upright(ct, SPEC)
    by_hand = prepare(on_grid(ct, upright_grid(ct.grid, SPEC), antialias=SPEC.antialias), SPEC)
    np.testing.assert_array_equal(prepared.tensor, by_hand.tensor)
