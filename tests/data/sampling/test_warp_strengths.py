"""How far patches are turned, zoomed, bent and mirrored, measured on where their voxels come from; and how far a whole
image is shifted. Nothing here asks the code what it drew; for greys see `test_strengths`.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.augmentation import NONE, Augmentation
from omentum.data.sampling.cases import LabelledCase
from omentum.data.sampling.sampler import PatchSampler, PatchSource

KEYS = STRUCTURES.keys
SIZE = (20, 20, 24)
CASE = (60, 60, 72)
NUMBER = 300
DOUBT = 1e-3
"""Draws of the right distribution look as odd as this once in a thousand times; the seed is fixed."""

Values = NDArray[np.float64]


def sampler(how: Augmentation) -> PatchSampler:
    """Of one flat grey case, around its middle."""
    middle, sets = np.array([[n // 2 for n in CASE]], np.int16), np.zeros((1, len(KEYS)), bool)
    labels, annotated = np.zeros(CASE, np.int16), np.ones(len(KEYS), bool)
    case = LabelledCase("grey", np.zeros(CASE, np.int16), labels, sets, annotated, {}, {}, middle)
    return PatchSampler((PatchSource("grey", (case,)),), KEYS, SIZE, (-1000.0, 1000.0), how, seed=11)


def only(**values: object) -> Augmentation:
    return dataclasses.replace(NONE, **values)


def assert_uniform(values: Values, low: float, high: float) -> None:
    slack = 0.04 * (high - low)  # what is measured is no exact number
    assert values.min() >= low - slack
    assert values.max() <= high + slack
    assert stats.kstest(values, stats.uniform(low, high - low).cdf).pvalue > DOUBT


def test_the_whole_image_is_shifted_by_a_tenth_of_the_window_at_most():
    images = sampler(only(intensity_shift=(0.5, 0.1))).batch(range(NUMBER)).images
    shifts = images.double().mean((1, 2, 3, 4)).numpy() - 0.5
    assert images.flatten(1).std(1).max() < 1e-6
    shifted = shifts[np.abs(shifts) > 1e-6]
    assert len(shifted) / NUMBER == pytest.approx(0.5, abs=0.1)
    assert_uniform(shifted, -0.1, 0.1)


def maps(number: int = NUMBER, **values: object) -> Values:
    """[number, 3, 3], offsets in a patch -> offsets in its case, from where the patch's corners come from."""
    lattices = np.stack(sampler(only(**values)).cut(range(number)).lattices).astype(float)
    corner = lattices[:, 0, 0, 0]
    columns = [lattices[:, -1, 0, 0] - corner, lattices[:, 0, -1, 0] - corner, lattices[:, 0, 0, -1] - corner]
    return np.stack([column / (n - 1) for column, n in zip(columns, SIZE, strict=True)], axis=2)


def parts_of(linear: Values) -> tuple[Values, Values]:
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
    lattices = sampler(only(elastic=0.5, elastic_voxels=2.0)).cut(range(NUMBER)).lattices
    bent = np.stack([lattice for lattice in lattices if len(lattice) > 2]).astype(float)
    assert len(bent) / NUMBER == pytest.approx(0.5, abs=0.1)
    grid = np.stack(np.meshgrid(*(np.linspace(0, n - 1, len(bent[0])) for n in SIZE), indexing="ij"), axis=-1)
    moved = bent - grid - (bent - grid).mean((1, 2, 3), keepdims=True)
    strengths = moved.std((1, 2, 3)).mean(1) / 1.5  # nodes vary more than the field between them, by this
    assert_uniform(strengths, 0, 2)
    assert moved.reshape(-1, 3).std(0) == pytest.approx(1.5 * 2 / np.sqrt(3), rel=0.15)
