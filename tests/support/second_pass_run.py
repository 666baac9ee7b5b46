"""A run that trains a tiny second pass on toy cases, whose organs are told by their HU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from small_models import small_model
from toy_cases import toy_volume

from omentum.io.truth import write_case
from omentum.model import save_checkpoint
from omentum.segmentation import Segmentation
from omentum.train.config.case_collections import DataConfig
from omentum.train.second_pass.settings import RegionConfig, SecondPassConfig

REGION = RegionConfig(("liver",), ("liver tumour",), margin_mm=6.0)


def put_cases(folder: Path, number: int = 2) -> Path:
    """Case folders: a liver with a tumour, and kidneys."""
    for seed in range(number):
        ct, truth = toy_volume(seed)
        write_case(folder / f"toy_{seed}", ct, truth, {"body": "procedural"})
    return folder


def put_first_pass(file: Path) -> Path:
    """Weights that know liver, spleen and liver tumours; what they find is `SegmenterByHu`'s."""
    save_checkpoint(file, small_model("residual_unet"))
    return file


def config_in(place: Path, **changes) -> SecondPassConfig:
    """A run of a few steps on the CPU."""
    usual = {
        "init": str(place / "first.safetensors"),
        "data": (DataConfig(str(place / "cases")),),
        "regions": (REGION,),
        "parameters": {"widths": [8, 8, 8], "decoded_channels": 8},
        "condition_width": 8,
        "spacing_mm": (6.0, 6.0, 6.0),
        "patch": (16, 16, 16),
        "crop": (16, 16, 16),
        "steps": 6,
        "warmup_steps": 1,
        "save_every": 3,
        "bf16": False,
    }
    return SecondPassConfig(**usual | changes)


class SegmenterByHu:
    """Stands for the `Segmenter` of the first pass.

    Args:
        model, options: As there; the organs are always the liver.
    """

    calls = 0

    def __init__(self, model, options):
        assert options.postprocess == "none"
        assert model.spec.second_pass is None
        self.classes = options.classes

    def segment(self, ct):
        type(self).calls += 1
        liver = (ct.voxels > 30) & (ct.voxels < 130)
        return Segmentation.from_masks({"liver": np.asarray(liver)}, ct.affine)
