"""Masks of a correction on the grid of its proposal: reordered and placed exactly, and refused on any other grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from acceptance import ACCEPTED, REFUSED, SAVED, accept, accepted, corrected, statuses
from hypothesis import given
from strategies import grids, in_storage_order, storage_orders

from omentum.annotate.accept.read import on_grid
from omentum.errors import GeometryError
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.segmentation import Segmentation
from omentum.volume import Grid


@given(grids(), storage_orders)
def test_masks_stored_in_any_order_and_direction_are_the_same(grid, order):
    mask = np.random.default_rng(0).random(grid.shape) > 0.5
    axes, signs = order
    stored, _ = in_storage_order(mask, np.eye(4), axes, signs)
    source = Grid(stored.shape, grid.affine @ _turned(axes, signs, grid.shape))
    assert np.array_equal(on_grid(stored, source, grid, Path("x")), mask)


def _turned(axes, signs, shape):
    turn = np.zeros((4, 4))
    turn[3, 3] = 1
    for axis, (old, sign) in enumerate(zip(axes, signs, strict=True)):
        turn[old, axis] = sign
        turn[old, 3] += 0 if sign > 0 else shape[old] - 1
    return turn


@given(grids())
def test_a_box_of_the_grid_is_put_in_its_place(grid):
    mask = np.zeros(grid.shape, bool)
    box = tuple(slice(n // 3, max(n // 3 + 1, 2 * n // 3)) for n in grid.shape)
    mask[box] = True
    part = Grid(mask[box].shape, grid.affine.copy())
    moved = part.affine.copy()
    moved[:3, 3] = grid.to_world([s.start for s in box])
    assert np.array_equal(on_grid(mask[box], Grid(part.shape, moved), grid, Path("x")), mask)


def test_a_file_flipped_left_to_right_says_the_same(here):
    liver = corrected()
    seg = read_seg_nrrd(SAVED)
    flip = np.diag([-1.0, 1, 1, 1])
    flip[0, 3] = seg.shape[0] - 1
    flipped = Segmentation(seg.bits[:, ::-1], seg.affine @ flip, seg.classes)
    write_seg_nrrd(SAVED, flipped)
    assert statuses(accept())["liver"] is ACCEPTED
    assert np.array_equal(accepted(), liver)


def test_another_grid_is_refused_and_the_other_files_are_taken(here):
    corrected()
    seg = read_seg_nrrd("round/proposals/ct_1.seg.nrrd")
    coarse = Segmentation(seg.bits[:, ::2, ::2, ::2].copy(), seg.affine @ np.diag([2.0, 2, 2, 1]), seg.classes)
    write_seg_nrrd("corrected/ct_1.seg.nrrd", coarse)
    found = accept("corrected")
    assert found["ct_0", "liver"].status is ACCEPTED
    assert found["ct_1", None].status is REFUSED
    assert "another grid" in found["ct_1", None].reason
    assert "never resampled" in found["ct_1", None].reason


def test_another_grid_in_every_way_is_an_error():
    grid = Grid((4, 4, 4), np.eye(4))
    mask = np.ones((4, 4, 4), bool)
    shifted, spaced = np.eye(4), np.diag([1.0, 1.0, 1.5, 1.0])
    shifted[0, 3] = 0.5
    outside = np.eye(4)
    outside[2, 3] = 2
    for affine in (shifted, spaced, outside):
        with pytest.raises(GeometryError, match="another grid"):
            on_grid(mask, Grid((4, 4, 4), affine), grid, Path("x"))
