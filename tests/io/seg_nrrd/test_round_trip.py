"""All masks in one file: written and read back the bits are the same, wherever the grid lies."""

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from overlapping_masks import AFFINE, GRIDS, same, scan
from own_structures import included

from omentum.anatomy import STRUCTURES
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.segmentation import Segmentation, overlaps


@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.0, 0.1, 0.5, 0.9]), number=st.sampled_from([1, 6, 32]))
def test_any_masks_come_back(seed, share, number, tmp_path_factory):
    random = np.random.default_rng(seed)
    keys = random.permutation(STRUCTURES.keys)[:number].tolist()
    seg = Segmentation.from_masks({key: random.random((4, 5, 70)) < share for key in keys}, AFFINE)
    path = tmp_path_factory.mktemp("case") / "s.seg.nrrd"
    write_seg_nrrd(path, seg)
    same(read_seg_nrrd(path), seg)


@pytest.mark.parametrize("name", GRIDS)
def test_what_overlaps_comes_back_on_any_grid(name, tmp_path):
    seg = scan(GRIDS[name])
    together = [set(keys) for keys in overlaps(seg)]
    for pair in (
        {"pancreas", "portal_splenic_vein"},
        {"left_kidney", "kidney_cyst"},
        {"liver", "hepatic_vessel", "hepatic_vessel_tumour"},
    ):
        assert pair in together
    write_seg_nrrd(tmp_path / "s.seg.nrrd", seg)
    same(read_seg_nrrd(tmp_path / "s.seg.nrrd"), seg)


def test_what_was_looked_for_is_known_and_what_was_not_is_not(tmp_path):
    masks = {key: np.zeros((4, 4, 4), bool) for key in ("liver", "spleen", "stomach", "colon")}
    masks["liver"][1], masks["colon"][2] = True, True
    seg = Segmentation.from_masks(masks, AFFINE, annotated=["liver", "spleen"])
    write_seg_nrrd(tmp_path / "s.seg.nrrd", seg)
    back = read_seg_nrrd(tmp_path / "s.seg.nrrd")
    assert back.classes == ("liver", "spleen", "colon")  # nobody looked for the stomach, and nothing of it is there
    assert back.annotated == {"liver", "spleen"}
    assert back.mask("colon").sum() == 16


def test_nothing_at_all_is_said_too(tmp_path):
    seg = Segmentation.from_masks({"liver": np.zeros((4, 4, 4), bool)}, AFFINE)
    write_seg_nrrd(tmp_path / "s.seg.nrrd", seg)
    same(read_seg_nrrd(tmp_path / "s.seg.nrrd"), seg)


def test_the_same_masks_are_the_same_bytes_and_few(tmp_path):
    seg = scan(GRIDS["isotropic"])
    for name in ("a", "b"):
        write_seg_nrrd(tmp_path / f"{name}.seg.nrrd", seg)
    content = (tmp_path / "a.seg.nrrd").read_bytes()
    assert content == (tmp_path / "b.seg.nrrd").read_bytes()
    head, _, body = content.partition(b"\n\n")
    assert len(gzip.decompress(body)) == 3 * np.prod(seg.shape)
    assert len(body) < np.prod(seg.shape) / 10
    assert all(len(line) < 400 for line in head.splitlines())


OWN = """
[nodule_x]
kind = "tumour"
hosts = ["liver"]
index = 400
display = 'A "\\new" one'
"""


def test_structures_of_ones_own_bring_along_what_they_are(tmp_path):
    masks = {key: np.zeros((4, 5, 6), bool) for key in ("liver", "nodule_x")}
    masks["liver"][1:], masks["nodule_x"][2] = True, True
    included(tmp_path, OWN)
    display = STRUCTURES["nodule_x"].display
    assert "\\n" in display
    seg = Segmentation.from_masks(masks, AFFINE)
    write_seg_nrrd(tmp_path / "s.seg.nrrd", seg)
    STRUCTURES.reset()
    same(read_seg_nrrd(tmp_path / "s.seg.nrrd"), seg)
    assert (STRUCTURES["nodule_x"].display, STRUCTURES["nodule_x"].index) == (display, 400)
