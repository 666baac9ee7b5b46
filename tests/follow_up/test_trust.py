"""What must never be said: gone, new or response of what a scan could not show, or of two different people."""

import json

import numpy as np
import pytest
from ellipsoids import Ellipsoid
from two_scans import FIELD_MM, ORGANS, field, motion, scan

from omentum.errors import InputError
from omentum.follow_up.compare import follow_up
from omentum.follow_up.scan_facts import ScanFacts
from omentum.phantom import build_body
from omentum.segmentation import Segmentation
from poses import Ball, cut, draw_balls, draw_motion, field_of, inside, scans_of, seen_on, stored_otherwise

SPACING_MM = (3.0, 3.0, 3.0)
LIVER_BALL, KIDNEY_BALL = Ellipsoid((60, 10, 40), (9, 9, 9)), Ellipsoid((48, -50, -55), (8, 8, 8))
LESIONS = {"liver_tumour": [LIVER_BALL], "kidney_tumour": [KIDNEY_BALL]}
OTHER_PERSON = {
    "liver": Ellipsoid((35, 10, 15), (75, 35, 38), (0, 15, 0)),
    "right_kidney": Ellipsoid((55, -40, -30), (22, 18, 34), (-10, 10, 0)),
    "left_kidney": Ellipsoid((-40, -48, -40), (12, 12, 20)),
    "spleen": Ellipsoid((-80, -5, 30), (30, 22, 24)),
    "pancreas": Ellipsoid((-25, 28, -28), (36, 12, 8), (0, -20, 10)),
}


def statuses(result):
    return {one.any.key: one.status for one in result.lesions}


def whole():
    return scan(LESIONS, field(SPACING_MM))


def test_a_scan_cut_in_two_loses_no_lesion_and_does_not_move():
    scan_ = whole()
    lower, upper = cut(scan_, 0, 0.5), cut(scan_, 0.5, 1)
    for same in (None, True):
        frames = ScanFacts("one"), ScanFacts("one")
        result = follow_up(upper, lower, frames if same else (ScanFacts(), ScanFacts()))
        assert statuses(result) == {"liver_tumour": "not imaged now", "kidney_tumour": "not imaged before"}
        assert result.alignment.motion.degrees == 0
        assert result.response.category == "not evaluable"
        assert (result.response.sums_mm[1], result.response.change) == (None, None)
        content = result.to_json()
        assert content["recist"]["sum_after_mm"] is content["recist"]["change_percent"] is None
        assert content["alignment"]["basis"] == ("frame of reference" if same else "grids")


def test_parts_that_overlap_are_compared_where_they_do():
    scan_ = whole()
    result = follow_up(cut(scan_, 0, 0.8), cut(scan_, 0.3, 1))
    assert statuses(result)["kidney_tumour"] == "not imaged now"
    np.testing.assert_array_equal(result.alignment.motion.linear, np.eye(3))
    assert result.alignment.residual_mm == 0


@pytest.mark.parametrize("flips", [(1,), (0, 2), (0, 1, 2)])
def test_storage_and_a_shift_change_nothing(flips):
    scan_ = whole()
    bits, turn = scan_.bits, np.eye(4)
    for axis in flips:
        bits = np.flip(bits, 1 + axis)
        turn[axis, axis], turn[axis, 3] = -1, scan_.shape[axis] - 1
    stored = Segmentation(np.ascontiguousarray(bits), scan_.affine @ turn, scan_.classes)
    result = follow_up(scan_, stored)
    assert set(statuses(result).values()) == {"same"}
    assert result.alignment.motion.degrees == 0
    away = motion(shift_mm=(33.3, -12.1, 250.7)) @ stored.affine
    result = follow_up(scan_, Segmentation(stored.bits, away, scan_.classes))
    assert set(statuses(result).values()) == {"same"}
    assert result.alignment.motion.degrees < 0.1
    assert all(one.longest_mm[1] == pytest.approx(one.longest_mm[0]) for one in result.lesions)


def test_a_resampled_scan_is_the_same_scan():
    result = follow_up(whole(), scan(LESIONS, field((2.0, 4.0, 5.0), tilt=(5, -4, 8))))
    assert set(statuses(result).values()) == {"same"}
    assert result.response.category == "stable disease"
    assert result.alignment.motion.degrees < 1


