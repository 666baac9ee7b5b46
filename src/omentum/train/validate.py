"""Dice on held-out cases, by the same sliding windows as inference, on the model grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from omentum.data.cases import LabelledCase
from omentum.data.packed import unpack
from omentum.infer.sliding import WindowRun, sliding_slabs
from omentum.infer.windows import plan_windows
from omentum.model import UniversalModel


def validate(model: UniversalModel, cases: Sequence[LabelledCase], *, bf16: bool) -> dict[str, float]:
    """Mean Dice per structure over the cases where it is annotated and present.

    Args:
        model: In evaluation mode.
        cases: Held-out cases on the model grid.
        bf16: Run the network in bfloat16.

    Returns:
        Structure key -> mean Dice; structures that occur in no case are left out.
    """
    scores: dict[str, list[float]] = {}
    for case in cases:
        for key, dice in _case_dice(model, case, bf16).items():
            scores.setdefault(key, []).append(dice)
    return {key: float(np.mean(scores[key])) for key in model.spec.class_keys if key in scores}


@torch.inference_mode()
def _case_dice(model: UniversalModel, case: LabelledCase, bf16: bool) -> dict[str, float]:
    keys, preprocess = model.spec.class_keys, model.spec.preprocess
    low, high = preprocess.window_hu
    image = ((torch.from_numpy(case.hu.astype(np.float32)) - low) / (high - low)).clamp(0, 1)
    truth = torch.from_numpy(case.bits)
    run = WindowRun(device=model.text_embeddings.device, precision="bf16" if bf16 else "float32")
    counts = torch.zeros(3, len(keys), dtype=torch.int64)
    for slab in sliding_slabs(image, model, plan_windows(case.shape, preprocess.patch), run):
        predicted = slab.logits.cpu() > 0
        wanted = unpack(truth[:, :, slab.start : slab.start + predicted.shape[3]], len(keys))
        for row, mask in enumerate((predicted & wanted, predicted, wanted)):
            counts[row] += mask.flatten(1).sum(1)
    both, ours, theirs = counts.tolist()
    return {
        key: 2 * both[k] / (ours[k] + theirs[k]) for k, key in enumerate(keys) if case.annotated[k] and theirs[k] > 0
    }
