"""The training loop, readable top to bottom: patches in, masked loss, two optimisers, an averaged model out."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import prompt
from omentum.data.cases import LabelledCase
from omentum.data.loader import PatchLoader
from omentum.data.patches import Batch
from omentum.data.sampler import PatchSampler
from omentum.errors import CheckpointError
from omentum.model import UniversalModel, build, load_checkpoint, save_checkpoint
from omentum.spec import CheckpointSpec, ClassSpec, ModelSpec, PreprocessSpec
from omentum.text.encoder import embed
from omentum.train.config import TrainConfig
from omentum.train.learner import Learner
from omentum.train.state import AveragedModel, RunLog, load_state, save_state
from omentum.train.validate import validate

Report = Callable[[str, dict[str, float]], None]
"""Told of every kind of event ("step", "validation") with its figures."""

RESULT_FILE = "model.safetensors"
BEST_FILE = "best.safetensors"
LOG_EVERY = 20
"""Steps between lines of the log; figures are means over them."""

RARE = -4.0
"""First logit of every generated head: most voxels belong to no structure."""

SKIPPED_STEPS_LIMIT = 20
"""So many steps in a row with a loss that is not finite end the run."""


@dataclass
class _Progress:
    """What changes while training, next to the weights."""

    step: int = 0
    best_dice: float = -1.0
    skipped: int = 0


def train(
    config: TrainConfig, sampler: PatchSampler, held_out: Sequence[LabelledCase], run: Path, tell: Report
) -> Path:
    """Train a model, or go on with the run in `run`.

    Args:
        config: The run's definition.
        sampler: Where patches come from.
        held_out: Cases for validation.
        run: Folder for state, log and result; created when missing.
        tell: Called as things happen.

    Returns:
        The averaged model's checkpoint, `run/model.safetensors`.
    """
    torch.manual_seed(config.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    run.mkdir(parents=True, exist_ok=True)
    model = new_model(config).to(device)
    average = AveragedModel(model, config.ema)
    learner = Learner.build(model, (case for source in sampler.sources for case in source.cases), config)
    progress = _restore(run, learner, average)
    log = RunLog(run / "log.jsonl")
    figures: list[dict[str, float]] = []
    started = time.monotonic()
    for step, batch in _batches(sampler, config, progress.step, device):
        share = rate_share(config, step)
        learner.set_rate(config.matrix_lr * share, config.lr * share)
        figures.append(learner.step(batch, config, step, config.balance * share))
        progress.step = step + 1
        progress.skipped = 0 if math.isfinite(figures[-1]["loss"]) else progress.skipped + 1
        if progress.skipped >= SKIPPED_STEPS_LIMIT:
            raise FloatingPointError(
                f"the loss was not finite in {progress.skipped} steps in a row, last {batch.names}"
            )
        average.update(model)
        last = progress.step == config.steps
        if progress.step % LOG_EVERY == 0 or last:
            mean = {name: sum(f[name] for f in figures) / len(figures) for name in figures[0]}
            now = time.monotonic()
            pace = (now - started) / len(figures)
            mean |= {"step": progress.step, "rate": share, "seconds_a_step": pace}
            log.write(kind="step", **mean)
            tell("step", mean)
            figures, started = [], now
        if progress.step % config.validate_every == 0 or last:
            _validate(average.model, held_out, run, progress, config, log, tell)
        if progress.step % config.save_every == 0 or last:
            _save(run, learner, average, progress, config)
    return run / RESULT_FILE


def new_model(config: TrainConfig) -> UniversalModel:
    """A fresh model for all structures, with the text embeddings of their prompts."""
    prompts = [prompt(structure) for structure in STRUCTURES]
    embeddings = embed(prompts, config.text_encoder)
    spec = CheckpointSpec(
        model=ModelSpec(config.backbone, dict(config.parameters), text_width=embeddings.shape[1]),
        preprocess=PreprocessSpec(config.spacing_mm, config.window_hu, config.patch, antialias=True),
        classes=tuple(ClassSpec(s.key, p) for s, p in zip(STRUCTURES, prompts, strict=True)),
        text_encoder=config.text_encoder,
        licence="Apache-2.0",
        citation="Omentum; method: Liu et al., CLIP-Driven Universal Model, ICCV 2023",
    )
    model = build(spec, embeddings)
    _spread_text_features(model)
    torch.nn.init.constant_(model.head.controller.bias[-1:], RARE)
    if config.init:
        _adopt(model, Path(config.init))
    return model


@torch.no_grad()
def _spread_text_features(model: UniversalModel) -> None:
    """Scale the text layer so that each of its outputs has mean 0 and variance 1 over the classes.

    Sentence embeddings of like prompts are nearly collinear; with a common initialisation every class starts with
    almost the same generated head (data-dependent initialisation: Mishkin and Matas, ICLR 2016).
    """
    layer = model.head.text_feature
    words = layer(model.text_embeddings)
    spread = words.std(0, correction=0).clamp_min(1e-6)
    layer.weight.div_(spread[:, None])
    layer.bias.copy_((layer.bias - words.mean(0)) / spread)


def _adopt(model: UniversalModel, path: Path) -> None:
    """Take over the weights of another checkpoint; the text embeddings stay the model's own.

    Raises:
        CheckpointError: the checkpoint is of another architecture.
    """
    theirs = load_checkpoint(path)
    if theirs.spec.model != model.spec.model:
        raise CheckpointError(
            f"cannot start from it: it is {theirs.spec.model}, the run wants {model.spec.model}", source=path
        )
    model.backbone.load_state_dict(theirs.backbone.state_dict())
    model.head.load_state_dict(theirs.head.state_dict())


def rate_share(config: TrainConfig, step: int) -> float:
    """Share of the peak learning rates: linear warm-up, a plateau of `hold` of the run, then cosine to zero."""
    if step < config.warmup:
        return (step + 1) / config.warmup
    plateau = config.warmup + config.hold * (config.steps - config.warmup)
    if step < plateau:
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - plateau) / (config.steps - plateau))))


def _batches(
    sampler: PatchSampler, config: TrainConfig, start: int, device: torch.device
) -> Iterator[tuple[int, Batch]]:
    steps = range(start, config.steps)
    numbers = [range(step * config.batch, (step + 1) * config.batch) for step in steps]
    return zip(steps, PatchLoader(sampler, numbers, device, config.workers), strict=True)


def _validate(
    model: UniversalModel,
    held_out: Sequence[LabelledCase],
    run: Path,
    progress: _Progress,
    config: TrainConfig,
    log: RunLog,
    tell: Report,
) -> None:
    if not held_out:
        return
    dice = validate(model, held_out, bf16=config.bf16)
    mean = sum(dice.values()) / max(1, len(dice))
    log.write(kind="validation", step=progress.step, mean_dice=mean, dice=dice)
    tell("validation", {"step": progress.step, "mean_dice": mean, **dice})
    if mean > progress.best_dice:
        progress.best_dice = mean
        _export(run / BEST_FILE, model, progress, config)


def _save(run: Path, learner: Learner, average: AveragedModel, progress: _Progress, config: TrainConfig) -> None:
    state: dict[str, Any] = {name: part.state_dict() for name, part in learner.parts.items()}
    state |= {"average": average.model.state_dict(), "updates": average.updates, "progress": asdict(progress)}
    save_state(run, state)
    _export(run / RESULT_FILE, average.model, progress, config)


def _restore(run: Path, learner: Learner, average: AveragedModel) -> _Progress:
    state = load_state(run)
    if state is None:
        return _Progress()
    for name, part in learner.parts.items():
        part.load_state_dict(state[name])
    average.model.load_state_dict(state["average"])
    average.updates = state["updates"]
    return _Progress(**state["progress"])


def _export(path: Path, model: UniversalModel, progress: _Progress, config: TrainConfig) -> None:
    training = {"steps": progress.step, "best_validation_dice": progress.best_dice, "config": asdict(config)}
    model.spec = dataclasses.replace(model.spec, training=training)
    save_checkpoint(path, model, dtype=torch.float16)  # what is resumed from is the state, in full precision
