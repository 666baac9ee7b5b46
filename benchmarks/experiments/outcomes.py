"""What the runs of an arm say together: means over structures, cases and seeds, with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES
from omentum.evaluate.metrics.bootstrap import DRAWS, Bootstrap, interval_95, mean_of_means

Draws = NDArray[np.float64]

FEWEST_SEEDS = 3
"""With fewer, nothing is called clear."""


@dataclass(frozen=True)
class Estimate:
    """A mean, where it lies with other patients (bootstrap over patients, seeds averaged), and what each seed says."""

    mean: float
    interval: tuple[float, float] | None
    seeds: tuple[float, ...]

    @property
    def clear(self) -> bool:
        """Of a difference: whether neither other patients nor another seed of ours would turn its sign."""
        if self.interval is None or len(self.seeds) < FEWEST_SEEDS:
            return False
        ends = (*self.interval, *self.seeds)
        return all(end > 0 for end in ends) or all(end < 0 for end in ends)

    def text(self, *, signed: bool = False) -> str:
        """mean (low to high; seeds a, b, c)."""
        form = "{:+.3f}" if signed else "{:.3f}"
        low, high = self.interval or (float("nan"),) * 2
        seeds = ", ".join(form.format(value) for value in self.seeds)
        return f"{form.format(self.mean)} ({form.format(low)} to {form.format(high)}) | {seeds}"


@dataclass(frozen=True)
class Outcome:
    """All runs of one arm, in the order of their seeds."""

    arm: str
    runs: tuple[dict[str, Any], ...]

    @property
    def taught(self) -> tuple[str, ...]:
        """Structures that its training cases have annotated."""
        return tuple(self.runs[0]["taught"])

    @cached_property
    def bootstrap(self) -> Bootstrap:
        """Over the unseen phantoms, each a patient."""
        return Bootstrap(_patients(self.runs[0]))

    def dice(self, keys: Iterable[str]) -> Estimate:
        """Mean over structures of their mean Dice over cases."""
        rows = [(self.seed_mean(run, keys), self.draws(run, keys)) for run in self.runs]
        return _estimate(rows, len(_patients(self.runs[0])))

    def minus(self, other: Outcome, keys: Sequence[str]) -> Estimate:
        """The difference of the two means; the same patients are drawn for both, the same seeds compared."""
        theirs = {run["seed"]: run for run in other.runs}
        pairs = [(run, theirs[run["seed"]]) for run in self.runs if run["seed"] in theirs]
        rows = [
            (self.seed_mean(a, keys) - self.seed_mean(b, keys), self.draws(a, keys) - self.draws(b, keys))
            for a, b in pairs
        ]
        return _estimate(rows, len(_patients(self.runs[0])))

    def cost(self) -> tuple[float, float]:
        """Processor seconds of a whole training, and of predicting all the unseen phantoms: medians over the seeds.

        A run that was interrupted is charged its loading again, and that as if every step had cost as much.
        """
        training = [run["cpu_s_a_step"] * run["steps"] for run in self.runs]
        return float(np.median(training)), float(np.median([run["predict_cpu_s"] for run in self.runs]))

    def steps_until(self, figure: str, level: float) -> list[int | None]:
        """First step of each run at which a figure of the log, smoothed over three lines, is at most a level."""
        found: list[int | None] = []
        for run in self.runs:
            values = np.convolve(run["curve"][figure], np.ones(3) / 3, "valid")
            below = np.flatnonzero(values <= level)
            found.append(int(run["curve"]["step"][below[0] + 2]) if len(below) else None)
        return found

    def seed_mean(self, run: dict[str, Any], keys: Iterable[str]) -> float:
        """Of one run."""
        means = [np.mean(values) for key in keys if (values := _known(run, key)[0])]
        return float(np.mean(means))

    def draws(self, run: dict[str, Any], keys: Iterable[str]) -> Draws:
        """The same mean with other patients, [DRAWS]."""
        return mean_of_means([self.bootstrap.means(*known) for key in keys if (known := _known(run, key))[0]])


def weighed_difference(terms: Sequence[tuple[Outcome, Outcome, str, float]]) -> Estimate:
    """Sum of weight x (Dice of the first - Dice of the second) of one structure, over the seeds that all have.

    Args:
        terms: First arm, second arm, structure, weight.
    """
    shared = sorted(set.intersection(*({run["seed"] for run in arm.runs} for term in terms for arm in term[:2])))
    rows: dict[int, tuple[float, Draws]] = {seed: (0.0, np.zeros(DRAWS)) for seed in shared}
    for one, other, key, weight in terms:
        for seed in shared:
            runs = [next(run for run in arm.runs if run["seed"] == seed) for arm in (one, other)]
            (ours, our_draws), (theirs, their_draws) = (
                (arm.seed_mean(r, [key]), arm.draws(r, [key])) for arm, r in zip((one, other), runs, strict=True)
            )
            mean, drawn = rows[seed]
            rows[seed] = mean + weight * (ours - theirs), drawn + weight * (our_draws - their_draws)
    return _estimate(list(rows.values()), len(_patients(terms[0][0].runs[0])))


def organs(keys: Iterable[str]) -> list[str]:
    """Those that are no lesions."""
    return [key for key in keys if STRUCTURES[key].kind in ("organ", "vessel")]


def lesions(keys: Iterable[str]) -> list[str]:
    """Tumours and cysts."""
    return [key for key in keys if STRUCTURES[key].kind in ("tumour", "cyst")]


def _estimate(rows: Sequence[tuple[float, Draws]], patients: int) -> Estimate:
    seeds = tuple(seed for seed, _ in rows)
    draws = np.mean([drawn for _, drawn in rows], axis=0)
    return Estimate(float(np.mean(seeds)), interval_95(draws, patients), seeds)


def _patients(run: dict[str, Any]) -> list[str]:
    return [f"{n:04d}" for n in range(len(next(iter(run["dice"].values()))))]


def _known(run: dict[str, Any], key: str) -> tuple[list[float], list[str]]:
    found = [(d, p) for d, p in zip(run["dice"][key], _patients(run), strict=True) if d is not None]
    return [d for d, _ in found], [p for _, p in found]
