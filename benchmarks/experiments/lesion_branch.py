"""Small networks for lesions and vessels alone, on frozen features, on the image, or on both.

    python benchmarks/experiments/lesion_branch.py --work /tmp/windows --learn 2 --judge 0 -o .../lesion_branch_2.json

With `--judge 0` what was learned is asked again (overfitting); otherwise unseen phantoms are asked. Crops of 48 voxels
lie around a lesion (each piece as often as any other, however large) or around a voxel of an organ.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from lesion_probe import QUESTIONS, auc, best_dice
from lesion_windows import HOSTS, TARGETS, Window, windows
from numpy.typing import NDArray
from scipy.ndimage import label
from torch import Tensor, nn
from torch.nn import functional as F

from omentum.atomic import replacing
from omentum.model.backbones.residual_unet import depth_to_space, space_to_depth

CROP = 48
SMALLEST = 8
COLUMNS = ("AUC", "best Dice", "Dice")
CLOSE_UPS_HU = ((-160.0, 240.0), (0.0, 200.0))
"""Windows in which the image is seen; the second is narrow, for what is inside the upper abdominal organs."""


class Branch(nn.Module):
    """Logits [B, T, X, Y, Z] of the targets; everything is computed at half resolution and drawn at full.

    Args:
        trunk: Read the frozen features.
        image: Read the image, in two more levels of its own.
        width: Channels.
    """

    def __init__(self, *, trunk: bool, image: bool, width: int = 24) -> None:
        super().__init__()
        self.trunk, self.image = trunk, image
        given = (32 if trunk else 0) + (8 * len(CLOSE_UPS_HU) if image else 0)
        if image:
            self.first = block(given, width)
            self.down = nn.Sequential(block(width, 2 * width, stride=2), block(2 * width, 2 * width))
            self.deeper = nn.Sequential(block(2 * width, 2 * width, stride=2), block(2 * width, 2 * width))
            self.second = block(4 * width, 2 * width)
            self.last = block(3 * width, width)
        else:
            self.first = nn.Sequential(nn.Conv3d(given, width, 1), nn.LeakyReLU(0.1), nn.Conv3d(width, width, 1))
        self.out = nn.Conv3d(width, 8 * len(TARGETS), 1)
        nn.init.constant_(self.out.bias, -3.0)

    def forward(self, image: Tensor, features: Tensor) -> Tensor:
        """[B, 1, X, Y, Z] as the network sees it, [B, 32, X/2, Y/2, Z/2]."""
        parts = [F.instance_norm(features)] if self.trunk else []
        if self.image:
            hu = image * 2048 - 1024
            parts += [space_to_depth(((hu - low) / (high - low)).clamp(0, 1) * 2 - 1) for low, high in CLOSE_UPS_HU]
        y = self.first(torch.cat(parts, 1))
        if self.image:
            below = self.down(y)
            below = self.second(torch.cat([doubled(self.deeper(below)), below], 1))
            y = self.last(torch.cat([doubled(below), y], 1))
        return depth_to_space(self.out(F.leaky_relu(y, 0.1)))


def block(given: int, width: int, stride: int = 1) -> nn.Sequential:
    """Convolution, norm, activation. No instance norm: whether there is a lesion at all must not be normalised away."""
    return nn.Sequential(nn.Conv3d(given, width, 3, stride, 1, bias=False), nn.GroupNorm(4, width), nn.LeakyReLU(0.1))


def doubled(x: Tensor) -> Tensor:
    """Twice the resolution, by repetition."""
    return F.interpolate(x, scale_factor=2.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--learn", type=int, default=2)
    parser.add_argument("--judge", type=int, default=0)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--arms", nargs="+", default=["trunk", "image", "both"])
    parser.add_argument("--loss", choices=["dice", "focal", "host"], default="dice")
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    learn = windows(arguments.work, 70000, arguments.learn, contrast_hu=12.0, taught=True)
    judge = windows(arguments.work, 71000, arguments.judge) if arguments.judge else learn
    found = {arm: arm_of(arm, learn, judge, arguments.steps, arguments.loss) for arm in arguments.arms}
    text = json.dumps({**{k: v for k, v in vars(arguments).items() if k in ("learn", "judge", "loss")}, "arms": found})
    print(text)
    if arguments.out is not None:
        with replacing(arguments.out) as file:
            file.write(text.encode())


def arm_of(arm: str, learn: Sequence[Window], judge: Sequence[Window], steps: int, loss: str) -> dict[str, object]:
    """Train one network and ask it."""
    started = time.process_time()
    torch.manual_seed(0)
    network = Branch(trunk=arm != "image", image=arm != "trunk")
    losses = train(network, learn, steps, loss)
    return {
        "steps": steps,
        "processor s": round(time.process_time() - started, 1),
        "loss of the last 20 steps": round(float(np.mean(losses[-20:])), 3),
        "structures": asked(network, judge),
    }


def train(network: nn.Module, learn: Sequence[Window], steps: int, kind: str) -> list[float]:
    """AdamW, two crops a step, the rate falls along a cosine; the loss of every step."""
    rng = np.random.default_rng(0)
    places = [pieces(window) for window in learn]
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, steps, pct_start=0.15)
    losses = []
    for _ in range(steps):
        crops = [crop(learn[n], places[n], rng) for n in rng.integers(len(learn), size=2)]
        image, features, masks = (torch.stack(parts) for parts in zip(*crops, strict=True))
        loss = loss_of(network(image, features), masks, kind)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        losses.append(float(loss.detach()))
    return losses


def loss_of(logits: Tensor, masks: Tensor, kind: str) -> Tensor:
    """Cross-entropy (or focal loss) in which both classes of voxels weigh alike up to 20, and Dice over the batch.

    With "host", only voxels of a target's organs are asked: elsewhere post-processing removes it anyway, and in the
    organ it is twenty times as frequent as in the body.
    """
    hosts = [[HOSTS.index(host) for host in QUESTIONS.get(key, HOSTS)] for key in TARGETS]
    asked = torch.stack([masks[:, of_target].any(1) for of_target in hosts], 1)
    masks = masks[:, len(HOSTS) :]
    if kind == "host":
        logits = torch.where(asked | masks, logits, -20.0)
    t = masks.float()
    weight = (1 / t.mean((0, 2, 3, 4)).clamp_min(1e-6)).sqrt().clamp(max=20)[None, :, None, None, None]
    entropy = F.binary_cross_entropy_with_logits(logits, t, pos_weight=weight, reduction="none")
    if kind == "focal":
        p = torch.sigmoid(logits)
        return 10 * (entropy * (t * (1 - p) + (1 - t) * p) ** 2).mean()
    p, present = torch.sigmoid(logits), masks.any(4).any(3).any(2).any(0)
    both, total = (p * t).sum((0, 2, 3, 4)), (p + t).sum((0, 2, 3, 4))
    dice = (1 - (2 * both + 1) / (total + 1))[present]
    return entropy.mean((0, 2, 3, 4)).sum() + (dice.mean() if len(dice) else 0.0)


def pieces(window: Window) -> tuple[list[list[NDArray[np.intp]]], NDArray[np.intp]]:
    """Voxels of every piece of every target that has any, and voxels of organs."""
    found = []
    for key in TARGETS:
        labels, number = label(window.mask(key).numpy())
        if number:
            found.append([np.argwhere(labels == n + 1) for n in range(number)])
    hosts = np.logical_or.reduce([window.mask(host).numpy() for host in HOSTS[:5]])
    return found, np.argwhere(hosts)


def crop(
    window: Window, places: tuple[list[list[NDArray[np.intp]]], NDArray[np.intp]], rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Image, features and targets around a piece of a target, or around any voxel of an organ."""
    targets, hosts = places
    where = hosts
    if targets and rng.random() < 0.7:
        of_target = targets[rng.integers(len(targets))]
        where = of_target[rng.integers(len(of_target))]
    middle = where[rng.integers(len(where))] + rng.integers(-12, 13, 3)
    start = [int(s) - int(s) % 2 for s in np.clip(middle - CROP // 2, 0, 96 - CROP)]
    full = tuple(slice(s, s + CROP) for s in start)
    half = (slice(None), *(slice(s // 2, (s + CROP) // 2) for s in start))
    return window.image[full][None], window.features["last"][half].float(), window.masks[(slice(None), *full)]


@torch.inference_mode()
def asked(network: nn.Module, judge: Sequence[Window]) -> dict[str, dict[str, float]]:
    """Mean over phantoms of AUC and best Dice within the organ, and of Dice at 0.5 everywhere."""
    found: dict[str, list[tuple[float, float, float]]] = {key: [] for key in QUESTIONS}
    for window in judge:
        logits = network(window.image[None, None], window.features["last"][None].float())[0]
        for key, hosts in QUESTIONS.items():
            inside, truth = torch.stack([window.mask(host) for host in hosts]).any(0), window.mask(key)
            if truth.sum() < SMALLEST:
                continue
            score = logits[TARGETS.index(key)]
            both = (score > 0) & truth
            dice = float(2 * both.sum() / ((score > 0).sum() + truth.sum()))
            inner = score[inside].numpy(), truth[inside].numpy()
            found[key].append((auc(*inner), best_dice(*inner), dice))
    return {
        key: {"phantoms": len(rows), **dict(zip(COLUMNS, np.mean(rows, 0).round(3).tolist(), strict=True))}
        for key, rows in found.items()
        if rows
    }


if __name__ == "__main__":
    main()
