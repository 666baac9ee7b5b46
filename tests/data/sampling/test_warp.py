import dataclasses

import numpy as np
import pytest
import torch
from toy_cases import toy_case

from omentum.data.sampling.augmentation import NONE, Augmentation
from omentum.data.sampling.warp import CELLS, FIELD_SD, draw_warp, sample
from omentum.volume import PADDING_HU
from reference.augment import sampled

SIZE = (24, 30, 26)
CENTRE = np.array([19.5, 17.5, 16.5])


def warped(case, warp, centre=CENTRE, size=SIZE):
    start, shape = warp.box(centre)
    hu, labels = case.box(start, shape)
    out_hu, out_labels = torch.empty(size), torch.empty(size, dtype=torch.int16)
    lattice = torch.from_numpy((warp.lattice + (centre - start)).astype(np.float32))
    sample(torch.from_numpy(hu).float(), torch.from_numpy(labels.astype(np.int16)), lattice, out_hu, out_labels)
    return out_hu.numpy(), out_labels.numpy()


@pytest.mark.parametrize("seed", range(6))
def test_it_agrees_with_the_plain_reference(seed):
    how = Augmentation(elastic=seed % 2, quarter_turn=0.5, magnify=(0.5, 1.3, 1.5))
    case, warp = toy_case(), draw_warp(np.random.default_rng(seed), SIZE, how)
    assert len(warp.lattice) == (CELLS if seed % 2 else 2)
    hu, labels = warped(case, warp)
    expected_hu, expected_labels, source = sampled(case.hu, case.labels, CENTRE, warp.lattice, SIZE)
    assert np.abs(hu - expected_hu).max() < 0.1
    # Half-way between two voxels, rounding decides; nowhere else.
    clear = (np.abs(source % 1 - 0.5) > 1e-3).all(0)
    assert clear.mean() > 0.99
    assert np.array_equal(labels[clear], expected_labels[clear])
    assert len(np.unique(labels)) > 2


def test_an_unvaried_patch_is_the_case_itself():
    case = toy_case()
    centre = (np.array(case.shape) - 1) / 2
    hu, labels = warped(case, draw_warp(np.random.default_rng(0), case.shape, NONE), centre, case.shape)
    assert np.abs(hu - case.hu).max() < 0.01
    assert np.array_equal(labels, case.labels)


def test_outside_the_scan_is_air_without_labels():
    warp = draw_warp(np.random.default_rng(0), SIZE, Augmentation())
    hu, labels = warped(toy_case(), warp, np.array([-100.5, -100.5, -100.5]))
    assert (hu == PADDING_HU).all()
    assert not labels.any()


def test_quarter_turns_and_flips_move_whole_voxels():
    case, size = toy_case(), (20, 20, 20)
    centre = np.array([19.5, 17.5, 16.5])
    start = (centre - 9.5).astype(int)
    plain, _ = case.box(start, size)
    turns, flips = set(), set()
    for seed in range(40):
        how = dataclasses.replace(NONE, quarter_turn=0.5, flip=0.5)
        warp = draw_warp(np.random.default_rng(seed), size, how)
        hu, _ = warped(case, warp, centre, size)
        (turn,) = (k for k in range(4) if np.abs(turned(plain, k, mirrored=warp.mirrored) - hu).max() < 0.01)
        turns.add(turn)
        flips.add(warp.mirrored)
    assert turns == {0, 1, 2, 3}
    assert flips == {True, False}


def turned(patch, k, *, mirrored):
    patch = np.rot90(patch, k, axes=(0, 1))
    return patch[::-1] if mirrored else patch


def test_zoom_shows_less_of_the_case_larger():
    how = dataclasses.replace(NONE, scale=(2.0, 2.0))
    warp = draw_warp(np.random.default_rng(0), SIZE, how)
    _, shape = warp.box(CENTRE)
    assert np.allclose(shape, np.array(SIZE) / 2, atol=2.5)


@pytest.mark.parametrize("seed", range(20))
def test_the_box_holds_all_that_is_interpolated_from(seed):
    warp = draw_warp(np.random.default_rng(seed), SIZE, Augmentation(elastic=1.0, elastic_voxels=6))
    start, shape = warp.box(CENTRE)
    _, _, source = sampled(np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), CENTRE, warp.lattice, SIZE)
    assert (source.min((1, 2, 3)) >= start).all()
    assert (np.floor(source.max((1, 2, 3))) + 2 <= np.add(start, shape)).all()


@pytest.mark.parametrize("elastic", [0.0, 1.0])
def test_a_place_of_the_patch_is_where_the_reference_finds_it(elastic):
    how = Augmentation(elastic=elastic)
    warp = draw_warp(np.random.default_rng(3), SIZE, how, (1.0, 1.0, 2.5))
    _, _, source = sampled(np.zeros((2, 2, 2)), np.zeros((2, 2, 2)), CENTRE, warp.lattice, SIZE)
    for place in ((0, 0, 0), (23, 29, 25), (5, 20, 11)):
        assert np.allclose(CENTRE + warp.at(place, SIZE), source[(slice(None), *place)], atol=1e-6)


def edges_mm(warp, size, spacing_mm):
    """The patch's three edges where they lie in the case, in mm, as columns."""
    corner = warp.lattice[0, 0, 0]
    ends = (warp.lattice[-1, 0, 0], warp.lattice[0, -1, 0], warp.lattice[0, 0, -1])
    return np.stack([(end - corner) * spacing_mm for end in ends], axis=1)


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (1.5, 1.5, 5.0), (0.7, 0.9, 3.0)])
def test_a_rotation_keeps_millimetres_and_right_angles(spacing_mm):
    how = dataclasses.replace(NONE, rotation_deg=30, flip=0.5, quarter_turn=0.5)
    spacing_mm = np.array(spacing_mm)
    angles = []
    for seed in range(300):
        warp = draw_warp(np.random.default_rng(seed), SIZE, how, spacing_mm)
        edges = edges_mm(warp, SIZE, spacing_mm) / ((np.array(SIZE) - 1) * spacing_mm)
        assert np.allclose(edges.T @ edges, np.eye(3))  # as long as they were, and at right angles
        assert (np.linalg.det(edges) < 0) == warp.mirrored
        angles.append(np.degrees(np.arccos(np.clip(edges[2, 2], -1, 1))))  # between the two vertical axes
    assert 30 < max(angles) < 42.5  # two of 30 degrees about x and y
    assert 10 < np.mean(angles) < 25


def test_an_elastic_field_is_as_strong_in_millimetres_along_every_axis():
    how, spacing_mm = dataclasses.replace(NONE, elastic=1.0, elastic_voxels=4.0), np.array([1.0, 1.0, 8.0])
    plain = draw_warp(np.random.default_rng(0), SIZE, NONE).lattice
    fields = []
    for seed in range(60):
        lattice = draw_warp(np.random.default_rng(seed), SIZE, how, spacing_mm).lattice
        even = [np.linspace(plain.min((0, 1, 2))[a], plain.max((0, 1, 2))[a], CELLS) for a in range(3)]
        fields.append((lattice - np.stack(np.meshgrid(*even, indexing="ij"), -1)) * spacing_mm)
    strength = np.std(fields, axis=(0, 1, 2, 3))
    # Uniform up to 4 cubes of 8 mm^3, times the spread of nodes; the mean of squares is a third.
    assert np.allclose(strength, FIELD_SD * 4 * 2 / np.sqrt(3), rtol=0.25)
    assert strength.max() < 1.1 * strength.min()
