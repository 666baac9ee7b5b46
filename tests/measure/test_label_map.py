"""What a label map shows of overlapping structures, against counting it."""

from __future__ import annotations

import numpy as np
import pytest

from omentum.anatomy import STRUCTURES
from omentum.data.datasets.numbering import numbering_of_mapping, numbering_of_recipe
from omentum.measure import measure
from omentum.measure.label_map import hidden_line, with_label_map
from omentum.segmentation import Segmentation, overlaps
from omentum.volume import Volume

AFFINE = np.diag([-2.0, 1.0, 3.0, 1.0])
KEYS = ("liver", "portal_splenic_vein", "pancreas", "liver_tumour", "hepatic_vessel", "right_kidney", "left_kidney")


@pytest.fixture(params=[KEYS, STRUCTURES.keys], ids=["few classes", "all classes"])
def seg(request):
    """Boxes that overlap in every way."""
    drawn = np.random.default_rng(1)
    masks = {key: np.zeros((20, 18, 16), bool) for key in request.param}
    for key in KEYS:
        start = drawn.integers(0, 8, 3)
        masks[key][tuple(slice(int(a), int(a) + 9) for a in start)] = True
    return Segmentation.from_masks(masks, AFFINE)


def label_map_voxels(seg, numbering=None):
    measures = measure(Volume(np.zeros(seg.shape, np.int16), seg.affine), seg)
    counted = with_label_map(measures, seg.grid, overlaps(seg), numbering)
    return {m.key: m.label_map_voxels for m in counted if m.found}


def test_the_template_s_counts_are_those_of_the_label_map(seg):
    labels = seg.labelmap()
    counted = {key: int((labels == STRUCTURES[key].index).sum()) for key in KEYS}
    assert label_map_voxels(seg) == counted
    assert any(counted[key] < seg.mask(key).sum() for key in KEYS)


@pytest.mark.parametrize("within_liver", [False, True])
def test_in_a_dataset_s_numbers_each_structure_counts_its_own_voxels(seg, within_liver):
    tumour = ["liver", "liver_tumour"] if within_liver else ["liver_tumour"]
    labels = {1: ["liver"], 2: tumour, 3: ["right_kidney", "left_kidney"], 9: ["hepatic_vessel"]}
    numbering = numbering_of_mapping("x", {v: keys for v, keys in labels.items() if v != 3}, {})
    voxels, shown = seg.numbered(numbering), label_map_voxels(seg, numbering)
    for value, key in ((1, "liver"), (2, "liver_tumour"), (9, "hepatic_vessel")):
        assert shown[key] == int((voxels == value).sum())
    assert shown["pancreas"] == shown["right_kidney"] == 0


def test_two_structures_of_one_number_are_told_apart():
    a, b = (np.zeros((6, 6, 6), bool) for _ in range(2))
    a[:3], b[4:] = True, True
    seg = Segmentation.from_masks({"right_kidney": a, "left_kidney": b}, AFFINE)
    from omentum.data.datasets.recipe_catalogue import bundled_recipes

    numbering = numbering_of_recipe(bundled_recipes()["abdomenct-1k"])
    assert label_map_voxels(seg, numbering) == {"right_kidney": int(a.sum()), "left_kidney": int(b.sum())}


def test_a_line_says_where_they_differ(seg):
    measures = measure(Volume(np.zeros(seg.shape, np.int16), AFFINE), seg)
    assert hidden_line(measures, "x.nii.gz") is None
    counted = with_label_map(measures, seg.grid, overlaps(seg))
    of = {m.key: m for m in counted}
    assert of["liver"].label_map_volume_ml == pytest.approx(of["liver"].label_map_voxels * 6 / 1000)
    line = hidden_line(counted, "x.nii.gz")
    assert line.startswith("One number a voxel: what overlaps is painted over in x.nii.gz")
    hidden = {m.display for m in counted if m.label_map_voxels < 0.99 * m.voxels}
    assert {m.display for m in counted if f"{m.display} " in line} >= hidden
    assert "Liver tumour" not in line  # it is painted over everything
    alone = [m for m in counted if m.voxels == m.label_map_voxels]
    assert hidden_line(alone, "x.nii.gz") is None
