"""`omentum train --fold all`: the runs of a cross-validation one after the other, and what to do with them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from omentum.errors import UsageError

if TYPE_CHECKING:
    from omentum.train.config.settings import TrainConfig


def folds_of(run: TrainConfig, *, dry_run: bool) -> list[int]:
    """Numbers of the folds of the split.

    Raises:
        UsageError: no split, one without folds, a part too, or several processes.
        InputError: the split cannot be read.
    """
    from omentum.data.splits.split import FOLD, Split

    if dry_run:
        raise UsageError("--dry-run is for one run", remedy="--fold 0: the others cost the same")
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise UsageError("--fold all is for one process", remedy="start torchrun for each fold: --fold 0, ...")
    if not run.split:
        raise UsageError("--fold all without a split", remedy="--split FILE, made by omentum data split")
    if run.part:
        raise UsageError("--fold and --part", remedy="give one of the two")
    split = Split.read(Path(run.split))
    if not split.folds:
        raise UsageError("has no folds", source=run.split, remedy="make some: omentum data split --folds 5")
    return [int(fold.removeprefix(FOLD)) for fold in split.folds]


def run_of_fold(run: TrainConfig, number: int) -> TrainConfig:
    """The run that validates on one fold."""
    return replace(run, fold=number)


def how_to_judge(run: TrainConfig, out: Path, numbers: Sequence[int]) -> str:
    """The commands that come next, to be copied."""
    stores = [shlex.quote(os.path.relpath(data.store or data.folder)) for data in run.data]
    split = shlex.quote(os.path.relpath(run.split))
    every = " ".join(map(str, numbers))
    runs = shlex.quote(str(out))
    return "\n".join(
        [
            "",
            "each case by the model that did not see it, and one table of all (docs/how-to/cross-validate.md):",
            f"  for k in {every}; do omentum segment DATA --split {split} --part fold-$k \\",
            f"      -w {runs}/fold-$k/model.safetensors -o pred/fold-$k; done",
            *(f"  omentum evaluate pred {store} --split {split} --part folds" for store in stores),
            "DATA: --dataset NAME=FOLDER as in omentum data prepare, or a folder of cases",
        ]
    )
