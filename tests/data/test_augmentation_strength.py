"""How strongly patches are varied, measured on patches alone: what an effect does to a known image gives its strength
back, and many patches give its distribution. Nothing here asks the code what it drew.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage, optimize, stats

from omentum.anatomy import STRUCTURES
from omentum.data.augmentation import NONE, Augmentation
from omentum.data.cases import LabelledCase
from omentum.data.sampler import PatchSampler, Source
from toy_cases import sets_of

KEYS = STRUCTURES.keys
WINDOW = (-1000.0, 1000.0)
SIZE = (20, 20, 24)
CASE = (60, 60, 72)
NUMBER = 300
DOUBT = 1e-3
"""Draws of the right distribution look as odd as this once in a thousand times; the seed is fixed."""
LIVER, SPLEEN = KEYS.index("liver"), KEYS.index("spleen")

Voxels = NDArray[np.float64]


def case_of(hu: Voxels, labels: Voxels | None = None) -> LabelledCase:
    """A case that patches are always cut around the middle of: an image, and liver (1) and spleen (2) in it."""
    middle = np.array([[n // 2 for n in CASE]], np.int16)
    sets = sets_of({"liver"}, {"spleen"})
    labels = np.zeros(CASE, np.int16) if labels is None else labels.astype(np.int16)
    annotated = np.isin(np.arange(len(KEYS)), (LIVER, SPLEEN))
    return LabelledCase("known", hu.astype(np.int16), labels, sets, annotated, {}, {}, middle)


def sampler(case: LabelledCase, how: Augmentation) -> PatchSampler:
    return PatchSampler((Source("known", (case,)),), KEYS, SIZE, WINDOW, how, seed=11)


def only(**values: object) -> Augmentation:
    return dataclasses.replace(NONE, **values)


def patches(hu: Voxels, how: Augmentation, labels: Voxels | None = None, number: int = NUMBER) -> Voxels:
    """HU [number, x, y, z] of varied patches."""
    images = sampler(case_of(hu, labels), how).batch(range(number)).images[:, 0].double().numpy()
    assert 0 < images.min() <= images.max() < 1  # nothing is clipped, so nothing is hidden
    return images * (WINDOW[1] - WINDOW[0]) + WINDOW[0]


def flat(hu: float) -> Voxels:
    return np.full(CASE, hu)


def checkered(one: float, other: float) -> Voxels:
    """Two values in layers of one voxel across x, so that any patch has both."""
    return np.where(np.arange(CASE[0])[:, None, None] % 2 == 0, one, other) * np.ones(CASE)


def white(sd_hu: float) -> Voxels:
    return np.random.default_rng(0).normal(0, sd_hu, CASE)


def assert_uniform(values: Voxels, low: float, high: float) -> None:
    slack = 0.04 * (high - low)  # what is measured on a patch is no exact number
    assert values.min() >= low - slack
    assert values.max() <= high + slack
    assert stats.kstest(values, stats.uniform(low, high - low).cdf).pvalue > DOUBT


def assert_normal(values: Voxels, sd: float) -> None:
    assert stats.kstest(values, stats.norm(0, sd).cdf).pvalue > DOUBT


def test_contrast_is_a_gain_about_soft_tissue_and_an_offset():
    varied = patches(checkered(-60, 140), only(contrast=1.0))
    low, high = varied.min((1, 2, 3)), varied.max((1, 2, 3))
    assert_uniform((high - low) / 200, 0.75, 1.3)
    assert_normal((low + high) / 2 - 40, 15)  # the gain leaves 40 HU where it is


def test_noise_has_a_standard_deviation_of_2_to_45_hu_and_is_white_half_the_time():
    varied = patches(flat(0), only(noise=1.0))[:, 3:-3, 3:-3, 3:-3]
    spread = varied.std((1, 2, 3))
    assert_uniform(spread, 2, 45)
    assert np.abs(varied.mean((1, 2, 3)) / spread).max() < 0.25
    neighbours = (varied[:, 1:] * varied[:, :-1]).mean((1, 2, 3)) / spread**2
    white = np.abs(neighbours) < 0.1
    assert (neighbours[~white] > 0.25).all()
    assert white.mean() == pytest.approx(0.5, abs=0.1)


def test_gamma_bends_greys_between_minus_200_and_300_hu():
    varied = patches(flat(50), only(gamma=1.0)).mean((1, 2, 3))
    assert_uniform(np.log((varied + 200) / 500) / np.log(0.5), 0.7, 1.4)
    for fixed in (-500, -200, 300, 800):
        assert np.abs(patches(flat(fixed), only(gamma=1.0), number=20) - fixed).max() < 0.01


def test_blur_has_a_sigma_of_up_to_one_voxel():
    """Beside an edge lies what of a Gaussian, cut off after two voxels, reaches across it."""
    edge = np.where(np.arange(CASE[2]) % 12 < 6, 0.0, 600.0) * np.ones(CASE)
    varied = patches(edge, only(blur=1.0))[:, 8, 8, :] / 600
    plain = patches(edge, NONE)[:, 8, 8, :] > 300
    beside = np.diff(plain.astype(int), axis=1) == 1
    found = [line[:-1][where][0] for line, where in zip(varied, beside, strict=True) if where.any()]

    def across(sigma: float) -> float:
        one, two = np.exp(-0.5 / sigma**2), np.exp(-2 / sigma**2)
        return float((one + two) / (1 + 2 * one + 2 * two))

    sigmas = np.array([optimize.brentq(lambda sigma, seen=seen: across(sigma) - seen, 0.2, 3) for seen in found])
    assert len(sigmas) > NUMBER / 2
    assert_uniform(sigmas, 0.3, 1.0)


def test_a_bias_field_is_smooth_and_as_strong_as_5_to_30_hu():
    varied = patches(flat(0), only(bias=1.0))
    corners = varied[:, [0, 0, -1, -1], [0, -1, 0, -1], 0]
    # A node is normal times 1.5 times a strength between 5 and 30 HU.
    expected = 1.5 * np.sqrt((30**3 - 5**3) / (3 * 25))
    assert np.sqrt((corners**2).mean()) == pytest.approx(expected, rel=0.1)
    assert corners.mean() == pytest.approx(0, abs=3)
    bent = np.abs(np.diff(varied, n=2, axis=3)).max((1, 2)) > 0.01  # linear between three nodes: bent in the middle
    assert bent[:, 12:].sum() == bent[:, :10].sum() == 0
    assert bent[:, 10:12].any()


def test_a_coarser_scan_has_thick_slices_mostly_or_a_coarse_matrix():
    """Of white noise along an axis as many directions are left as the coarser scan had voxels there."""
    varied = patches(white(100), only(coarse=1.0), number=200)

    def voxels_along(axis: int) -> NDArray[np.int64]:
        lines = np.moveaxis(varied, axis + 1, 1).reshape(len(varied), SIZE[axis], -1)
        strengths = np.linalg.svd(lines, compute_uv=False)
        return (strengths > 1e-3 * strengths[:, :1]).sum(1)

    across, deep = voxels_along(0), voxels_along(2)
    slices_only = across == SIZE[0]
    assert slices_only.mean() == pytest.approx(0.7, abs=0.1)
    assert (voxels_along(1) == across).all()
    thick, coarse = deep[slices_only], deep[~slices_only]
    assert thick.min() == round(24 / 2.7)
    assert thick.max() == round(24 / 1.3)
    assert (
        stats.kstest(24 / (thick + np.random.default_rng(1).uniform(-0.5, 0.5, len(thick))), "uniform", (1.3, 1.4))[1]
        > DOUBT
    )
    assert coarse.min() >= 24 / 2 - 1
    assert coarse.max() <= 24 / 1.2 + 1
    assert coarse.mean() == pytest.approx(24 * np.log(2 / 1.2) / 0.8, abs=0.7)


def test_a_coarser_scan_keeps_the_mean_grey():
    varied = patches(flat(123), only(coarse=1.0), number=30)
    assert np.abs(varied - 123).max() < 0.05


def test_structures_are_shifted_independently_and_nothing_else_is():
    labels = np.zeros(CASE)
    labels[:, :, 24:36], labels[:, :, 36:48] = 1, 2
    how = only(structure_hu=(0.6, 20.0))
    varied = patches(flat(40), how, labels, 400) - 40
    masks = sampler(case_of(flat(40), labels), how).batch(range(400)).truth.masks()[[LIVER, SPLEEN]].numpy()
    shifts = []
    for patch, held in zip(varied, masks.swapaxes(0, 1), strict=True):
        soft = ndimage.binary_dilation(held.any(0), np.ones((1, 1, 5)))
        assert np.abs(patch[~soft]).max(initial=0) < 0.01
        inside = [patch[mask] for mask in held]
        if all(len(voxels) > 2000 for voxels in inside):
            shifts.append([np.median(voxels) for voxels in inside])
    shifted = np.array([pair for pair in shifts if np.abs(pair).max() > 1e-3])
    assert len(shifted) / len(shifts) == pytest.approx(0.6, abs=0.1)
    assert_normal(shifted[:, 0], 20)
    assert_normal(shifted[:, 1], 20)
    assert abs(np.corrcoef(shifted.T)[0, 1]) < 0.2


def test_the_whole_image_is_shifted_by_a_tenth_of_the_window_at_most():
    varied = patches(flat(0), only(intensity_shift=(0.5, 0.1))).mean((1, 2, 3)) / (WINDOW[1] - WINDOW[0])
    shifted = varied[np.abs(varied) > 1e-6]
    assert len(shifted) / len(varied) == pytest.approx(0.5, abs=0.1)
    assert_uniform(shifted, -0.1, 0.1)


def maps(number: int = NUMBER, **values: object) -> Voxels:
    """[number, 3, 3], offsets in a patch -> offsets in its case, from where the patch's corners come from."""
    lattices = np.stack(sampler(case_of(flat(0)), only(**values)).cut(range(number)).lattices).astype(float)
    corner = lattices[:, 0, 0, 0]
    columns = [lattices[:, -1, 0, 0] - corner, lattices[:, 0, -1, 0] - corner, lattices[:, 0, 0, -1] - corner]
    return np.stack([column / (n - 1) for column, n in zip(columns, SIZE, strict=True)], axis=2)


