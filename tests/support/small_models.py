"""Models small enough to build, save and load in a moment."""

from __future__ import annotations

import torch

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import prompt
from omentum.model import UniversalModel, build
from omentum.spec import CheckpointSpec, ClassSpec, ModelSpec, PreprocessSpec

SMALL: dict[str, dict[str, object]] = {
    "unet": {"width": 4},
    "swin_unetr": {"feature_size": 12, "patch_merging": "corrected"},
    "unetpp": {"features": [4, 4, 8, 8, 16, 4]},
    "dints": {"width": 4},
    "residual_unet": {"widths": [8, 16, 16], "stem": 8, "blocks": 1},
    "segresnet": {"width": 8},
    "dynunet": {"filters": [4, 8, 8, 16]},
    "mednext": {},
}
"""Every backbone, as small as it gets."""

KEYS = ("liver", "spleen", "liver_tumour")


def small_spec(backbone: str = "unet", **parameters: object) -> CheckpointSpec:
    return CheckpointSpec(
        model=ModelSpec(backbone, parameters or SMALL[backbone], text_width=12, condition_width=8),
        preprocess=PreprocessSpec(spacing_mm=(3.0, 3.0, 3.0), patch=(32, 32, 32)),
        classes=tuple(ClassSpec(key, prompt(STRUCTURES[key])) for key in KEYS),
        text_encoder="none",
        training={"steps": 7},
        licence="Apache-2.0",
    )


def small_model(backbone: str = "unet", **parameters: object) -> UniversalModel:
    torch.manual_seed(0)
    return build(small_spec(backbone, **parameters), torch.randn(len(KEYS), 12)).eval()
