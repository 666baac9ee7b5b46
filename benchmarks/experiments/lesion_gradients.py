"""How much of today's loss a lesion is: its pull on a head that answers with the frequency of its voxels.

    python benchmarks/experiments/lesion_gradients.py -o benchmarks/experiments/results/lesion_gradients.json

A head that sees nothing yet answers everywhere with the logit at which cross-entropy does not change. There, the sum of
the gradient's sizes over the voxels of a structure is what can teach it, the trunk and the features to tell them apart.
No image and no network: a patch is numbers of voxels.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import torch

from omentum.atomic import replacing
from omentum.train.losses.loss import partial_label_loss

VOXELS = 96**3 // 4
"""Of a patch of 96 voxels, a quarter is asked."""
ORGANS = 20
"""Structures present in a patch around the liver; each has a Dice of its own in the mean."""
LIVER_ML, LESIONS_ML = 1500.0, (0.5, 4.2, 33.5)
"""The lesions are balls of 10, 20 and 40 mm."""
VOXEL_ML = 0.027
LARGEST_WEIGHT = 20.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    found = {f"liver {LIVER_ML:g} ml": pull(LIVER_ML, VOXELS)}
    for ml in LESIONS_ML:
        name = f"lesion {ml:g} ml"
        found[name] = pull(ml, VOXELS)
        found[f"{name}, weight {LARGEST_WEIGHT:g}"] = pull(ml, VOXELS, LARGEST_WEIGHT)
        found[f"{name}, in its liver only"] = pull(ml, round(LIVER_ML / VOXEL_ML / 4))
    text = json.dumps(found, indent=1)
    print(text)
    if arguments.out is not None:
        with replacing(arguments.out) as file:
            file.write(text.encode())


def pull(ml: float, voxels: int, weight: float = 1.0) -> dict[str, float]:
    """The logit of the answer, and the gradient's sum over the structure by cross-entropy and by Dice."""
    inside = max(1, round(ml / VOXEL_ML / 4))
    logit = math.log(weight * inside / (voxels - inside))
    logits = torch.full((1, 1, voxels), logit, requires_grad=True)
    targets = (torch.arange(voxels) < inside)[None, None]
    weights = None if weight == 1.0 else torch.tensor([weight])
    _, entropy, dice = partial_label_loss(logits, targets, torch.ones(1, 1, dtype=torch.bool), weights)
    sums = [
        float(torch.autograd.grad(part, logits, retain_graph=True)[0][0, 0, :inside].abs().sum())
        for part in (entropy, dice / ORGANS)
    ]
    return {"logit": round(logit, 2), "by cross-entropy": sums[0], "by Dice": sums[1]}


if __name__ == "__main__":
    main()
