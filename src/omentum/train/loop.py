"""The training loop, readable top to bottom: patches in, masked loss, AdamW, an averaged model out."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import prompt
from omentum.data.augment import unpack
from omentum.data.cases import LabelledCase
from omentum.data.sampler import Batch, PatchSampler
from omentum.errors import CheckpointError
from omentum.model import UniversalModel, build, load_checkpoint, save_checkpoint
from omentum.model.backbones.residual_unet import ResidualUNet
from omentum.spec import CheckpointSpec, ClassSpec, ModelSpec, PreprocessSpec
from omentum.text.encoder import embed
from omentum.train.config import TrainConfig
from omentum.train.guide import Guide
from omentum.train.loss import partial_label_loss
from omentum.train.state import AveragedModel, RunLog, load_state, save_state
from omentum.train.validate import validate

Report = Callable[[str, dict[str, float]], None]
"""Told of every kind of event ("step", "validation") with its figures."""

RESULT_FILE = "model.safetensors"
BEST_FILE = "best.safetensors"
LOG_EVERY = 20
"""Steps between lines of the log; figures are means over them."""

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
    guide = Guide(model).to(device)
    optimiser = torch.optim.AdamW(_parameter_groups(model, guide, config), weight_decay=config.weight_decay)
    learner = Learner(model, guide, optimiser)
    progress = _restore(run, learner, average)
    log = RunLog(run / "log.jsonl")
    figures: list[dict[str, float]] = []
    started = time.monotonic()
    for step, batch in _batches(sampler, config, progress.step):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(config, step) * group["share"]
        figures.append(_step(learner, batch, config, step))
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
            mean |= {"step": progress.step, "lr": learning_rate(config, step), "seconds_a_step": pace}
            log.write(kind="step", **mean)
            tell("step", mean)
            figures, started = [], now
        if progress.step % config.validate_every == 0 or last:
            _validate(average.model, held_out, run, progress, config, log, tell)
        if progress.step % config.save_every == 0 or last:
            _save(run, learner, average, progress, config)
    return run / RESULT_FILE


@dataclass(frozen=True)
class Learner:
    """What a step changes."""

    model: UniversalModel
    guide: Guide
    optimiser: torch.optim.Optimizer


def _parameter_groups(model: UniversalModel, guide: Guide, config: TrainConfig) -> list[dict[str, Any]]:
    generating = (model.head.controller, model.head.text_feature, model.head.image_feature)
    slow = [p for part in generating for p in part.parameters()]
    known = {id(p) for p in slow}
    fast = [p for p in [*model.parameters(), *guide.parameters()] if id(p) not in known]
    return [{"params": fast, "share": 1.0, "lr": config.lr}, {"params": slow, "share": config.head_lr, "lr": config.lr}]


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


def learning_rate(config: TrainConfig, step: int) -> float:
    """Linear warm-up, then cosine to zero."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    done = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.lr * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def lattice(step: int, share: int) -> tuple[Any, ...]:
    """Every second voxel along as many axes as `share` has factors of two, with all offsets in turn."""
    halved = share.bit_length() - 1
    offsets = [(step >> axis) % 2 for axis in range(3)]
    return (..., *(slice(offsets[axis], None, 2) if axis < halved else slice(None) for axis in range(3)))


def _step(learner: Learner, batch: Batch, config: TrainConfig, step: int) -> dict[str, float]:
    model, device = learner.model, learner.model.text_embeddings.device
    voxels = lattice(step, config.voxel_share)
    annotated = batch.annotated.to(device)
    bits = batch.bits.to(device)
    learner.optimiser.zero_grad(set_to_none=True)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=config.bf16):
        logits, coarse = _sparse_logits(model, batch.images.to(device), voxels)
        guessed = learner.guide(coarse)
    loss, cross_entropy, dice = partial_label_loss(logits, _targets(bits[voxels], logits), annotated)
    total = loss
    if guessed is not None:
        total = (
            loss
            + config.guide * partial_label_loss(guessed, _targets(bits[learner.guide.lattice], guessed), annotated)[0]
        )
    if torch.isfinite(total):
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip_norm)
        learner.optimiser.step()
    return {"loss": loss.item(), "cross_entropy": cross_entropy.item(), "dice_loss": dice.item()}


def _targets(bits: Tensor, logits: Tensor) -> Tensor:
    """bool [B, K, V] for logits [B, K, V]."""
    return torch.stack([unpack(b, logits.shape[1]) for b in bits]).flatten(2)


def _sparse_logits(model: UniversalModel, images: Tensor, voxels: tuple[Any, ...]) -> tuple[Tensor, Tensor | None]:
    """Logits [B, K, V] of the lattice's voxels (all the network is run, the pointwise head only where it learns),
    and the decoder's coarse feature where the backbone has one."""
    coarse = None
    if isinstance(model.backbone, ResidualUNet):
        deep, decoded, coarse = model.backbone.stages(images)
    else:
        deep, decoded = model.backbone(images)
    layers = model.head.layers(deep, model.text_embeddings)
    features = model.head.voxel_features(decoded)
    return model.head.draw(features[voxels].flatten(2), layers), coarse


class _Steps(Dataset[Batch]):
    """Batches by step number, so that worker processes need no state."""

    def __init__(self, sampler: PatchSampler, batch: int) -> None:
        self.sampler, self.batch = sampler, batch

    def __getitem__(self, step: int) -> Batch:
        torch.set_num_threads(1)
        return self.sampler.batch(step, self.batch)


def _batches(sampler: PatchSampler, config: TrainConfig, start: int) -> Iterator[tuple[int, Batch]]:
    steps = range(start, config.steps)
    loader = DataLoader(
        _Steps(sampler, config.batch),
        batch_size=None,
        sampler=steps,
        num_workers=config.workers,
        prefetch_factor=4 if config.workers else None,
    )
    return zip(steps, loader, strict=True)


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
    state: dict[str, Any] = {
        "model": learner.model.state_dict(),
        "guide": learner.guide.state_dict(),
        "average": average.model.state_dict(),
        "updates": average.updates,
        "optimiser": learner.optimiser.state_dict(),
        "progress": asdict(progress),
    }
    save_state(run, state)
    _export(run / RESULT_FILE, average.model, progress, config)


def _restore(run: Path, learner: Learner, average: AveragedModel) -> _Progress:
    state = load_state(run)
    if state is None:
        return _Progress()
    learner.model.load_state_dict(state["model"])
    learner.guide.load_state_dict(state["guide"])
    average.model.load_state_dict(state["average"])
    average.updates = state["updates"]
    learner.optimiser.load_state_dict(state["optimiser"])
    return _Progress(**state["progress"])


def _export(path: Path, model: UniversalModel, progress: _Progress, config: TrainConfig) -> None:
    training = {"steps": progress.step, "best_validation_dice": progress.best_dice, "config": asdict(config)}
    model.spec = dataclasses.replace(model.spec, training=training)
    save_checkpoint(path, model, dtype=torch.float16)  # what is resumed from is the state, in full precision
