"""Windows of phantoms around the liver with the frozen features of the bundled backbone, kept for experiments."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from omentum.model import UniversalModel, load_model
from omentum.phantom import CaseOptions, LesionOptions, PhantomCase, make_case
from omentum.preprocess.prepare import on_model_grid

WINDOW = 96
SPACING_MM = (3.0, 3.0, 3.0)
HOSTS = ("liver", "right_kidney", "left_kidney", "pancreas", "colon", "right_lung", "left_lung")
TARGETS = (
    *("liver_tumour", "kidney_tumour", "kidney_cyst", "pancreas_tumour", "colon_tumour", "lung_tumour"),
    *("hepatic_vessel", "coeliac_trunk"),
)
KEYS = (*HOSTS, *TARGETS)
ODDS = {
    "liver_tumour": 0.7,
    "kidney_tumour": 0.4,
    "kidney_cyst": 0.4,
    "pancreas_tumour": 0.4,
    "lung_tumour": 0.3,
    "colon_tumour": 0.4,
}
"""Of cases to learn from; those to measure on are as `make_case` draws them."""
LEVELS = ("stem", "down.0", "down.1", "up.0", "up.1", "last", "expand")
"""Modules of the backbone whose results are kept, in the order they are computed."""


@dataclass(frozen=True)
class Window:
    """Of one phantom.

    Args:
        image: float32 [96, 96, 96], as the network sees it.
        masks: bool [K, 96, 96, 96], rows as in `KEYS`.
        features: Of each of `LEVELS`, float16 [C, x, y, z] at the resolution of that level.
    """

    image: Tensor
    masks: Tensor
    features: dict[str, Tensor]

    def mask(self, key: str) -> Tensor:
        """bool [96, 96, 96]."""
        return self.masks[KEYS.index(key)]


def windows(folder: Path, seed: int, number: int, *, contrast_hu: float = 0.0, taught: bool = False) -> list[Window]:
    """Windows of phantoms; what is in the folder is used again.

    Args:
        folder: Where they are kept.
        seed: Of the phantoms.
        number: Of phantoms.
        contrast_hu: Least difference between a lesion and its host.
        taught: Lesions as often as cases to learn from have them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model, found = load_model(), []
    for k in range(number):
        path = folder / f"{seed}_{k:03d}.pt"
        if not path.is_file():
            lesions = LesionOptions(odds=ODDS) if taught else LesionOptions()
            case = make_case(
                (seed, k), SPACING_MM, options=CaseOptions(lesions=lesions, lesion_contrast_hu=contrast_hu)
            )
            torch.save(_compute(model, case), path)
            print(path.name, file=sys.stderr, flush=True)
        found.append(Window(*torch.load(path, weights_only=True)))
    return found


@torch.inference_mode()
def _compute(model: UniversalModel, case: PhantomCase) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    ct = on_model_grid(case.ct, model.spec.preprocess)
    low, high = model.spec.preprocess.window_hu
    image = ((torch.from_numpy(ct.voxels.astype(np.float32)) - low) / (high - low)).clamp(0, 1)
    masks = torch.from_numpy(np.stack([case.truth.mask(key) for key in KEYS]))
    short = [max(0, WINDOW - size) for size in image.shape]
    pads = [n for gap in reversed(short) for n in (0, gap)]
    image, masks = (nn.functional.pad(tensor, pads) for tensor in (image, masks))
    inside = np.argwhere(masks[0].numpy())
    middle = (inside.min(0) + inside.max(0)) // 2 if len(inside) else np.array(image.shape) // 2
    start = [int(np.clip(m - WINDOW // 2, 0, size - WINDOW)) for m, size in zip(middle, image.shape, strict=True)]
    place = tuple(slice(s, s + WINDOW) for s in start)
    window = image[place].contiguous()
    return window, masks[(slice(None), *place)].contiguous(), features_of(model, window)


def features_of(model: UniversalModel, window: Tensor) -> dict[str, Tensor]:
    """Results of `LEVELS` for one window; "expand" is drawn at full resolution, the 8 decoded channels."""
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        return lambda module, given, result: found.__setitem__(name, result[0].half())

    hooks = [model.backbone.get_submodule(name).register_forward_hook(keep(name)) for name in LEVELS]
    try:
        decoded = model.backbone(window[None, None])[1]
    finally:
        for hook in hooks:
            hook.remove()
    return {**found, "expand": decoded[0].half()}
