"""The static page in Chromium with the bundled model, against Python; where `make web-static` has built the page."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from omentum.cli import main
from omentum.io.detect import load_volume
from omentum.io.nifti import read_volume, write_volume
from omentum.io.segmentations import read_segmentation
from omentum.model import load_model
from omentum.model.growth.second_pass import without_second_pass
from omentum.pipeline import Segmenter, SegmentOptions
from omentum.volume import Volume

WEB = Path(__file__).parents[2] / "web"
CHROMIUM = shutil.which(os.environ.get("CHROMIUM", "chromium"))
"""As `make` finds it."""
EQUAL = 0.999
"""Least share of a structure's voxels, by either, that are the same."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (WEB / "dist-static" / "model.onnx").is_file(), reason="needs make web-static"),
    pytest.mark.skipif(CHROMIUM is None or shutil.which("node") is None, reason="needs Chromium and Node.js"),
]


@pytest.fixture(scope="module")
def ct(tmp_path_factory) -> Path:
    """The middle of a phantom, as large as one window."""
    folder = tmp_path_factory.mktemp("phantom")
    assert main(["phantom", "-n", "1", "--seed", "7", "--spacing", "5", "-o", str(folder)]) == 0
    whole = read_volume(folder / "case_0000" / "ct.nii.gz")
    middle = tuple(slice((n - 54) // 2, (n - 54) // 2 + 54) for n in whole.shape)
    corner = whole.affine.copy()
    corner[:3, 3] = whole.grid.to_world([s.start for s in middle])
    write_volume(folder / "ct.nii.gz", Volume(whole.voxels[middle], corner))
    return folder / "ct.nii.gz"


@pytest.mark.parametrize("form", ["nifti", "dicom"])
def test_the_page_finds_what_python_finds_and_sends_nothing(form, ct, tmp_path):
    saved, folder = tmp_path / "browser.seg.nrrd", tmp_path / "series"
    command = ["node", "e2e/static.mjs", str(ct), str(saved), *(["--dicom", str(folder)] if form == "dicom" else [])]
    environment = {**os.environ, "CHROMIUM": CHROMIUM}
    told = subprocess.run(command, cwd=WEB, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert told.returncode == 0, told.stdout + told.stderr
    assert json.loads(told.stdout)["downloaded_mb"] < 40
    given = load_volume(folder, series="1") if form == "dicom" else ct
    first = without_second_pass(load_model())  # the page has no second pass
    expected = Segmenter(first, SegmentOptions(device="cpu", engine="torch")).segment(given)
    found = read_segmentation(saved)
    assert found.grid.same_as(expected.grid, 1e-3)
    for key in expected.classes:
        ours, theirs = expected.mask(key), found.mask(key)
        assert np.count_nonzero(ours != theirs) <= (1 - EQUAL) * np.count_nonzero(ours | theirs) + 1, key
    assert expected.mask("liver").any()