def parts_of(linear: Voxels) -> tuple[Voxels, Voxels]:
    """Zooms [n, 3] along the patch's axes, and the rotations [n, 3, 3] that are left."""
    zooms = 1 / np.linalg.norm(linear, axis=1)
    return zooms, linear * zooms[:, None, :]


def test_rotations_are_uniform_about_each_axis_and_rigid():
    zooms, turns = parts_of(maps(rotation_deg=10.0))
    assert np.abs(zooms - 1).max() < 1e-4
    assert np.abs(turns @ turns.transpose(0, 2, 1) - np.eye(3)).max() < 1e-4
    about_x = np.degrees(np.arctan2(-turns[:, 1, 2], turns[:, 2, 2]))
    about_y = np.degrees(np.arcsin(turns[:, 0, 2]))
    about_z = np.degrees(np.arctan2(-turns[:, 0, 1], turns[:, 0, 0]))
    for angles in (about_x, about_y, about_z):
        assert_uniform(angles, -10, 10)
    assert np.abs(np.corrcoef([about_x, about_y, about_z]) - np.eye(3)).max() < 0.2


def test_a_fixed_zoom_is_the_same_along_all_axes():
    zooms, _ = parts_of(maps(20, scale=(1.25, 1.25)))
    assert np.abs(zooms - 1.25).max() < 1e-4


