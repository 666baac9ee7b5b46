from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from omentum.evaluate.metrics.surface import neighbour_codes, surface_distances

TOLERANCE_MM = 2.0
spacings = st.tuples(*[st.sampled_from([0.7, 1.0, 1.5, 2.5, 5.0])] * 3)
margins = st.tuples(st.integers(0, 3), st.integers(0, 3))
shapes = st.tuples(*[st.integers(1, 7)] * 3)


@st.composite
def pairs(draw):
    """Two masks of one shape with at least a voxel each."""
    shape = draw(shapes)
    masks = []
    for _ in range(2):
        mask = draw(arrays(bool, shape, elements=st.sampled_from([False, False, True])))
        mask[tuple(draw(st.integers(0, n - 1)) for n in shape)] = True
        masks.append(mask)
    return masks


def numbers(a, b, spacing):
    found = surface_distances(a, b, spacing)
    return found.nsd(TOLERANCE_MM), found.hd95_mm, found.hd_mm, found.assd_mm


def slow(a, b, spacing):
    """All against all, element by element."""
    from omentum.evaluate.metrics.surfels import surfel_areas

    table, ways = surfel_areas(spacing), []
    points = []
    for mask in (a, b):
        codes = neighbour_codes(mask)
        at = np.argwhere((codes > 0) & (codes < 255))
        points.append((at * spacing, table[codes[tuple(at.T)]]))
    for (here, areas), (there, _) in (points, points[::-1]):
        ways.append((np.linalg.norm(here[:, None] - there[None], axis=2).min(axis=1), areas))
    total = sum(areas.sum() for _, areas in ways)
    within = sum(areas[mm <= TOLERANCE_MM + 1e-4].sum() for mm, areas in ways)
    return within / total, max(mm.max() for mm, _ in ways), sum((mm * areas).sum() for mm, areas in ways) / total


@given(pairs(), spacings)
def test_fast_agrees_with_all_against_all(masks, spacing):
    nsd, _, hd, assd = numbers(*masks, spacing)
    assert (nsd, hd, assd) == pytest.approx(slow(*masks, spacing), rel=1e-5, abs=1e-5)


@given(pairs(), spacings)
def test_sides_can_be_swapped(masks, spacing):
    a, b = masks
    assert numbers(a, b, spacing) == pytest.approx(numbers(b, a, spacing), rel=1e-6)


@given(pairs(), spacings, st.permutations(range(3)), st.tuples(*[st.booleans()] * 3), st.tuples(*[margins] * 3))
def test_moving_flipping_and_swapping_axes_changes_nothing(masks, spacing, axes, flips, around):
    turned = [np.flip(np.pad(m, around).transpose(axes), [a for a, flip in enumerate(flips) if flip]) for m in masks]
    expected = numbers(*masks, spacing)
    assert numbers(*turned, [spacing[a] for a in axes]) == pytest.approx(expected, rel=1e-5, abs=1e-5)


@given(pairs(), spacings)
def test_values_agree_with_the_field_s_tool(masks, spacing):
    theirs = pytest.importorskip("surface_distance")
    ours, reference = masks
    found = surface_distances(ours, reference, spacing)
    their = theirs.compute_surface_distances(reference, ours, spacing)
    ways = theirs.compute_average_surface_distance(their)
    areas = their["surfel_areas_gt"].sum(), their["surfel_areas_pred"].sum()
    assd = sum(mm * area for mm, area in zip(ways, areas, strict=True)) / sum(areas)
    assert found.assd_mm == pytest.approx(assd, rel=1e-5, abs=1e-6)
    assert found.hd_mm == pytest.approx(theirs.compute_robust_hausdorff(their, 100), rel=1e-6)
    dice = theirs.compute_surface_dice_at_tolerance(their, TOLERANCE_MM + 1e-4)
    assert found.nsd(TOLERANCE_MM) == pytest.approx(dice, rel=1e-9)
    # A share of the area reached to the last bit is a matter of rounding there; on either side of it values agree.
    bounds = [theirs.compute_robust_hausdorff(their, 95 + nudge) for nudge in (-1e-6, 1e-6)]
    assert bounds[0] - 1e-4 <= found.hd95_mm <= bounds[1] + 1e-4


def test_organ_like_shapes_agree_with_the_field_s_tool():
    theirs = pytest.importorskip("surface_distance")
    rng = np.random.default_rng(5)
    a, b = (ndimage.gaussian_filter(rng.random((48, 40, 30)), sigma) > 0.5 for sigma in (3, 3.3))
    found, their = surface_distances(a, b, (0.8, 0.8, 2.5)), theirs.compute_surface_distances(b, a, (0.8, 0.8, 2.5))
    assert found.nsd(2.0) == pytest.approx(theirs.compute_surface_dice_at_tolerance(their, 2.0), rel=1e-9)
    assert found.hd95_mm == pytest.approx(theirs.compute_robust_hausdorff(their, 95), rel=1e-6)


def test_a_sphere_has_the_area_of_a_sphere_within_the_known_excess_of_voxels():
    spacing, radius = np.array([0.5, 0.8, 1.3]), 12.0
    at = [np.arange(-14, 14.01, mm) for mm in spacing]
    ball = sum(np.square(x) for x in np.meshgrid(*at, indexing="ij")) <= radius**2
    found = surface_distances(ball, ball, spacing).from_predicted.areas_mm2.sum()
    # Midpoint vertices leave terraces: some 10 to 15 % too much, whatever the voxel size; whole faces have 50 %.
    assert 1.05 < found / (4 * math.pi * radius**2) < 1.2


@pytest.mark.parametrize("share_of_island", [0.04, 0.06])
def test_an_outlier_counts_in_hd95_from_a_twentieth_of_the_predicted_surface(share_of_island):
    reference = np.zeros((60, 30, 60), bool)
    reference[2:22, 2:22, 2:52] = True
    predicted = reference.copy()
    side = round(math.sqrt(share_of_island * 4800 / 6))
    predicted[40 : 40 + side, 4 : 4 + side, 4 : 4 + side] = True
    found = surface_distances(predicted, reference, (1, 1, 1))
    assert (found.hd95_mm > 15) == (share_of_island > 0.05)
    assert found.hd_mm == 40 + side - 22


def test_a_distance_equal_to_the_tolerance_is_within():
    one, other = np.zeros((9, 3, 3), bool), np.zeros((9, 3, 3), bool)
    one[1:4], other[4:7] = True, True
    assert surface_distances(one, other, (0.7, 1, 1)).nsd(3 * 0.7) == 1.0
