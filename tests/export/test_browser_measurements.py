"""Structures, lesions and flags of the static page against Python's, on bodies with something wrong about them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ellipsoids import Ellipsoid
from numpy.typing import NDArray
from organ_body import ct_of, grid_in, masks_on
from page_modules import run_module
from threshold_model import ThresholdModel

from omentum.anatomy import STRUCTURES
from omentum.export.document import describe
from omentum.export.graph import Agreement
from omentum.io.nifti import read_volume, write_volume
from omentum.measure import find_lesions, measure
from omentum.quality import assess_quality
from omentum.segmentation import Segmentation
from omentum.spec import PreprocessSpec
from omentum.volume import Grid, Volume

Masks = dict[str, NDArray[np.bool_]]
Body = tuple[Volume, Masks]
SPEC = PreprocessSpec((6.0, 6.0, 6.0), (-1024.0, 1024.0), (32, 32, 32))
KEYS = tuple(STRUCTURES.keys)
LESIONS = {
    "liver_tumour": (
        Ellipsoid((60, 10, 60), (14, 9, 11), (20, 30, 40)),
        Ellipsoid((100, 20, 70), (6, 8, 7)),
        Ellipsoid((-150, -60, -120), (7, 7, 7)),
    ),
    "kidney_cyst": (Ellipsoid((100, -52, -20), (9, 8, 8)), Ellipsoid((60, -50, -20), (7, 9, 12), (15, 0, 0))),
    "liver_cyst": (Ellipsoid((61, 10, 60), (15, 10, 12), (20, 30, 40)),),
    "pancreas_tumour": (Ellipsoid((-30, 5, 228), (11, 9, 9)),),
}
"""In an organ, beside one within reach, in none, at the border, and most of one within another."""
INPUT_WARNING = "a slice is odd"
NOT_IN_A_BROWSER = {"noise", "spacing", "low_confidence", "disagreement"}
DIAMETERS = ("longest_axial", "perpendicular", "longest_3d")
FLAGS = {"input", "scale", "cut", "thick_slices", "metal", "phase", "mirrored", "missing", "large", "small", "hu"}
FLAGS |= {"fragments", "overlap", "side", "order", "ratio", "no_host", "no_body"}


def with_lesions(grid: Grid) -> Body:
    masks = masks_on(grid)
    for key, all_of_it in LESIONS.items():
        masks[key] = np.logical_or.reduce([one.on(grid) for one in all_of_it])
    ct = ct_of(masks_on(grid), grid)
    noise = np.random.default_rng(0).normal(0, 12, grid.shape)
    return Volume((ct.voxels + noise).astype(np.int16), grid.affine), masks


def turned(grid: Grid, degrees: float) -> Grid:
    angle = np.radians(degrees)
    about_z = np.eye(4)
    about_z[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return Grid(grid.shape, about_z @ grid.affine)


def mirrored() -> Body:
    ct, masks = with_lesions(grid_in())
    affine = np.diag([-1, 1, 1, 1]) @ ct.affine
    return Volume(ct.voxels, affine), masks


def doubtful() -> Body:
    """Kidneys swapped, organs missing, in pieces, too small, too large and over each other, metal, another scale."""
    ct, masks = with_lesions(grid_in(spacing_mm=(5.0, 5.0, 7.0)))
    masks["right_kidney"], masks["left_kidney"] = masks["left_kidney"], masks["right_kidney"]
    del masks["spleen"], masks["gallbladder"], masks["duodenum"]
    masks["liver_tumour"] |= Ellipsoid((75, 10, 60), (70, 60, 50)).on(ct.grid)
    masks["aorta"][:, :, : ct.shape[2] // 2] &= np.arange(ct.shape[2] // 2) % 6 < 3
    masks["pancreas"] |= Ellipsoid((-50, 35, 60), (25, 25, 30)).on(ct.grid)
    masks["right_lung"] = Ellipsoid((80, 0, 160), (30, 40, 40)).on(ct.grid)
    masks["bladder"] = Ellipsoid((0, 20, -165), (6, 6, 8)).on(ct.grid)
    masks["stomach"] |= Ellipsoid((0, 0, 0), (120, 90, 200)).on(ct.grid)
    voxels = ct.voxels.copy()
    voxels[30:33, 20:23, 20:23] = 3000
    voxels[voxels < -900] -= 150
    return Volume(voxels, ct.affine), masks


def cut() -> Body:
    """A part of the trunk, HU no integers."""
    ct, masks = with_lesions(grid_in())
    part = (slice(12, 60), slice(8, 40), slice(30, 80))
    corner = ct.affine.copy()
    corner[:3, 3] = ct.grid.to_world([s.start for s in part])
    hu = ct.voxels[part].astype(np.float32) * np.float32(1.25) + np.float32(0.5)
    return Volume(hu, corner), {key: mask[part] for key, mask in masks.items()}


def nothing() -> Body:
    grid = grid_in(spacing_mm=(20.0, 20.0, 20.0))
    return Volume(np.full(grid.shape, -1000, np.int16), grid.affine), {}


CASES: Mapping[str, Callable[[], Body]] = {
    "plain": lambda: with_lesions(grid_in()),
    "anisotropic-lps": lambda: with_lesions(grid_in((0, 1, 2), (-1, -1, 1), (3.7, 6.0, 5.5))),
    "sagittal": lambda: with_lesions(grid_in((1, 2, 0), (-1, 1, -1), (5.0, 6.0, 4.7))),
    "oblique": lambda: with_lesions(turned(grid_in(spacing_mm=(5.5, 5.0, 6.0)), 24)),
    "mirrored": mirrored,
    "doubtful": doubtful,
    "cut": cut,
    "nothing": nothing,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A folder for each case, after the page's modules have added their measurements."""
    root = tmp_path_factory.mktemp("measurements")
    model = ThresholdModel(SPEC, dict.fromkeys(KEYS, (0, 1)))
    graph = {"file": "model.onnx", "bytes": 0, "sha256": ""}
    for name, make in CASES.items():
        (case := root / name).mkdir()
        ct, masks = make()
        write_volume(case / "ct.nii.gz", ct)
        (case / "model.json").write_text(json.dumps(describe(model, "bands", graph, Agreement("", 0.0, 0.0, 0.0))))
        packed = (masks[key].astype(np.uint32) << np.uint32(k) for k, key in enumerate(KEYS) if key in masks)
        bits = np.broadcast_to(np.asarray(sum(packed, start=0), np.uint32), ct.shape)
        (case / "masks.bin").write_bytes(bits.tobytes(order="F"))
    run_module("test/local/measure_cases.ts", tmp_path_factory.mktemp("program") / "cases.mjs", root)
    return root


