from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omentum.errors import GeometryError
from omentum.evaluate import aligned, with_unions
from omentum.segmentation import Segmentation
from omentum.volume import Grid

TURNS = [(order, flips) for order in itertools.permutations(range(3)) for flips in itertools.product((1, -1), repeat=3)]
SHAPE = (3, 4, 5)


def oblique_affine(degrees=20.0):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    affine = np.eye(4)
    affine[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) * [0.8, 0.8, 2.5]
    affine[:3, 3] = [-100, 37, 512]
    return affine


def segmentation():
    rng = np.random.default_rng(1)
    masks = {key: rng.random(SHAPE) < 0.4 for key in ("liver", "colon", "rectum")}
    return Segmentation.from_masks(masks, oblique_affine())


def stored_otherwise(seg, order, flips):
    """The same voxels in another storage order, by explicit index arithmetic."""
    bits = seg.bits.transpose(0, *(1 + a for a in order))[:, *(slice(None, None, f) for f in flips)]
    affine = np.eye(4)
    first = np.zeros(3)
    for new, (old, flip) in enumerate(zip(order, flips, strict=True)):
        affine[:3, new] = flip * seg.affine[:3, old]
        first[old] = 0 if flip > 0 else seg.shape[old] - 1
    affine[:3, 3] = seg.grid.to_world(first)
    return Segmentation(bits, affine, seg.classes)


@given(st.sampled_from(TURNS))
def test_any_storage_order_comes_back_voxel_by_voxel(turn):
    seg = segmentation()
    back = aligned(stored_otherwise(seg, *turn), seg.grid)
    np.testing.assert_array_equal(back.bits, seg.bits)
    assert back.grid.same_as(seg.grid)


@pytest.mark.parametrize(
    "grid",
    [
        Grid((3, 4, 6), oblique_affine()),
        Grid(SHAPE, oblique_affine(30.0)),
        Grid(SHAPE, oblique_affine() @ np.diag([2, 1, 1, 1])),
        Grid(SHAPE, oblique_affine() + np.array([[0, 0, 0, 0.4]] + [[0] * 4] * 3)),
    ],
    ids=["shape", "rotated", "spacing", "shifted by half a voxel"],
)
def test_what_would_need_resampling_is_refused(grid):
    with pytest.raises(GeometryError, match=r"different grids.*against.*never resamples"):
        aligned(segmentation(), grid)


def test_a_union_counts_the_part_as_the_whole_and_leaves_the_part_alone():
    seg = segmentation()
    merged = with_unions(seg, {"colon": ["rectum", "spleen"], "bladder": ["liver"]})
    np.testing.assert_array_equal(merged.mask("colon"), seg.mask("colon") | seg.mask("rectum"))
    np.testing.assert_array_equal(merged.mask("rectum"), seg.mask("rectum"))
    assert merged.classes == seg.classes