@pytest.mark.parametrize("factor", [0.85, 1.2])
def test_a_scan_whose_spacing_is_wrong_is_no_response(factor):
    scan_ = whole()
    larger = Segmentation(scan_.bits, np.diag([factor, factor, factor, 1]) @ scan_.affine, scan_.classes)
    with pytest.raises(InputError, match=r"larger than the other by (1[678]|19|20)% or more in every direction"):
        follow_up(scan_, larger)
    assert follow_up(scan_, larger, force=True).alignment.mismatches


def test_halves_that_were_shifted_are_refused_or_not_compared():
    scan_ = whole()
    upper = cut(scan_, 0.5, 1)
    shifted = Segmentation(upper.bits, motion(shift_mm=(3.3, 2.2, -75.5)) @ upper.affine, upper.classes)
    with pytest.raises(InputError, match=r"limit \d"):
        follow_up(shifted, cut(scan_, 0, 0.5))


def test_another_person_is_refused_unless_forced_and_then_marked():
    other = scan({"liver_tumour": [LIVER_BALL], "kidney_tumour": []}, field(SPACING_MM), organs=OTHER_PERSON)
    for facts in ((ScanFacts(), ScanFacts()), (ScanFacts("a"), ScanFacts("a")), (ScanFacts("a"), ScanFacts("b"))):
        with pytest.raises(InputError, match=r"do not match: organs differ by \d+\.\d mm after alignment \(limit 2"):
            follow_up(whole(), other, facts)
    forced = follow_up(whole(), other, force=True)
    content = json.loads(json.dumps(forced.to_json(), allow_nan=False))
    assert content["forced"] is True
    assert content["alignment"]["fits"] is False
    assert content["alignment"]["residual_mm"] > content["alignment"]["residual_limit_mm"]
    assert all(line.endswith(",True") for line in forced.to_csv().splitlines()[1:])


@pytest.mark.slow
def test_phantoms_of_two_people_are_refused():
    one, other = (build_body(np.random.default_rng(seed), (5.0, 5.0, 5.0)).truth for seed in (4, 6))
    with pytest.raises(InputError, match="do not match"):
        follow_up(one, other)


def test_one_frame_of_reference_is_still_doubted_where_organs_have_moved():
    moved = scan(LESIONS, field(SPACING_MM), motion((0, 0, 12), (0, 20, 0)))
    result = follow_up(whole(), moved, (ScanFacts("one"), ScanFacts("one")))
    assert result.alignment.basis == "organs"
    assert result.alignment.motion.degrees == pytest.approx(12, abs=1)
    assert set(statuses(result).values()) == {"same"}


def without(key):
    return scan({**LESIONS, key: []}, field(SPACING_MM), motion((3, 2, 5), (10, 5, 40)))


def test_gone_is_said_only_of_what_would_have_been_seen():
    assert statuses(follow_up(whole(), without("liver_tumour")))["liver_tumour"] == "gone"
    unasked = without("liver_tumour").subset([*ORGANS, "kidney_tumour"])
    result = follow_up(whole(), unasked)
    assert statuses(result)["liver_tumour"] == "not looked for now"
    assert result.response.category == "not evaluable"
    assert any("nobody asked for liver tumour" in remark for one in result.lesions for remark in one.remarks)


def test_slices_too_thick_to_show_it():
    small = {"liver_tumour": [Ellipsoid((60, 10, 30), (6, 6, 6))]}
    result = follow_up(scan(small, field(SPACING_MM)), scan({"liver_tumour": []}, field((3.0, 3.0, 8.0))))
    assert statuses(result) == {"liver_tumour": "not seen now"}
    assert "less than two slices of 8.0 mm" in result.lesions[0].reason
    thin = follow_up(scan({"liver_tumour": []}, field((3.0, 3.0, 8.0))), scan(small, field(SPACING_MM)))
    assert statuses(thin) == {"liver_tumour": "not seen before"}
    assert thin.response.category != "progressive disease"


