"""Everything that defines a training run, frozen and validated; written next to the run's checkpoints."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omentum.data.augmentation import Augmentation
from omentum.errors import UsageError


@dataclass(frozen=True)
class DataConfig:
    """One collection of cases.

    Args:
        folder: Holds case folders as `omentum phantom` writes them.
        store: Instead of a folder: a store as `omentum data prepare` makes it, on the grid of this run.
        weight: How often it is drawn from, relative to other collections of as many cases.
        weights: In a store: the same for single datasets, by key; multiplied by `weight`.
        validation: How many of its cases (the last by name) are kept out of training for validation.
    """

    folder: str = ""
    store: str = ""
    weight: float = 1.0
    weights: Mapping[str, float] = field(default_factory=dict)
    validation: int = 0

    def __post_init__(self) -> None:
        if bool(self.folder) == bool(self.store):
            raise UsageError("[[data]] needs a folder or a store, one of the two")
        if self.weights and not self.store:
            raise UsageError("[data.weights] names the datasets of a store", remedy="give the folder one weight")
        if any(weight <= 0 for weight in (self.weight, *self.weights.values())):
            raise UsageError("weights in [[data]] must be above 0")


@dataclass(frozen=True)
class PairConfig:
    """One CT with a label map in any numbering.

    Args:
        image, labels: NIfTI files on one grid.
        mapping: Label value -> structure keys; only the structures named here count as annotated.
        weight: How often it is drawn, relative to a collection of one case.
    """

    image: str
    labels: str
    mapping: Mapping[str, Any]
    weight: float = 1.0


@dataclass(frozen=True)
class TrainConfig:
    """A training run.

    Args:
        data, pairs: Where cases come from.
        backbone, parameters: See `omentum.spec.ModelSpec`.
        spacing_mm, window_hu, patch: See `omentum.spec.PreprocessSpec`.
        text_encoder: Language model for the prompts.
        init: Checkpoint whose weights a fresh run starts from; empty for random weights.
        steps: Optimiser steps of the whole run.
        batch: Patches per step.
        matrix_lr: Peak learning rate of Muon, for kernels and matrices.
        lr: Peak learning rate of AdamW, for everything else.
        warmup: Steps until the peak.
        hold: Share of the run after the warm-up at the peak; then cosine to zero.
        head: Weight of the loss of the generated heads.
        guide: Weight of the loss of plain classifiers on the decoder's coarse features, where the backbone offers
            them; they teach the backbone while the generated heads are still forming, and are thrown away.
        balance: How far the heads' cross-entropy favours voxels of rare structures at the peak learning rate, 0 to 1;
            it fades with the rate, so that the end of a run is unweighted. Without it rare heads fall silent.
        weight_decay, clip_norm: Of both optimisers, and the largest gradient norm.
        voxel_share: The pointwise head learns from a random lattice of the patch's voxels: 1, 2, 4 or 8 = one voxel
            in so many.
        ema: Decay of the running average of the weights that is kept as the result.
        bf16: Train in bfloat16 where it is safe.
        save_every, validate_every: In steps.
        foreground: Probability that a patch is centred on a structure.
        temperature: Of datasets and structures: 1 shows every case equally often, inf every dataset.
        lesion_weight: How much more often a lesion is shown than an organ of as many cases.
        workers: Processes that prepare patches; 0 = none beside the training itself.
        seed: Root of all randomness.
        augmentation: How far patches are varied.
    """

    data: tuple[DataConfig, ...] = ()
    pairs: tuple[PairConfig, ...] = ()
    backbone: str = "residual_unet"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    spacing_mm: tuple[float, float, float] = (3.0, 3.0, 3.0)
    window_hu: tuple[float, float] = (-1024.0, 1024.0)
    patch: tuple[int, int, int] = (96, 96, 96)
    text_encoder: str = "all-MiniLM-L6-v2"
    init: str = ""
    steps: int = 1000
    batch: int = 1
    matrix_lr: float = 0.02
    lr: float = 2e-3
    warmup: int = 50
    hold: float = 0.5
    head: float = 0.5
    guide: float = 1.0
    balance: float = 1.0
    weight_decay: float = 0.01
    clip_norm: float = 12.0
    voxel_share: int = 4
    ema: float = 0.999
    bf16: bool = True
    save_every: int = 200
    validate_every: int = 1000
    foreground: float = 0.75
    temperature: float = 2.0
    lesion_weight: float = 2.0
    workers: int = 1
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        if not self.data and not self.pairs:
            raise UsageError("nothing to train on", remedy="give [[data]] folders or [[pairs]] in the configuration")
        if not 0 <= self.hold < 1:
            raise UsageError(f"hold is a share of the run from 0 to below 1, got {self.hold}")
        if self.voxel_share not in (1, 2, 4, 8):
            raise UsageError(f"voxel_share must be 1, 2, 4 or 8, got {self.voxel_share}")
        if not self.temperature > 0:
            raise UsageError(f"temperature must be above 0, got {self.temperature}")
        if not 0 <= self.lesion_weight < float("inf"):
            raise UsageError(f"lesion_weight must be 0 or more, got {self.lesion_weight}")
        for name in ("steps", "batch", "save_every", "validate_every"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, got {getattr(self, name)}")


def load_config(path: Path, overrides: Mapping[str, Any] | None = None) -> TrainConfig:
    """Read a TOML file; relative paths in it are relative to the file.

    Raises:
        UsageError: unreadable, an unknown field, or impossible values.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as fault:
        raise UsageError(str(fault), source=path) from fault
    raw.update(overrides or {})
    here = path.parent
    try:
        raw["data"] = tuple(_resolved(DataConfig(**d), here, "folder", "store") for d in raw.get("data", ()))
        raw["pairs"] = tuple(_resolved(PairConfig(**p), here, "image", "labels") for p in raw.get("pairs", ()))
        if raw.get("init"):
            raw["init"] = str((here / raw["init"]).resolve())
        raw["augmentation"] = Augmentation(**_tuples(raw.get("augmentation", {})))
        return TrainConfig(**_tuples(raw))
    except TypeError as fault:
        raise UsageError(f"not a training configuration: {fault}", source=path) from fault


def _resolved(entry: Any, here: Path, *names: str) -> Any:
    given = [name for name in names if getattr(entry, name)]
    return dataclasses.replace(entry, **{name: str((here / getattr(entry, name)).resolve()) for name in given})


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
