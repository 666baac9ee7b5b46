import numpy as np
import pytest
from ellipsoids import Ellipsoid
from two_scans import FIELD_MM, ORGANS, changed_scan, field, motion, moved, scan, stretch

from omentum.follow_up import alignment as body_alignment
from omentum.follow_up.alignment import align_bodies
from omentum.follow_up.compare import follow_up

WIDE = field(box_mm=1.4 * FIELD_MM)
BEFORE = scan({}, field())
LOST, GAINED, SHEARED = stretch((0.85, 0.8, 0.97)), stretch((1.12, 1.2, 1.02)), stretch(shear=0.2)


def ball(x, y, z, radius_mm):
    return Ellipsoid((x, y, z), (radius_mm,) * 3)


@pytest.mark.parametrize(
    "matrix",
    [
        LOST,
        GAINED,
        SHEARED,
        stretch((0.9, 0.85, 1.05), -0.12, (6, -4, 10), (15, -20, 10)),
    ],
)
def test_a_stretched_or_sheared_body_is_found(matrix):
    found = align_bodies(BEFORE, changed_scan({}, WIDE, matrix))
    places = np.concatenate([np.add(b.centre, np.diag(b.half_axes)) for b in ORGANS.values()])
    assert found.is_affine
    assert np.linalg.norm(found.motion(moved(places, matrix)) - places, axis=1).max() < 2.5
    np.testing.assert_allclose(np.linalg.inv(found.motion.linear), matrix[:3, :3], atol=0.03)
    assert found.residual_mm < 1.5


@pytest.mark.parametrize("grid", [field(), field((2.5, 2.5, 4.0), ((2, 0, 1), (-1, 1, -1)))])
@pytest.mark.parametrize("matrix", [motion(), motion((8, -5, 12), (-15, 30, 8))])
def test_a_body_that_only_lies_differently_is_not_stretched(matrix, grid):
    found = align_bodies(BEFORE, scan({}, grid, matrix))
    assert not found.is_affine
    assert found.motion.scale_factors == pytest.approx((1, 1, 1))


@pytest.mark.parametrize(
    "organs",
    [
        {**ORGANS, "spleen": Ellipsoid((-75, -15, 10), (20, 15, 35))},
        {**ORGANS, "liver": Ellipsoid((45, 5, -5), (55, 45, 50)), "spleen": Ellipsoid((-75, -15, 12), (20, 15, 35))},
        {**ORGANS, "liver": Ellipsoid((45, 5, 10), (66, 54, 60))},
    ],
)
def test_a_breath_or_one_organ_that_grew_stretches_nobody(organs):
    assert not align_bodies(BEFORE, scan({}, WIDE, organs=organs)).is_affine


def test_three_organs_do_not_say_how_a_body_stretches():
    few = {key: ORGANS[key] for key in ("liver", "right_kidney", "spleen")}
    one = scan({}, field(), organs=few)
    assert not align_bodies(one, changed_scan({}, WIDE, LOST).subset(list(few))).is_affine


def test_another_patient_twice_as_large_is_not_stretched_to_fit():
    found = align_bodies(BEFORE, changed_scan({}, field(box_mm=2.2 * FIELD_MM), stretch((1.9, 1.9, 1.9))))
    assert not found.is_affine


def test_growth_is_each_scan_s_own_however_the_body_changed():
    then = {"liver_tumour": [ball(88, 8, 12, 8), ball(30, 0, -10, 7)], "kidney_tumour": [ball(48, -50, -50, 8)]}
    now = {"liver_tumour": [ball(88, 8, 12, 8), ball(30, 0, -10, 10)], "kidney_tumour": [ball(48, -50, -50, 5)]}
    grids = field((2.0, 2.0, 2.0)), field((2.0, 2.0, 2.0), box_mm=1.4 * FIELD_MM)
    result = follow_up(scan(then, grids[0]), changed_scan(now, grids[1], LOST))
    assert result.alignment.is_affine
    assert [one.status for one in result.lesions] == ["same"] * 3
    sizes = sorted((c.volumes_ml for c in result.lesions), reverse=True)
    ml = 4 / 3 * np.pi / 1000
    expected = sorted([(8**3 * ml, 8**3 * ml), (7**3 * ml, 10**3 * ml), (8**3 * ml, 5**3 * ml)], reverse=True)
    # The body lost a third of its volume; no lesion's size is scaled by that.
    for measured in sizes:
        assert any(measured == pytest.approx(true, rel=0.1) for true in expected)
    told = result.to_json()["alignment"]
    assert told["kind"] == "affine"
    assert told["scale_factors"] == pytest.approx(sorted(1 / np.array([0.85, 0.8, 0.97]), reverse=True), abs=0.04)


def test_stretching_brings_lesions_at_the_rim_of_an_organ_nearer(monkeypatch):
    lesions = {"liver_tumour": [ball(90, 8, 12, 4)]}
    pair = scan(lesions, field((2.0, 2.0, 2.0))), changed_scan(lesions, field((2.0, 2.0, 2.0), box_mm=FIELD_MM), LOST)
    (soft,) = follow_up(*pair).lesions
    monkeypatch.setattr(body_alignment, "affine_if_better", lambda organs, rigid: None)
    (stiff,) = follow_up(*pair, force=True).lesions
    assert soft.moved_mm < 2
    assert stiff.moved_mm > 5
