"""The figures of docs/results.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("svg")
from matplotlib import pyplot as plt

plt.rcParams |= {"svg.hashsalt": "omentum", "svg.fonttype": "none"}  # the same file each time, and a small one
COLOURS = {"universal": "#0b6e99", "scratch": "#b3541e"}


def draw_few_shot(shots: Sequence[int], points: Mapping[str, Sequence[tuple[float, float, float]]], path: Path) -> None:
    """Dice of the novel structures by number of cases, with intervals."""
    figure, axis = plt.subplots(figsize=(5, 3.2), layout="constrained")
    places = np.arange(len(shots))
    for shift, (start, made) in zip((-0.04, 0.04), points.items(), strict=True):
        mean, low, high = np.array(made).T
        error = np.array([mean - low, high - mean])
        axis.errorbar(places + shift, mean, error, marker="o", capsize=3, color=COLOURS[start], label=f"from {start}")
    axis.set_xticks(places, [str(n) for n in shots])
    axis.set(xlabel="labelled cases", ylabel="Dice of four new structures", ylim=(0, None))
    axis.legend(frameon=False)
    _save(figure, path)


def _save(figure: plt.Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
