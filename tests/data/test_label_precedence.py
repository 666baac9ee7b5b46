"""Truth, then corrected, then pseudo: what each source says, and what it may not change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.anatomy.hosts import may_overlap, sole_host
from omentum.data.datasets.recipe import Target
from omentum.data.harmonise.harmonise import harmonise_masks
from omentum.data.label_precedence import LabelLayer, LabelSource, merge_labels
from omentum.errors import GeometryError, UsageError
from omentum.segmentation import Segmentation

TRUTH, CORRECTED, PSEUDO = LabelSource
LINE = 12
SOME = ("liver", "spleen", "liver_tumour", "pancreas", "portal_splenic_vein", "gallbladder", "liver_cyst")
SOME = tuple(key for key in SOME if key in STRUCTURES)


def line(voxels: str) -> NDArray[np.bool_]:
    """A mask of one row of voxels: "#" inside."""
    return np.array([c == "#" for c in voxels.ljust(LINE, ".")]).reshape(LINE, 1, 1)


def layer(source: LabelSource, annotated: tuple[str, ...] | None = None, **masks: str) -> LabelLayer:
    return LabelLayer(source, Segmentation.from_masks({k: line(v) for k, v in masks.items()}, np.eye(4), annotated))


def read(merged: Segmentation, key: str) -> str:
    return "".join("#" if inside else "." for inside in merged.mask(key).ravel()).rstrip(".")


def test_the_best_source_decides_a_structure_as_a_whole():
    merged = merge_labels(
        [
            layer(PSEUDO, liver="####", spleen="......##", pancreas=".....#"),
            layer(TRUTH, liver="##"),
            layer(CORRECTED, liver="######", spleen="........##"),
        ]
    )
    assert {key: read(merged.labels, key) for key in ("liver", "spleen", "pancreas")} == {
        "liver": "##",
        "spleen": "........##",
        "pancreas": ".....#",
    }
    assert merged.sources == {"liver": TRUTH, "spleen": CORRECTED, "pancreas": PSEUDO}
    assert merged.labels.annotated == {"liver", "spleen", "pancreas"}


def test_an_empty_mask_of_a_better_source_means_absent():
    merged = merge_labels([layer(PSEUDO, gallbladder="##"), layer(CORRECTED, gallbladder="")])
    assert read(merged.labels, "gallbladder") == ""
    assert merged.sources == {"gallbladder": CORRECTED}


def test_a_mask_that_its_layer_does_not_annotate_does_not_count():
    unsure = layer(TRUTH, annotated=("spleen",), liver="####", spleen="......##")
    merged = merge_labels([unsure, layer(PSEUDO, liver="##")])
    assert read(merged.labels, "liver") == "##"
    assert merged.sources["liver"] is PSEUDO


def test_voxels_of_excluding_structures_go_to_the_better_source():
    # By painting priority alone the gallbladder would win.
    merged = merge_labels([layer(TRUTH, liver="####"), layer(PSEUDO, gallbladder="..####")])
    assert read(merged.labels, "liver") == "####"
    assert read(merged.labels, "gallbladder") == "....##"
    assert merged.removed_voxels == {"gallbladder": 2}


def test_a_pseudo_lesion_is_cut_to_a_true_host_and_a_true_lesion_widens_a_pseudo_host():
    cut = merge_labels([layer(TRUTH, liver="####"), layer(PSEUDO, liver_tumour="..####")])
    assert (read(cut.labels, "liver"), read(cut.labels, "liver_tumour")) == ("####", "..##")
    widened = merge_labels([layer(PSEUDO, liver="####"), layer(TRUTH, liver_tumour="..####")])
    assert (read(widened.labels, "liver"), read(widened.labels, "liver_tumour")) == ("######", "..####")


def test_a_pseudo_host_does_not_follow_a_pseudo_lesion_into_a_true_organ():
    merged = merge_labels([layer(TRUTH, spleen="....####"), layer(PSEUDO, liver="####", liver_tumour="...###")])
    assert read(merged.labels, "spleen") == "....####"
    assert read(merged.labels, "liver") == "####"
    assert read(merged.labels, "liver_tumour") == "...#"


def test_two_labels_of_one_source_are_not_guessed_between():
    with pytest.raises(UsageError, match="two corrected labels of liver"):
        merge_labels([layer(CORRECTED, liver="#"), layer(CORRECTED, liver="##")])
    with pytest.raises(UsageError, match="no labels"):
        merge_labels([])


def test_labels_on_another_grid_are_refused():
    shifted = np.eye(4)
    shifted[0, 3] = 5
    other = LabelLayer(PSEUDO, Segmentation.from_masks({"spleen": line("#")}, shifted))
    with pytest.raises(GeometryError, match="different grids"):
        merge_labels([layer(TRUTH, liver="#"), other])


rows = st.text("#.", min_size=LINE, max_size=LINE)
claims = st.dictionaries(st.sampled_from(SOME), rows, min_size=1)


@given(claims)
def test_one_source_alone_is_harmonised_as_a_dataset_is(masks: dict[str, str]):
    merged = merge_labels([layer(PSEUDO, **masks)])
    targets = [(Target(frozenset((key,))), line(row)) for key, row in masks.items()]
    known = harmonise_masks(targets, (LINE, 1, 1), np.eye(4), masks).truth
    assert {key: read(merged.labels, key) for key in masks} == {key: read(known, key) for key in masks}


@given(claims, claims, claims)
def test_what_a_better_source_says_stays(truth: dict[str, str], corrected: dict[str, str], pseudo: dict[str, str]):
    alone = merge_labels([layer(TRUTH, **truth)])
    layers = [layer(PSEUDO, **pseudo), layer(TRUTH, **truth), layer(CORRECTED, **corrected)]
    merged = merge_labels(layers)
    for key in truth:
        assert read(merged.labels, key) == read(alone.labels, key)
    pairs = [(a, b) for a in merged.sources for b in merged.sources if not may_overlap(a, b)]
    sources = merged.sources
    for a, b in pairs:
        if sources[a] is not sources[b]:
            assert not (merged.labels.mask(a) & merged.labels.mask(b)).any()
    for key, source in sources.items():
        host = sole_host(key)
        if host in sources and sources[host].outranks(source):
            assert not (merged.labels.mask(key) & ~merged.labels.mask(host)).any()
    again = merge_labels(layers[::-1])
    assert np.array_equal(again.labels.bits, merged.labels.bits)
