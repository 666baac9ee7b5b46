"""The table of arms: what each run is given. Arms differ by the objects in them and by nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from losses import Loss, slab_loss
from material import few_shot_cases, site_cases, with_background
from study import LONG, SHOTS, UNIVERSAL, Study
from tables import clip, gaussian, minilm, one_hot, shuffled
from torch import Tensor

from omentum.data.sampling.cases import LabelledCase
from omentum.data.sampling.sampler import PatchSource
from omentum.train.losses.loss import partial_label_loss

T = TypeVar("T")


@dataclass(frozen=True)
class Arm:
    """One way to train; with a seed it is a run.

    Args:
        name: Of its results.
        steps: Optimiser steps.
        sources: Seed -> where patches come from.
        table: Seed -> embeddings [K, width] of the structures.
        loss: Of the heads.
        start: Arm whose model (of the same seed) it starts from; empty for random weights.
    """

    name: str
    steps: int
    sources: Callable[[int], tuple[PatchSource, ...]]
    table: Callable[[int], Tensor]
    loss: Loss = partial_label_loss
    start: str = ""


def all_arms(study: Study, folder: Path, clip_table: Path) -> tuple[Arm, ...]:
    """Every arm, the most asked-for first; data and tables are read here, once."""
    sites, few_shot = site_cases(folder, study), few_shot_cases(folder, study)
    words = minilm()
    lattice_slabs = study.config(steps=1, seed=0).patch[0] // 2
    everything = partial(Arm, steps=study.steps, sources=fixed(together(sites)), table=fixed(words))
    background = {site: tuple(with_background(case, known(sites)) for case in sites[site]) for site in sites}
    alone = partial(Arm, table=fixed(words))
    return (
        everything(UNIVERSAL),
        everything("missing-is-background", sources=fixed(together(background))),
        everything("slab-dice", loss=slab_loss(lattice_slabs)),
        everything("clip", table=fixed(clip(clip_table))),
        everything("one-hot", table=fixed(one_hot())),
        everything("random", table=gaussian),
        *(few(f"few-{n}-universal", n, few_shot, study, words, start=UNIVERSAL) for n in SHOTS),
        *(few(f"few-{n}-scratch", n, few_shot, study, words) for n in SHOTS),
        *(alone(f"alone-{site}", study.steps, fixed((PatchSource(site, sites[site]),))) for site in sites),
        *(
            alone(f"fifth-{site}", study.steps // len(sites), fixed((PatchSource(site, sites[site]),)))
            for site in sites
        ),
        everything(LONG, steps=study.steps * len(sites)),
        everything("shuffled-words", table=partial(shuffled, words)),
    )


def few(name: str, shots: int, cases: Sequence[LabelledCase], study: Study, words: Tensor, start: str = "") -> Arm:
    """An arm that learns the novel structures from so many cases; each seed takes others while there are enough."""

    def sources(seed: int) -> tuple[PatchSource, ...]:
        first = seed * shots % len(cases)
        return (PatchSource("few", tuple([*cases, *cases][first : first + shots])),)

    return Arm(name, study.few_shot_steps, sources, fixed(words), start=start)


def together(sites: Mapping[str, tuple[LabelledCase, ...]]) -> tuple[PatchSource, ...]:
    """All sites, each drawn from as often as the others."""
    return tuple(PatchSource(site, cases) for site, cases in sites.items())


def known(sites: Mapping[str, tuple[LabelledCase, ...]]) -> np.ndarray:
    """bool [K]: the structures that any site labels."""
    return np.any([case.annotated for cases in sites.values() for case in cases], axis=0)


def fixed(value: T) -> Callable[[int], T]:
    """The same for every seed."""
    return lambda seed: value