def test_an_organ_that_was_not_found_at_the_place_hides_its_lesions():
    organs = {**ORGANS, "liver": Ellipsoid((25, 5, -10), (35, 45, 30))}
    result = follow_up(whole(), scan({**LESIONS, "liver_tumour": []}, field(SPACING_MM), organs=organs))
    assert statuses(result)["liver_tumour"] == "not seen now"
    assert "no liver was found at its place" in result.lesions[0].remarks


def test_candidates_are_never_targets_nor_new_nor_gone():
    weak = ScanFacts(candidate_reasons={"liver_tumour": "the weights are weak with it"})
    gone = follow_up(whole(), without("liver_tumour"), (weak, weak))
    assert statuses(gone)["liver_tumour"] == "not seen now"
    assert gone.response.targets == 1
    new = follow_up(without("liver_tumour"), whole(), (weak, weak))
    assert statuses(new)["liver_tumour"] == "not seen before"
    assert new.response.category != "progressive disease"
    same = follow_up(whole(), whole(), (weak, weak))
    assert [bool(one.targets) for one in same.lesions if one.any.key == "liver_tumour"] == [False]
    single = ScanFacts(candidates_mm=np.array([LIVER_BALL.centre]) + 0.5)
    assert follow_up(whole(), whole(), (single, ScanFacts())).response.targets == 1
    assert follow_up(whole(), whole()).response.targets == 2


def test_no_complete_response_while_another_tumour_may_be_left():
    small = Ellipsoid((40, -48, -40), (4, 4, 4))
    then = scan({"liver_tumour": [LIVER_BALL], "kidney_tumour": [small]}, field(SPACING_MM))
    upper = field(SPACING_MM, box_mm=FIELD_MM - [[0, 0, -60], [0, 0, 0]])
    result = follow_up(then, scan({"liver_tumour": [], "kidney_tumour": []}, upper))
    assert statuses(result) == {"liver_tumour": "gone", "kidney_tumour": "not imaged now"}
    assert result.response.category == "partial response"
    assert "not known" in result.response.reason


@pytest.fixture(scope="module")
def phantom():
    """Truth of a phantom's trunk, and lesions of known size."""
    truth = build_body(np.random.default_rng(2), (4.0, 4.0, 4.0)).truth
    truth = truth.subset(key for key in truth.classes if key in {*ORGANS, "aorta", "left_lung", "right_lung"})
    return truth, draw_balls(np.random.default_rng(5), truth, 6, (7.0, 13.0))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [*range(6), *(pytest.param(n, marks=pytest.mark.exhaustive) for n in range(6, 20))])
def test_known_growth_in_any_pose(phantom, seed):
    truth, balls = phantom
    rng = np.random.default_rng(100 + seed)
    then, now = scans_of(truth, balls)
    matrix = draw_motion(rng)
    part = (0.0, 1.0) if seed % 2 else (float(rng.uniform(0, 0.2)), float(rng.uniform(0.75, 1)))
    grid = field_of(now, matrix, rng.uniform((2.5, 2.5, 3), (4, 4, 5)), part)
    after = stored_otherwise(rng, seen_on(now, matrix, grid, breath_mm=float(rng.uniform(0, 12))))
    result = follow_up(then, after)
    told = {which(change, balls, matrix): change for change in result.lesions}
    for ball in balls:
        change = told.get(ball)
        shown = inside(grid, ball, matrix, max(ball.before_mm, ball.after_mm) + 15)
        if change is None:
            assert ball.before_mm == 0  # it is new, and beyond the field of view
            assert not shown
        elif shown:
            assert change.status == ball.status
            if ball.status == "same":
                radii_mm = np.cbrt(np.array(change.volumes_ml) * 1000 * 3 / (4 * np.pi))
                # A breath scale_factors what lies near the diaphragm, and voxels of up to 5 mm round.
                assert radii_mm == pytest.approx((ball.before_mm, ball.after_mm), abs=1.4)
        else:
            assert change.status in (ball.status, "not imaged now")
    assert len(told) == len(result.lesions)


def which(change, balls, matrix) -> Ball:
    """The ball that a change is about."""
    at = np.array(change.any.centroid_mm)
    if not change.before:
        back = np.linalg.inv(matrix)
        at = back[:3, :3] @ at + back[:3, 3]
    return min(balls, key=lambda ball: float(np.linalg.norm(at - np.array(ball.centre))))