@pytest.mark.filterwarnings("ignore::omentum.errors.CaseWarning")
@pytest.mark.parametrize("name", CASES)
def test_measurements_lesions_and_flags_are_those_of_python(name, root):
    ct = read_volume(root / name / "ct.nii.gz")
    bits = np.fromfile(root / name / "masks.bin", np.uint32).reshape(ct.shape, order="F")
    masks = {key: (bits >> k & 1).astype(bool) for k, key in enumerate(KEYS)}
    seg = Segmentation.from_masks(masks, ct.affine)
    page = json.loads((root / name / "measurements.json").read_text())
    measures, lesions = measure(ct, seg), find_lesions(ct, seg)
    for one in measures:
        assert_agree(page["structures"][one.key], one.to_json(), {"box"})
    assert len(page["lesions"]) == len(lesions)
    for ours, theirs in zip(page["lesions"], (lesion.to_json() for lesion in lesions), strict=True):
        assert_agree(ours, theirs, set(DIAMETERS))
        for line in DIAMETERS:
            assert ours[line]["mm"] == pytest.approx(theirs[line]["mm"], rel=1e-9)
    expected = assess_quality(ct, seg, measures, lesions, input_warnings=[INPUT_WARNING]).flags
    expected = [flag.to_json() for flag in expected if flag.code not in NOT_IN_A_BROWSER]
    assert len(page["quality"]["flags"]) == len(expected)
    for ours, theirs in zip(page["quality"]["flags"], expected, strict=True):
        assert [ours[part] for part in ("severity", "structure", "code")] == list(theirs.values())[:3]
        assert words(ours["text"]) == words(theirs["text"])
        for one, other in zip(numbers(ours["text"]), numbers(theirs["text"]), strict=True):
            assert abs(float(one) - float(other)) <= 1.01 * last_digit(other), (ours, theirs)


def test_the_cases_have_every_flag_that_the_page_can_raise(root):
    pages = [json.loads((root / name / "measurements.json").read_text()) for name in CASES]
    assert {flag["code"] for page in pages for flag in page["quality"]["flags"]} == FLAGS


def assert_agree(page: Mapping[str, Any], python: Mapping[str, Any], left_out: set[str]) -> None:
    """All values of a document of the page are Python's; numbers to nine digits."""
    for name in set(page) - left_out:
        value = list(python[name]) if isinstance(python[name], tuple) else python[name]
        is_number = isinstance(value, float) or (isinstance(value, list) and value and isinstance(value[0], float))
        assert page[name] == (pytest.approx(value, rel=1e-9, abs=1e-9) if is_number else value), name


def words(text: str) -> str:
    return re.sub(r"[\d.,]*\d", "#", text)


def numbers(text: str) -> list[str]:
    return [number.replace(",", "") for number in re.findall(r"[\d.,]*\d", text)]


def last_digit(number: str) -> float:
    """What the last digit of a number stands for: a half there may be rounded either way."""
    return 10.0 ** -len(number.partition(".")[2])
