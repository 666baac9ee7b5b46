"""Predictions and references of blocks on one small grid, and `omentum evaluate` on them."""

from __future__ import annotations

import json

import numpy as np

from omentum.cli import main
from omentum.io.nifti import write_labelmap, write_volume
from omentum.segmentation import Segmentation
from omentum.volume import Volume

SHAPE = (30, 16, 20)
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
CT = Volume(np.zeros(SHAPE, np.int16), AFFINE)
NOTHING = np.zeros(SHAPE, bool)


def block(x, side=8):
    mask = np.zeros(SHAPE, bool)
    mask[x : x + side, 4 : 4 + side, 6 : 6 + side] = True
    return mask


def seg(**masks):
    return Segmentation.from_masks(masks, AFFINE)


def number_map(path, values):
    """A label map without names; later values paint over earlier ones."""
    voxels = np.zeros(SHAPE, np.uint8)
    for value, mask in values.items():
        voxels[mask] = value
    write_volume(path, Volume(voxels, AFFINE))
    return path


def reference():
    return seg(liver=block(18), spleen=block(2), liver_tumour=block(20, 4))


def shifted():
    """Liver right (tumour included), spleen half a block too far, no tumour found."""
    return seg(liver=block(18), spleen=block(6), liver_tumour=NOTHING)


def write_result(folder, result):
    write_labelmap(folder / "segmentation.nii.gz", result)
    return folder


def run(*arguments):
    return main(["evaluate", *map(str, arguments)])


def scores_of(path):
    return json.loads(path.read_text())["cases"][0]["structures"]