def test_zooms_are_even_in_logarithms_and_each_axis_has_a_little_of_its_own():
    logs = np.log(parts_of(maps(scale=(0.8, 1.25)))[0])
    common, own = logs.mean(1), logs - logs.mean(1, keepdims=True)
    assert common.std() == pytest.approx(np.sqrt(np.log(1.25 / 0.8) ** 2 / 12 + 0.05**2 / 3), rel=0.1)
    assert common.mean() == pytest.approx(0, abs=0.025)
    assert np.sqrt((own**2).sum(1).mean() / 2) == pytest.approx(0.05, rel=0.1)


def test_a_further_zoom_shows_things_larger():
    zooms = parts_of(maps(magnify=(0.3, 1.3, 1.5)))[0].mean(1)
    magnified = zooms[zooms > 1.01]
    assert len(magnified) / len(zooms) == pytest.approx(0.3, abs=0.08)
    assert_uniform(magnified, 1.3, 1.5)
    assert np.abs(zooms[zooms <= 1.01] - 1).max() < 1e-4


def test_flips_are_left_right_and_turns_axial():
    linear = maps(flip=0.3, quarter_turn=0.6)
    mirrored = np.linalg.det(linear) < 0
    assert mirrored.mean() == pytest.approx(0.3, abs=0.08)
    assert np.abs(linear - linear.round()).max() < 1e-5
    assert np.abs(linear[:, 2, 2] - 1).max() < 1e-5
    turned = linear * np.where(mirrored, -1, 1)[:, None, None] ** np.array([1, 0, 0])
    quarters = np.rint(np.degrees(np.arctan2(turned[:, 1, 0], turned[:, 0, 0])) / 90).astype(int) % 4
    assert np.bincount(quarters, minlength=4) / NUMBER == pytest.approx([0.4, 0.2, 0.2, 0.2], abs=0.08)


def test_elastic_fields_displace_by_their_standard_deviation():
    lattices = sampler(case_of(flat(0)), only(elastic=0.5, elastic_voxels=2.0)).cut(range(NUMBER)).lattices
    bent = np.stack([lattice for lattice in lattices if len(lattice) > 2]).astype(float)
    assert len(bent) / NUMBER == pytest.approx(0.5, abs=0.1)
    grid = np.stack(np.meshgrid(*(np.linspace(0, n - 1, len(bent[0])) for n in SIZE), indexing="ij"), axis=-1)
    moved = bent - grid - (bent - grid).mean((1, 2, 3), keepdims=True)
    strengths = moved.std((1, 2, 3)).mean(1) / 1.5  # nodes vary more than the field between them, by this
    assert_uniform(strengths, 0, 2)
    assert moved.reshape(-1, 3).std(0) == pytest.approx(1.5 * 2 / np.sqrt(3), rel=0.15)
