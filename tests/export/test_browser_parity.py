"""The modules of the static page against the Python pipeline, case by case: input of the network, masks, files.

The network is replaced by bands of HU, so that everything around it is compared; `make web-test` has the real one.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from organ_body import ORGANS, TRUNK, grid_in
from page_modules import run_module
from threshold_model import ThresholdModel

from omentum.export.document import describe
from omentum.export.graph import Agreement
from omentum.io.nifti import read_volume, write_volume
from omentum.io.segmentations import read_segmentation
from omentum.pipeline import Segmenter, SegmentOptions
from omentum.preprocess.prepare import prepare_upright
from omentum.spec import PreprocessSpec
from omentum.volume import Grid, Volume

SPEC = PreprocessSpec((6.0, 6.0, 6.0), (-1024.0, 1024.0), (32, 32, 32), antialias=True)
BANDS_HU = {
    "liver": (100, 126),
    "right_kidney": (150, 192),
    "left_kidney": (150, 192),
    "spleen": (110, 135),
    "stomach": (20, 45),
    "aorta": (135, 165),
    "right_lung": (-980, -700),
    "left_lung": (-980, -700),
    "bladder": (-6, 16),
    "hepatic_vessel": (118, 150),
    "liver_tumour": (80, 104),
    "kidney_cyst": (0, 30),
}
"""Wide and overlapping: masks overlap, sides are wrong, and noise makes specks and holes for the rules."""
RULES = {"components", "sides", "in trunk", "near host", "inside host", "holes"}


def body(grid: Grid, seed: int) -> Volume:
    """The organs in a trunk, an arm beside it, noise."""
    world = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
    hu = np.full(grid.shape, -1000.0)
    hu[TRUNK.on(grid)] = 50
    for ellipsoid, value in ORGANS.values():
        hu[ellipsoid.on(grid)] = value
    x, y, _ = np.moveaxis(world, -1, 0)
    hu[(np.abs(x + 182) < 7) & (np.abs(y) < 14)] = 112
    noise = np.random.default_rng(seed).normal(0, 14, grid.shape)
    return Volume((hu + noise).astype(np.int16), grid.affine)


def turned(grid: Grid, degrees: float) -> Grid:
    """The grid turned about the middle of the body."""
    angle = np.radians(degrees)
    about_z, about_x = np.eye(4), np.eye(4)
    about_z[:2, :2] = about_x[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return Grid(grid.shape, about_x @ about_z @ grid.affine)


def tiny() -> Volume:
    """A flank with a part of the spleen: smaller than a window."""
    whole = body(grid_in(spacing_mm=(4.0, 5.0, 4.0)), 3)
    corner = whole.affine.copy()
    corner[:3, 3] = whole.grid.to_world((0, 18, 66))
    return Volume(whole.voxels[:28, 18:28, 66:78], corner)


CASES = {
    "plain": lambda: body(grid_in(), 0),
    "anisotropic-lps": lambda: body(grid_in((0, 1, 2), (-1, -1, 1), (3.7, 6.0, 5.5)), 1),
    "sagittal": lambda: body(grid_in((1, 2, 0), (-1, 1, -1), (5.0, 6.0, 4.7)), 2),
    "oblique": lambda: body(turned(grid_in(spacing_mm=(5.5, 5.0, 6.0)), 24), 4),
    "tiny": tiny,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder for each case, after the page's modules have added their results."""
    root = tmp_path_factory.mktemp("parity")
    model = ThresholdModel(SPEC, BANDS_HU)
    graph = {"file": "model.onnx", "bytes": 0, "sha256": ""}
    for name, make in CASES.items():
        (case := root / name).mkdir()
        write_volume(case / "ct.nii.gz", make())
        (case / "model.json").write_text(json.dumps(describe(model, "bands", graph, Agreement("", 0.0, 0.0, 0.0))))
        (case / "bands.json").write_text(json.dumps(list(BANDS_HU.values())))
    program = tmp_path_factory.mktemp("program") / "cases.mjs"
    run_module("test/local/parity_cases.ts", program, root)
    return root


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter(ThresholdModel(SPEC, BANDS_HU), SegmentOptions(device="cpu", engine="torch"))


@pytest.mark.parametrize("name", CASES)
def test_input_masks_and_file_are_those_of_python(name, folder, segmenter):
    case = folder / name
    prepared = prepare_upright(read_volume(case / "ct.nii.gz"), SPEC).tensor.numpy().ravel()
    image = np.fromfile(case / "image.bin", np.float32)
    assert image.shape == prepared.shape
    assert np.abs(image - prepared).max() < 1e-5
    found = segmenter.segment(case / "ct.nii.gz")
    bits = np.fromfile(case / "bits.bin", np.uint32).reshape(found.shape, order="F")
    in_file = read_segmentation(case / "browser.seg.nrrd")
    assert in_file.grid.same_as(found.grid, 1e-3)
    assert found.bits.any()
    for k, key in enumerate(BANDS_HU):
        expected, browser = found.mask(key), (bits >> k & 1).astype(bool)
        assert np.count_nonzero(expected != browser) <= 1e-3 * max(np.count_nonzero(expected), 1), key
        assert np.array_equal(in_file.mask(key), browser), key
    if name == "plain":
        assert {change["rule"] for change in found.manifest["cleaned"]} == RULES
