"""Models small enough to build, save and load in a moment."""

from __future__ import annotations

from dataclasses import replace

import torch

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import prompt
from omentum.model import UniversalModel, build
from omentum.model.growth.second_pass import with_second_pass
from omentum.spec import CheckpointSpec, ClassSpec, ModelSpec, PreprocessSpec, RegionSpec, Trust

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


def second_network(first: UniversalModel, key: str = "liver_tumour") -> UniversalModel:
    """The network of a second pass for one class of a model."""
    width = first.spec.model.text_width
    spec = replace(
        first.spec,
        model=ModelSpec("organ_unet", {"widths": [8, 8, 8], "decoded_channels": 8}, width, condition_width=8),
        preprocess=PreprocessSpec((2.5,) * 3, (-600.0, 600.0), (16, 16, 16), "RAS", True),
        classes=(ClassSpec(key, prompt(STRUCTURES[key]), 0.3, Trust.WEAK, 0.5),),
    )
    torch.manual_seed(3)
    return build(spec, torch.randn(1, width)).eval()


def with_small_second_pass(first: UniversalModel, key: str = "liver_tumour") -> UniversalModel:
    """The model with a second pass that looks for one of its classes in the liver."""
    return with_second_pass(first, second_network(first, key), [RegionSpec(("liver",), (key,), 9.0)])
