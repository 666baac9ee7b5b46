"""Heads trained on the features of the bundled model's frozen backbone: seconds a run instead of hours.

Features of phantoms are computed once: of each window the pooled deep features and a lattice of voxels of the decoded
ones, after their normalisation. A fresh text-driven head with any table of embeddings is trained on them by the
package's optimisers, loss and schedule.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from omentum.anatomy import STRUCTURES
from omentum.model import TextDrivenHead, UniversalModel, load_model
from omentum.model.generated_layers import forward_full
from omentum.phantom import make_case
from omentum.preprocess.prepare import on_model_grid
from omentum.train.config.case_collections import DataConfig
from omentum.train.config.settings import TrainConfig
from omentum.train.losses.loss import partial_label_loss
from omentum.train.optimise.optimisers import build_optimisers, set_rates
from omentum.train.optimise.schedule import rate_share

KEYS = STRUCTURES.default_keys
WINDOW = 96
STRIDE = 2
VOXELS_A_STEP = 2048
CONDITION_WIDTH = 128
"""Half of the package's own; most of the time of a step is the optimiser's."""
CONFIG = TrainConfig(data=(DataConfig(store="none"),), steps=300, warmup_steps=25, plateau_fraction=0.4)


@dataclass(frozen=True)
class Features:
    """Of one window.

    Args:
        pooled: [C_deep, 1, 1, 1].
        decoded: [C, V].
        targets: bool [K, V].
    """

    pooled: Tensor
    decoded: Tensor
    targets: Tensor


def features_of(folder: Path, name: str, number: int, seed: int) -> list[Features]:
    """Features of phantoms; what is in the folder is used again."""
    folder.mkdir(parents=True, exist_ok=True)
    model = load_model()
    found = []
    for k in range(number):
        path = folder / f"{name}_{k}.pt"
        if not path.is_file():
            torch.save(_compute(model, (seed, k)), path)
            print(path.name, file=sys.stderr, flush=True)
        found += [Features(*tensors) for tensors in torch.load(path, weights_only=True)]
    return found


@torch.inference_mode()
def _compute(model: UniversalModel, seed: tuple[int, int]) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Of two windows of a phantom, at the upper and the lower end of its body."""
    case = make_case(seed, (3.0, 3.0, 3.0))
    ct = on_model_grid(case.ct, model.spec.preprocess)
    assert ct.shape == case.truth.grid.shape
    assert np.allclose(ct.affine, case.truth.affine)
    low, high = model.spec.preprocess.window_hu
    image = ((torch.from_numpy(ct.voxels.astype(np.float32)) - low) / (high - low)).clamp(0, 1)
    masks = torch.from_numpy(np.stack([case.truth.mask(key) for key in KEYS]))
    short = [max(0, WINDOW - size) for size in image.shape]
    pads = [n for gap in reversed(short) for n in (0, gap)]
    image, masks = (nn.functional.pad(tensor, pads) for tensor in (image, masks))
    x, y = ((size - WINDOW) // 2 for size in image.shape[:2])
    found = []
    for z in (0, image.shape[2] - WINDOW):
        place = (slice(x, x + WINDOW), slice(y, y + WINDOW), slice(z, z + WINDOW))
        deep, decoded = model.backbone(image[place][None, None])
        lattice = (slice(None), *(slice(z % STRIDE, None, STRIDE),) * 3)
        found.append(
            (
                model.head.image_feature[:3](deep)[0],
                model.head.voxel_features[:2](decoded)[0][lattice].flatten(1).half(),
                masks[(slice(None), *place)][lattice].flatten(1),
            )
        )
    return found


def train_head(
    windows: Sequence[Features], table: Tensor, seed: int, *, spread: bool, classes: Sequence[int] | None = None
) -> tuple[TextDrivenHead, list[float]]:
    """A head trained on features, and the loss of every step.

    Args:
        windows: What to learn from.
        table: Embeddings [K, width].
        seed: Of weights and voxels.
        spread: As `spread_text`.
        classes: Rows that are learned; all by default.
    """
    rows = list(range(len(table))) if classes is None else list(classes)
    text, config = table[rows].float(), CONFIG
    torch.manual_seed(seed)
    head = TextDrivenHead(len(windows[0].pooled), len(windows[0].decoded), table.shape[1], CONDITION_WIDTH)
    nn.init.constant_(head.controller.bias[-1:], config.first_logit)
    if spread:
        with torch.no_grad():
            words = head.text_feature(text)
            scale = words.std(0, correction=0).clamp_min(1e-6)
            head.text_feature.weight.div_(scale[:, None])
            head.text_feature.bias.copy_((head.text_feature.bias - words.mean(0)) / scale)
    optimisers = build_optimisers(head, nn.Module(), config)
    choice, losses = np.random.default_rng(seed), []
    for step in range(config.steps):
        window = windows[choice.integers(len(windows))]
        voxels = torch.from_numpy(choice.integers(0, window.decoded.shape[1], VOXELS_A_STEP))
        set_rates(optimisers.values(), rate_share(config, step))
        logits = logits_of(head, window, text, voxels)
        targets = window.targets[:, voxels][rows]
        loss = partial_label_loss(logits, targets[None], torch.ones(1, len(rows), dtype=torch.bool))[0]
        for optimiser in optimisers.values():
            optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(head.parameters(), config.clip_norm)
        for optimiser in optimisers.values():
            optimiser.step()
        losses.append(float(loss.detach()))
    return head, losses


def logits_of(head: TextDrivenHead, window: Features, text: Tensor, voxels: Tensor | slice = slice(None)) -> Tensor:
    """[1, K, V]."""
    image = head.image_feature[3](window.pooled[None].float()).flatten(1)
    decoded = window.decoded[:, voxels].float()[None, :, :, None, None]
    layers = head._generated(image, text).split(head.split_sizes, dim=2)
    return forward_full(head.voxel_features[2](decoded).flatten(2), layers)


@torch.inference_mode()
def dice_of(head: TextDrivenHead, windows: Sequence[Features], table: Tensor) -> tuple[dict[str, float], np.ndarray]:
    """Dice of each structure over the voxels of all windows, and how many voxels each pair of masks shares [K, K]."""
    both, found, truth = (torch.zeros(len(table)) for _ in range(3))
    shared = torch.zeros(len(table), len(table))
    for window in windows:
        masks = logits_of(head, window, table.float())[0] > 0
        both += (masks & window.targets).sum(1)
        found += masks.sum(1)
        truth += window.targets.sum(1)
        shared += masks.float() @ masks.float().T
    dice = 2 * both / (found + truth).clamp_min(1)
    return {key: float(dice[k]) for k, key in enumerate(KEYS) if truth[k]}, shared.numpy()
