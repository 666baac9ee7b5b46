"""One run of the package's own trainer with an arm's objects, and what the trained model is worth."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from arms import Arm
from study import Study

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.cases import LabelledCase
from omentum.data.sampling.sampler import PatchSampler
from omentum.evaluate.metrics.overlap import overlap
from omentum.infer.sliding import WindowRun, sliding_slabs
from omentum.infer.windows import plan_windows
from omentum.model import UniversalModel
from omentum.train import fresh_model, loop
from omentum.train.config.settings import TrainConfig
from omentum.train.run.log import LOG_EVERY

Curve = dict[str, list[float]]


@dataclass(frozen=True)
class Cost:
    """Processor seconds of one training step, its patch included; they count no other process."""

    cpu_s_a_step: float


def train(arm: Arm, seed: int, study: Study, run: Path, start: Path | None) -> tuple[Path, Curve, Cost]:
    """Train, or go on; the checkpoint, the head's loss and deep supervision's along the way, and what a step cost."""
    config = study.config(steps=arm.steps, seed=seed, init=str(start or ""))
    sampler = PatchSampler(
        arm.sources(seed),
        STRUCTURES.keys,
        config.patch,
        config.window_hu,
        config.augmentation,
        foreground_probability=config.foreground_probability,
        temperature=config.temperature,
        lesion_weight=config.lesion_weight,
        seed=seed,
        spacing_mm=config.spacing_mm,
    )
    curve: Curve = {"step": [], "dice_loss": [], "cross_entropy": [], "deep_supervision": []}

    def tell(kind: str, figures: dict[str, float]) -> None:
        if kind == "step":
            for name, values in curve.items():
                values.append(round(figures[name], 4))

    began = time.process_time()
    model = fresh(arm, seed, config)
    checkpoint = loop.run_training(config, sampler, (), run, tell, model=model, loss=arm.loss)
    done = curve["step"][-1] - (curve["step"][0] - LOG_EVERY) if curve["step"] else 1
    return checkpoint, curve, Cost((time.process_time() - began) / max(1, done))


def fresh(arm: Arm, seed: int, config: TrainConfig) -> UniversalModel:
    """An untrained model with the arm's embeddings, or its start's weights; as the package makes one."""
    torch.manual_seed(seed)
    table = arm.table(seed)
    with patch.object(fresh_model, "embed", lambda prompts, encoder: table):
        return fresh_model.new_model(config)


def scores(model: UniversalModel, cases: Sequence[LabelledCase]) -> tuple[dict[str, list[float | None]], float]:
    """Dice of every structure in every case (None where it is in neither mask), and processor seconds of predicting.

    By the package's own windows and counts: a structure seen where there is none has a Dice of 0.
    """
    dice: dict[str, list[float | None]] = {key: [] for key in STRUCTURES.keys}
    cpu_s = 0.0
    for case in cases:
        began = time.process_time()
        found = predicted(model, case)
        cpu_s += time.process_time() - began
        truth = [case.mask(k) for k in range(len(STRUCTURES))]
        for key, ours, theirs in zip(STRUCTURES.keys, found, truth, strict=True):
            value = overlap(ours, theirs).dice
            dice[key].append(None if value is None else round(value, 3))
    return dice, cpu_s


@torch.inference_mode()
def predicted(model: UniversalModel, case: LabelledCase) -> np.ndarray:
    """A case of the model grid, segmented: bool [K, x, y, z]."""
    preprocess = model.spec.preprocess
    low, high = preprocess.window_hu
    image = ((torch.from_numpy(case.hu.astype(np.float32)) - low) / (high - low)).clamp(0, 1)
    masks = np.zeros((len(STRUCTURES), *case.shape), bool)
    plan, run = plan_windows(case.shape, preprocess.patch), WindowRun(precision="bf16")
    for slab in sliding_slabs(image, model, plan, run):
        masks[..., slab.start : slab.start + slab.logits.shape[3]] = slab.logits.numpy() > 0
    return masks
