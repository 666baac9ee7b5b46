"""Thin slabs of cases: the same voxels at the same place, fewer of them."""

import importlib.util
from pathlib import Path

import numpy as np
from toy_cases import toy_volume

FILE = Path(__file__).parents[2] / "recipes/default/slabs.py"
SPEC = importlib.util.spec_from_file_location("slabs", FILE)
slabs = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(slabs)


def test_a_slab_is_a_part_of_the_ct_at_its_place():
    ct, truth = toy_volume()
    starts = set()
    for seed in range(8):
        part, masks, facts = slabs.slab(ct, truth, np.random.default_rng(seed))
        first, voxels = facts["slab"]
        assert slabs.THICKNESS_MM[0] - 3 <= voxels * 3 <= slabs.THICKNESS_MM[1]
        assert np.array_equal(part.voxels, ct.voxels[..., first : first + voxels])
        assert np.array_equal(masks.bits, truth.bits[..., first : first + voxels])
        assert np.allclose(part.grid.to_world([0, 0, 0]), ct.grid.to_world([0, 0, first]))
        assert (masks.classes, masks.annotated) == (truth.classes, truth.annotated)
        starts.add(first)
    assert len(starts) > 2
