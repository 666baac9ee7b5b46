import dataclasses

import numpy as np
import pytest
import torch

from omentum.data.augmentation import NONE, Augmentation
from omentum.data.warp import CELLS, draw_warp, sample
from omentum.io.sanity import AIR_HU
from reference.augment import sampled
from toy_cases import toy_case

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
    assert np.array_equal(case.sets[labels], case.bits)


def test_outside_the_scan_is_air_without_labels():
    warp = draw_warp(np.random.default_rng(0), SIZE, Augmentation())
    hu, labels = warped(toy_case(), warp, np.array([-100.5, -100.5, -100.5]))
    assert (hu == AIR_HU).all()
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
