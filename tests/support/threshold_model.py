"""A "model" that needs no training: a class is a band of HU. What comes out of a pipeline is then known exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import prompt
from omentum.spec import CheckpointSpec, ClassSpec, ModelSpec, PreprocessSpec

BANDS_HU = {"liver": (90, 110), "left_kidney": (140, 160), "right_kidney": (190, 210), "liver_tumour": (50, 70)}
SPEC = PreprocessSpec(spacing_mm=(2.0, 2.0, 2.0), window_hu=(-175, 250), patch=(32, 32, 32))
"""Small enough for tests."""


class ThresholdModel(nn.Module):
    """Logit = how deep a voxel's HU lies inside the band of the class; saturates outside, as a network's does."""

    def __init__(self, preprocess: PreprocessSpec, bands_hu: Mapping[str, tuple[float, float]] = BANDS_HU) -> None:
        super().__init__()
        self.spec = CheckpointSpec(
            model=ModelSpec("thresholds"),
            preprocess=preprocess,
            classes=tuple(ClassSpec(key, prompt(STRUCTURES[key])) for key in bands_hu),
            text_encoder="none",
            licence="Apache-2.0",
        )
        self.register_buffer("bands_hu", torch.tensor(list(bands_hu.values()), dtype=torch.float32))

    def forward(self, x: Tensor, classes: Sequence[int] | None = None) -> Tensor:
        low, high = self.spec.preprocess.window_hu
        hu = x * (high - low) + low
        bands = self.bands_hu if classes is None else self.bands_hu[list(classes)]
        middle, half = (v.view(1, -1, 1, 1, 1) for v in (bands.mean(dim=1), (bands[:, 1] - bands[:, 0]) / 2))
        return (half - (hu - middle).abs()).maximum(-half)
