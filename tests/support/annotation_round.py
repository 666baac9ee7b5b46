"""Small rounds of annotation with a model that is known exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from banded_phantom import banded_ct, ras_grid, truth_mask
from threshold_model import BANDS_HU, SPEC, ThresholdModel

from omentum.io.nifti import write_volume
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.segmentation import Segmentation
from omentum.volume import Grid

LOADED = "omentum.pipeline.segmenter.load_model"
"""Replaced by `load_by_name`."""
NARROW = {**BANDS_HU, "liver": (101, 111)}
"""Bands of a second model that sees only the upper half of the liver, which is brighter."""


def load_by_name(weights, *_):
    """Stands for `load_model`: "narrow" is the second model, "kidneys" knows only these; other names are the first."""
    if "kidneys" in str(weights):
        return ThresholdModel(SPEC, {key: band for key, band in BANDS_HU.items() if "kidney" in key})
    return ThresholdModel(SPEC, NARROW if "narrow" in str(weights) else BANDS_HU)


def put_cts(folder: Path, number: int = 2, grid: Grid | None = None) -> Path:
    """CTs of one body, each with another noise; the upper half of the liver is brighter."""
    ct = banded_ct(grid or ras_grid((4.0, 4.0, 4.0)))
    heights = ct.grid.to_world(np.moveaxis(np.indices(ct.shape), 0, -1))[..., 2]
    hu = ct.voxels + np.where(truth_mask("liver", ct.grid) & (heights > 10), 5, -1)
    for n in range(number):
        noise = np.random.default_rng(n).normal(0, 1, ct.shape)
        write_volume(folder / f"ct_{n}.nii.gz", type(ct)(np.rint(hu + noise).astype(np.int16), ct.affine))
    return folder


def masks_of(path: Path) -> dict[str, np.ndarray]:
    seg = read_seg_nrrd(path)
    return {key: seg.mask(key) for key in seg.classes}


def grown(mask: np.ndarray) -> np.ndarray:
    """The mask and the next voxel along the first axis."""
    wider = mask.copy()
    wider[1:] |= mask[:-1]
    return wider


def put_corrected(source: Path, target: Path, **changes: np.ndarray) -> Path:
    """A proposal saved elsewhere with other masks."""
    seg = read_seg_nrrd(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_seg_nrrd(target, Segmentation.from_masks(masks_of(source) | changes, seg.affine))
    return target
