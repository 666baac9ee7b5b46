from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omentum.report.planes import best_planes, classes_in, hung, hung_spacing_mm, shown_ranges
from omentum.segmentation import Segmentation
from omentum.volume import Grid, Volume

# i, j, k of the plain grid run to the right, anterior and superior.
SHAPE = (10, 14, 12)
SPACING = (1.0, 2.0, 5.0)
TURNS = [(order, flips) for order in itertools.permutations(range(3)) for flips in itertools.product((1, -1), repeat=3)]


def stored(voxels, order, flips, tilt_degrees=15.0):
    """RAS voxels in any storage order on a slightly oblique grid: (voxels, affine)."""
    c, s = np.cos(np.radians(tilt_degrees)), np.sin(np.radians(tilt_degrees))
    tilt = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    affine = np.eye(4)
    for new, (old, flip) in enumerate(zip(order, flips, strict=True)):
        affine[:3, new] = flip * SPACING[old] * tilt[:, old]
    return voxels.transpose(order)[tuple(slice(None, None, f) for f in flips)], affine


@given(st.sampled_from(TURNS))
def test_pictures_are_hung_alike_for_every_storage_order(turn):
    plain = np.arange(np.prod(SHAPE)).reshape(SHAPE)
    voxels, affine = stored(plain, *turn)
    grid = Grid(voxels.shape, affine)
    np.testing.assert_array_equal(hung(voxels, grid), plain[::-1, ::-1, ::-1].transpose(2, 1, 0))
    assert hung_spacing_mm(grid) == pytest.approx(SPACING[::-1])


def test_patient_right_is_image_left_and_anterior_and_superior_are_up():
    mask = np.zeros(SHAPE, bool)
    mask[9, 13, 11] = True  # the most right, anterior and superior voxel
    seg = Segmentation.from_masks({"liver": mask}, np.diag([*SPACING, 1]))
    everything = [(0, n) for n in SHAPE[::-1]]
    for plane, letters in zip(best_planes(seg), ("RLAP", "RLSI", "APSI"), strict=True):
        picture = classes_in(plane, seg, everything).mask("liver")[..., 0]
        assert picture[0, 0]
        assert plane.letters == letters


def test_planes_cut_where_most_is_to_be_seen():
    masks = {key: np.zeros(SHAPE, bool) for key in ("liver", "spleen", "stomach")}
    masks["liver"][2:5, 3:6, 7] = True
    masks["spleen"][2:5, 3:6, 7] = True
    masks["stomach"][8, 12, 1] = True
    axial, coronal, sagittal = best_planes(Segmentation.from_masks(masks, np.diag([*SPACING, 1])))
    assert (axial.index, coronal.index, sagittal.index) == (11 - 7, 13 - 4, 9 - 3)


def test_a_lesion_draws_the_plane():
    masks = {key: np.zeros(SHAPE, bool) for key in ("liver", "spleen", "liver_tumour")}
    masks["liver"][:, :, 8] = True
    masks["spleen"][:, :, 8] = True
    masks["liver_tumour"][5, 5, 3] = True
    assert best_planes(Segmentation.from_masks(masks, np.eye(4)))[0].index == 11 - 3


def test_air_around_the_body_is_not_shown_but_structures_always_are():
    hu = np.full((60, 60, 60), -1000.0)
    mask = np.zeros(hu.shape, bool)
    hu[20:40, 20:40, 20:40] = 0
    mask[50, 30, 30] = True
    seg = Segmentation.from_masks({"right_lung": mask, "liver": hu > -500}, np.eye(4))
    planes = tuple(dataclasses.replace(plane, index=29) for plane in best_planes(seg))
    z, y, x = shown_ranges(Volume(hu, np.eye(4)), seg, planes)
    assert (z, y) == ((12, 48), (12, 48))
    assert x == (59 - 50 - 8, 48)


def test_an_empty_segmentation_shows_the_middle():
    seg = Segmentation.from_masks({"liver": np.zeros(SHAPE, bool)}, np.eye(4))
    assert [p.index for p in best_planes(seg)] == [6, 7, 5]
    ranges = shown_ranges(Volume(np.full(SHAPE, -1000), np.eye(4)), seg, best_planes(seg))
    assert ranges == [(0, 12), (0, 14), (0, 10)]
