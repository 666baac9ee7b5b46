"""Training in one call: plan a run, train it, or cross-validate; implements `omentum train`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from omentum.data.sampling.sampler import PatchSampler, PatchSource
from omentum.data.splits.split import FOLD, Split
from omentum.errors import UsageError
from omentum.formatting import counted, listed
from omentum.progress import SILENT, TrainingListener
from omentum.train.classes import run_classes
from omentum.train.config.settings import TrainConfig
from omentum.train.config.toml_file import load_config
from omentum.train.loop import run_training
from omentum.train.run.dry_run import TrainingPlan, dry_run
from omentum.train.run.folder import BEST_FILE, RESULT_FILE, VALIDATION_FILE
from omentum.train.run.sources import TrainingData, load_sources
from omentum.train.validate import Validation
from omentum.train.words import check_words


@dataclass(frozen=True)
class TrainingResult:
    """A finished run.

    Args:
        run: Its folder; see `omentum.train.run.folder`.
        model: The averaged model of the last step, a safetensors file.
        best: The averaged model with the best validation result; None if nothing was held out.
        validation: The last and the best validation; step 0 if there was none.
        remarks: Messages about cases left out, one line each.
    """

    run: Path
    model: Path
    best: Path | None
    validation: Validation
    remarks: tuple[str, ...] = ()


def plan_training(config: TrainConfig | str | Path, *, progress: TrainingListener = SILENT) -> TrainingPlan:
    """Estimate memory, time and sampling of a run from a few steps. Nothing is written.

    Args:
        config: The run, a TOML file, or the name of a preset.
        progress: Receives progress.

    Raises:
        UsageError: Settings or data are invalid.
        InputError: A case or split cannot be read.
        TrainingError: Memory is exhausted.
    """
    config = _loaded(config)
    sampler, data = _read_cases(config, progress, "")
    progress.note("taking a few steps")
    return replace(dry_run(config, sampler), held_out=len(data.held_out))


def train_model(
    config: TrainConfig | str | Path, out: str | Path, *, progress: TrainingListener = SILENT
) -> TrainingResult:
    """Train a model on partially labelled cases; an interrupted run in the same folder is resumed.

    Under `torchrun`, all processes call this and share the work.

    Args:
        config: The run, a TOML file, or the name of a preset.
        out: Folder of the run; created if missing.
        progress: Receives progress.

    Raises:
        UsageError: Settings or data are invalid, or the folder belongs to another run or is in use.
        InputError: A case or split cannot be read.
        StoppedError: SIGTERM or Ctrl-C; the run is saved.
        TrainingError: The loss is repeatedly not finite, too many cases cannot be read, or memory is exhausted.
        OutputError: The folder cannot be written.
    """
    return _train(_loaded(config), Path(out), progress, "")


def cross_validate(
    config: TrainConfig | str | Path, out: str | Path, *, progress: TrainingListener = SILENT
) -> dict[int, TrainingResult]:
    """Train one run after another, each validated on one fold of the split and trained on the others.

    Args:
        config: The run, a TOML file, or the name of a preset; needs a split with folds.
        out: Folder of the runs `fold-0`, `fold-1`, ...
        progress: Receives progress.

    Returns:
        Fold number -> its run.

    Raises:
        UsageError: There is no split, the split has no folds, a part is given as well, or several processes are used;
            and as for `train_model`.
        InputError, StoppedError, TrainingError, OutputError: As for `train_model`.
    """
    config = _loaded(config)
    return {
        number: _train(replace(config, fold=number), Path(out) / f"{FOLD}{number}", progress, f"{FOLD}{number}: ")
        for number in folds_of(config)
    }


def folds_of(config: TrainConfig) -> list[int]:
    """Fold numbers of a run's split.

    Raises:
        UsageError: There is no split, the split has no folds, a part is given as well, or several processes are used.
        InputError: The split cannot be read.
    """
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise UsageError("--fold all is for one process", remedy="start torchrun for each fold: --fold 0, ...")
    if not config.split:
        raise UsageError("--fold all without a split", remedy="--split FILE, made by omentum data split")
    if config.part:
        raise UsageError("--fold and --part", remedy="give one of the two")
    split = Split.read(Path(config.split))
    if not split.folds:
        raise UsageError("has no folds", source=config.split, remedy="make some: omentum data split --folds 5")
    return [int(fold.removeprefix(FOLD)) for fold in split.folds]


def _loaded(config: TrainConfig | str | Path) -> TrainConfig:
    return config if isinstance(config, TrainConfig) else load_config(config)


def _train(config: TrainConfig, out: Path, progress: TrainingListener, which: str) -> TrainingResult:
    sampler, data = _read_cases(config, progress, which)
    model = run_training(config, sampler, data.held_out, out, progress.event, record=data.record)
    progress.note(f"{which}done: {model}")
    best = out / BEST_FILE
    validation = Validation.read(out / VALIDATION_FILE)
    return TrainingResult(out, out / RESULT_FILE, best if best.exists() else None, validation, data.remarks)


def _untaught(classes: Sequence[str], data: TrainingData) -> str:
    """Structures that no training case is annotated for, the first of them by name."""
    annotated = np.any([case.annotated for source in data.sources for case in source.cases], axis=0)
    names = [key for key, known in zip(classes, annotated, strict=True) if not known]
    return listed(names)


def _read_cases(config: TrainConfig, progress: TrainingListener, which: str) -> tuple[PatchSampler, TrainingData]:
    """Load the cases of a run and build a sampler; `which` prefixes each message."""
    classes = run_classes(config)
    check_words(config, classes)
    data = load_sources(config, classes, progress.reading)
    for source in data.sources:
        progress.note(f"{which}{source.name}: {counted(len(source.cases), 'case')}, weight {source.weight:g}")
    for remark in data.remarks:
        progress.note(remark)
    if untaught := _untaught(classes, data):
        progress.note(f"annotated in no training case, so their outputs are not trained: {untaught}")
    structures, held_out = counted(len(classes), "structure"), counted(len(data.held_out), "case")
    progress.note(f"{which}{structures}, {held_out} for validation, {config.steps} steps")
    return sampler_of(config, classes, data.sources), data


def sampler_of(config: TrainConfig, classes: tuple[str, ...], sources: Sequence[PatchSource]) -> PatchSampler:
    """The sampler of a run.

    Args:
        config: The run.
        classes: Structure keys in the class order of the cases.
        sources: Training cases.
    """
    return PatchSampler(
        sources=tuple(sources),
        classes=classes,
        patch=config.patch,
        window_hu=config.window_hu,
        augmentation=config.augmentation,
        foreground_probability=config.foreground_probability,
        temperature=config.temperature,
        lesion_weight=config.lesion_weight,
        patches_per_case=config.patches_per_case,
        seed=config.seed,
        spacing_mm=config.spacing_mm,
    )
