"""study.toml, typed: the data, the small network and the budget that all arms share."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omentum.data.sampling.augmentation import Augmentation
from omentum.spec import PreprocessSpec
from omentum.train.config.case_collections import DataConfig
from omentum.train.config.settings import TrainConfig

STUDY_FILE = Path(__file__).parent / "study.toml"
UNIVERSAL = "universal"
"""The arm all others are compared with."""
LONG = "universal-long"
"""As many steps as one model for each site would have together."""
SHOTS = (1, 5, 20)
"""Cases of the few-shot arms."""


@dataclass(frozen=True)
class Study:
    """One field for each entry of study.toml."""

    sites: tuple[str, ...]
    cases_a_site: int
    site_seed: int
    unseen_cases: int
    unseen_seed: int
    few_shot_cases: int
    few_shot_seed: int
    phantom_mm: str
    spacing_mm: float
    novel: tuple[str, ...]
    seeds: tuple[int, ...]
    steps: int
    few_shot_steps: int
    train: Mapping[str, Any]

    @property
    def preprocess(self) -> PreprocessSpec:
        """The model grid."""
        config = self.config(steps=1, seed=0)
        return PreprocessSpec(config.spacing_mm, config.window_hu, config.patch, antialias=True)

    def config(self, *, steps: int, seed: int, init: str = "") -> TrainConfig:
        """A run's configuration; its data are handed to the trainer as objects."""
        mm = (self.spacing_mm,) * 3
        changes = {"spacing_mm": mm, "steps": steps, "seed": seed, "init": init, "validate_every": steps}
        return TrainConfig(data=(DataConfig(store="injected"),), **{**self.train, **changes})


def load_study(path: Path = STUDY_FILE) -> Study:
    """Read a study's file."""
    raw = {k: tuple(v) if isinstance(v, list) else v for k, v in tomllib.loads(path.read_text()).items()}
    train = {k: tuple(v) if isinstance(v, list) else v for k, v in raw["train"].items()}
    how = {k: tuple(v) if isinstance(v, list) else v for k, v in train["augmentation"].items()}
    train["augmentation"] = Augmentation(**how)
    return Study(**{**raw, "train": train})
