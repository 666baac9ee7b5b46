"""Where in the network lesions and vessels get lost: what a closed-form classifier makes of the features of each level.

    python benchmarks/experiments/lesion_probe.py --work /tmp/windows -o .../results/lesion_probe.json

Voxels of a structure against other voxels of its host, on phantoms; the backbone of the bundled model is frozen. The
classifier is ridge regression on random cosines of the features (an approximate Gaussian kernel), so there is no
training that could fail. Images are compared with the host's median, as a reader compares a lesion with its organ.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from lesion_windows import LEVELS, Window, windows
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from omentum.atomic import replacing

QUESTIONS = {
    "liver_tumour": ("liver",),
    "hepatic_vessel": ("liver",),
    "kidney_tumour": ("right_kidney", "left_kidney"),
    "kidney_cyst": ("right_kidney", "left_kidney"),
    "pancreas_tumour": ("pancreas",),
    "colon_tumour": ("colon",),
    "lung_tumour": ("right_lung", "left_lung"),
}
"""Structure -> organs whose voxels it is told from."""
SCALES = (0.0, 0.7, 1.5, 3.0)
"""Standard deviations in voxels of the smoothed images."""
COSINES = 400
RIDGE = 1e-2
VOXELS = 3000
"""Drawn from a phantom at most, half of them of the structure where it has so many."""
SMALLEST = 8
"""Phantoms with fewer voxels of a structure do not count."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="keep windows and their features here")
    parser.add_argument("--learn", type=int, default=16, help="phantoms to learn from")
    parser.add_argument("--judge", type=int, default=10, help="phantoms to measure on")
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    learn = windows(arguments.work, 70000, arguments.learn, contrast_hu=12.0, taught=True)
    judge = windows(arguments.work, 71000, arguments.judge)
    found = {key: asked(key, learn, judge) for key in QUESTIONS}
    text = json.dumps({"learn": len(learn), "judge": len(judge), "structures": found}, indent=1)
    print(text)
    if arguments.out is not None:
        with replacing(arguments.out) as file:
            file.write(text.encode())


def asked(key: str, learn: Sequence[Window], judge: Sequence[Window]) -> dict[str, dict[str, float]]:
    """Of each kind of features, the mean AUC and best Dice over the phantoms that have the structure."""
    found = {}
    for kind in (*LEVELS, "image", "image and last"):
        rng = np.random.default_rng(0)
        drawn = [d for w in learn if (d := drawn_from(w, key, kind, rng)) is not None]
        if not drawn:
            return {}
        score = fitted(np.concatenate([x for x, _ in drawn]), np.concatenate([y for _, y in drawn]))
        tested = [d for w in judge if (d := drawn_from(w, key, kind, rng, everything=True)) is not None]
        pairs = [(score(x), y) for x, y in tested if SMALLEST <= y.sum() < len(y)]
        if pairs:
            found[kind] = {
                "phantoms": len(pairs),
                "AUC": round(float(np.mean([auc(*pair) for pair in pairs])), 3),
                "Dice": round(float(np.mean([best_dice(*pair) for pair in pairs])), 3),
            }
    return found


def drawn_from(
    window: Window, key: str, kind: str, rng: np.random.Generator, *, everything: bool = False
) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | None:
    """Features [V, C] of voxels of the organs, and whether they are of the structure; None without the organs."""
    truth = window.mask(key).numpy()
    inside = np.logical_or.reduce([window.mask(host).numpy() for host in QUESTIONS[key]])
    if inside.sum() < VOXELS // 10 or (not everything and not truth[inside].any()):
        return None
    where = np.argwhere(inside)
    if everything:
        chosen = where
    else:
        yes, no = (where[truth[inside] == wanted] for wanted in (True, False))
        parts = [part[rng.permutation(len(part))[: VOXELS // 2]] for part in (yes, no)]
        chosen = np.concatenate(parts)
    parts = []
    if "image" in kind:
        parts.append(smoothed(window.image.numpy(), inside, chosen))
    for level in LEVELS:
        if level in kind:
            parts.append(at(window.features[level], chosen))
    return np.concatenate(parts, 1), truth[tuple(chosen.T)]


def smoothed(image: NDArray[np.float32], inside: NDArray[np.bool_], where: NDArray[np.intp]) -> NDArray[np.float32]:
    """The image at several scales [V, 1 + scales], in HU from the organ's median; and that median."""
    hu = np.clip(image * 2048 - 1024, -160, 240)
    level = float(np.median(hu[inside]))
    low, high = where.min(0), where.max(0)
    box = tuple(slice(max(a - 9, 0), b + 10) for a, b in zip(low, high, strict=True))
    index = tuple((where - [s.start for s in box]).T)
    columns = [gaussian_filter(hu[box] - level, scale)[index] for scale in SCALES]
    return np.stack([*columns, np.full(len(where), level)], 1).astype(np.float32)


def at(features: torch.Tensor, where: NDArray[np.intp]) -> NDArray[np.float32]:
    """Features [V, C] at voxels of the window; of coarser levels those of the position a voxel lies in."""
    values = features.float().numpy()
    step = 96 // values.shape[1]
    found: NDArray[np.float32] = values[(slice(None), *(where // step).T)].T
    return found


def fitted(x: NDArray[np.float32], y: NDArray[np.bool_]) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """A function from features to scores."""
    rng = np.random.default_rng(1)
    mean, sd = x.mean(0), x.std(0) + 1e-6
    spread = rng.standard_normal((x.shape[1], COSINES)).astype(np.float32) / np.sqrt(x.shape[1])
    phase = rng.uniform(0, 2 * np.pi, COSINES).astype(np.float32)

    def columns(x: NDArray[np.float32]) -> NDArray[np.float32]:
        scaled = (x - mean) / sd
        return np.concatenate([np.cos(scaled @ spread + phase), scaled, np.ones((len(x), 1), np.float32)], 1)

    weight = np.where(y, 0.5 / max(y.sum(), 1), 0.5 / max((~y).sum(), 1)).astype(np.float32)[:, None]
    a = columns(x)
    normal = a.T @ (a * weight) + RIDGE * np.eye(a.shape[1], dtype=np.float32) / 10
    solution = np.linalg.solve(normal, a.T @ (weight[:, 0] * (2.0 * y - 1)))
    return lambda x: np.asarray(columns(x) @ solution, np.float32)


def auc(score: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """Probability that a voxel of the structure has the higher score."""
    rank = np.empty(len(score))
    rank[np.argsort(score)] = np.arange(len(score))
    yes = int(truth.sum())
    return float((rank[truth].sum() - yes * (yes - 1) / 2) / (yes * (len(score) - yes)))


def best_dice(score: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """Dice within the organ at the best threshold of this phantom: an upper bound, no operating point."""
    order = np.argsort(-score)
    both = np.cumsum(truth[order])
    return float((2 * both / (np.arange(1, len(order) + 1) + truth.sum())).max())


if __name__ == "__main__":
    main()
