"""The complete definition of a training run, frozen and validated; saved next to its checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omentum.anatomy.prompts import template_of
from omentum.data.sampling.augmentation import Augmentation
from omentum.errors import UsageError
from omentum.spec import PreprocessSpec
from omentum.train.config.case_collections import DataConfig, PairConfig
from omentum.train.config.checks import check_grid, check_least, check_optimisation
from omentum.train.config.dataset_settings import DatasetConfig, check_centres
from omentum.train.config.transfer_mode import TransferMode

CHOICES = {
    "optimiser": ("muon", "adamw", "sgd"),
    "cross_entropy": ("sum", "mean"),
    "dice": ("present", "annotated", "slabs"),
}

LEAST = {
    **dict.fromkeys(("steps", "batch", "accumulation_steps", "save_every", "validate_every", "keep_checkpoints"), 1),
    **dict.fromkeys(("lr_update_every", "patches_per_case", "adapter_rank", "head_channels"), 1),
    **dict.fromkeys(
        (
            "muon_lr",
            "lr",
            "warmup_steps",
            "head_weight",
            "deep_supervision_weight",
            "containment_weight",
            "weight_decay",
            "clip_norm",
            "organs_per_step",
            "workers",
            "seed",
        ),
        0,
    ),
}
"""Smallest values that mean something."""

MAY_BE_INFINITE = {"clip_norm"}

LOWEST_TEMPERATURE = 0.1
"""Below it the root of a number of cases is beyond any number."""

SHARES = ("ema_decay", "foreground_probability", "balance")


@dataclass(frozen=True)
class TrainConfig:
    """A training run.

    Args:
        data, pairs: Sources of cases.
        split: File written by `omentum data split`; selects the cases that this run sees.
        fold: Fold of the split to validate on; all others are trained on. -1 for none.
        part: Alternative to a fold: the part to train on ("folds": all folds); "train" where the split has no folds.
        backbone, parameters: The network, and its keyword arguments that differ from the defaults; see
            docs/how-to/choose-a-backbone.md.
        head_channels: Channels of the generated layers of the head.
        activation_checkpointing: Recompute the backbone's activations in the backward pass: slower, but uses less
            memory.
        spacing_mm: Voxel spacing of the model grid along x, y, z.
        window_hu: HU values mapped to 0 and 1; values outside are clipped.
        patch: Patch size in voxels of the model grid, along x, y, z; also the sliding window of inference.
        antialias: Smooth finer CTs to the spacing of the model grid before sampling.
        structures: File of additional or redefined structures; see `omentum.anatomy.structure_file`.
        classes: Structures to learn, by any name, in the order of the model's outputs; by default all structures.
        prompt: Prompt template: V1, V2 or V3 of the paper, or a sentence with {noun} in it.
        prompts: Whole sentences for single structures, by any of their names, in place of the template.
        text_encoder: Language model for the prompts: a name, a folder, a model id, or a table of embeddings; see
            docs/how-to/text-encoders.md.
        init: Initial weights, a file or a name ("default"); empty for random weights.
        init_parts: Parameters loaded from `init`, as name prefixes; by default all that fit.
        mode: What is trained from `init`: "full" (everything), "head" (the text-driven head; the backbone is frozen),
            "adapters" (low-rank additions to all weights, which stay as they were), or "plain" (everything, with a
            plain 1x1x1 classifier in place of the text-driven head).
        adapter_rank: Rank of the additions of mode "adapters".
        trainable: Parameters to train, as name prefixes ("head", "backbone.expand"); all others are frozen. By default
            those of the mode.
        first_logit: Initial bias of every generated head; negative because most voxels belong to no structure. 0: keep
            the initial bias of the layer that generates it, near 0.
        spread_text: Scale the text layer at initialisation so that classes with similar prompts start with different
            heads.
        steps: Optimiser steps of the whole run.
        batch: Patches per step, over all processes.
        accumulation_steps: Number of micro-batches into which each process divides its patches of a step.
        optimiser: "muon" (Muon for kernels and matrices, AdamW for everything else), "adamw", or "sgd" with momentum.
        muon_lr: Peak learning rate of Muon.
        lr: Peak learning rate of AdamW or SGD.
        warmup_steps: Number of warm-up steps.
        plateau_fraction: Fraction of the run after warm-up spent at the peak; then cosine decay to zero.
        lr_update_every: Number of steps between learning rate updates; the steps of an epoch for a schedule in epochs.
        head_weight: Weight of the loss of the generated heads.
        deep_supervision_weight: Weight of the loss of plain classifiers on the decoder's coarse features, if the
            backbone provides them. They train the backbone while the generated heads are still forming, and are not
            saved.
        containment_weight: Weight of the penalty on a lesion probability that exceeds its organ's, where both are
            annotated; 0 disables it.
        balance: Weighting of rare structures in the heads' cross-entropy at the peak learning rate, 0 to 1; it decays
            with the rate, so that the end of a run is unweighted. Without it, heads of rare structures predict nothing.
        cross_entropy: Reduction of the heads' cross-entropy: the "sum" over the structures annotated in a patch, or
            their "mean".
        dice: Reduction of the heads' Dice loss: averaged over the structures "present" in a patch, or over all
            "annotated" ones as published, or "slabs": computed per sagittal plane, as the published weights were
            trained.
        weight_decay, clip_norm: Weight decay of all optimisers, and the maximum gradient norm (inf: no clipping).
        subsample_factor: The pointwise head learns from one in this many voxels: 1, 2, 4 or 8. The regular grid of
            these voxels moves from step to step.
        organs_per_step: Number of structures other than lesions whose heads learn in a step, in turn; the heads of
            lesions always do. 0: all. The penalty of `containment_weight` needs all.
        ema_decay: Decay of the exponential moving average of the weights, which is the result of the run.
        bf16: Train in bfloat16 where it is safe.
        save_every, validate_every: Intervals in steps; every validated state is saved too.
        keep_checkpoints: Number of latest checkpoints to keep, in addition to the best one.
        centres: Ratio of patch centres on background and labelled voxels, [1, 2], or on background, organs and lesions,
            [1, 1, 5]; a case is sampled first, and patches stay inside it. Empty: structures are sampled in turn,
            controlled by the next three settings.
        foreground_probability: Probability that a patch is centred on a structure.
        temperature: Of datasets and structures: 1 shows every case equally often, inf every dataset.
        lesion_weight: Factor by which a lesion is shown more often than an organ with as many cases.
        patches_per_case: Number of consecutive patches from one case.
        datasets: Settings of single datasets, by key.
        workers: Processes that prepare patches, for each training process; 0 = none beside the training itself.
        seed: Root seed of all randomness.
        augmentation: Augmentation settings.
    """

    data: tuple[DataConfig, ...] = ()
    pairs: tuple[PairConfig, ...] = ()
    split: str = ""
    fold: int = -1
    part: str = ""
    backbone: str = "residual_unet"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    head_channels: int = 8
    activation_checkpointing: bool = False
    spacing_mm: tuple[float, float, float] = (3.0, 3.0, 3.0)
    window_hu: tuple[float, float] = (-1024.0, 1024.0)
    patch: tuple[int, int, int] = (96, 96, 96)
    antialias: bool = True
    structures: str = ""
    classes: tuple[str, ...] = ()
    prompt: str = "V3"
    prompts: Mapping[str, str] = field(default_factory=dict)
    text_encoder: str = "all-MiniLM-L6-v2"
    init: str = ""
    init_parts: tuple[str, ...] = ()
    mode: TransferMode = TransferMode.FULL
    adapter_rank: int = 4
    trainable: tuple[str, ...] = ()
    first_logit: float = -4.0
    spread_text: bool = True
    steps: int = 1000
    batch: int = 1
    accumulation_steps: int = 1
    optimiser: str = "muon"
    muon_lr: float = 0.02
    lr: float = 2e-3
    warmup_steps: int = 50
    plateau_fraction: float = 0.5
    lr_update_every: int = 1
    head_weight: float = 0.5
    deep_supervision_weight: float = 1.0
    containment_weight: float = 0.0
    balance: float = 1.0
    cross_entropy: str = "sum"
    dice: str = "present"
    weight_decay: float = 0.01
    clip_norm: float = 12.0
    subsample_factor: int = 4
    organs_per_step: int = 0
    ema_decay: float = 0.999
    bf16: bool = True
    save_every: int = 200
    keep_checkpoints: int = 2
    validate_every: int = 1000
    centres: tuple[float, ...] = ()
    foreground_probability: float = 0.75
    temperature: float = 2.0
    lesion_weight: float = 2.0
    patches_per_case: int = 1
    datasets: Mapping[str, DatasetConfig] = field(default_factory=dict)
    workers: int = 1
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        self._check_cases()
        self._check_names()
        self._check_numbers()
        check_grid(self)

    def _check_cases(self) -> None:
        if not self.data and not self.pairs:
            raise UsageError("nothing to train on", remedy="give [[data]] folders or [[pairs]] in the configuration")
        if not self.split and (self.part or self.fold >= 0):
            raise UsageError("a fold or part is one of a split", remedy="--split FILE, made by omentum data split")
        if self.init_parts and not self.init:
            raise UsageError("init_parts are parts of init, which is not given", remedy="init = FILE, or no init_parts")
        if self.mode.needs_init and not self.init:
            raise UsageError(f"mode {self.mode} freezes the backbone, and init is not given", remedy="init = FILE")
        if self.part and self.fold >= 0:
            raise UsageError(f"fold {self.fold} and part {self.part!r}", remedy="give one of the two")

    def _check_names(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise UsageError(f"{name} is one of {', '.join(choices)}, got {getattr(self, name)!r}")
        template_of(self.prompt)
        if not all(isinstance(sentence, str) and sentence.strip() for sentence in self.prompts.values()):
            raise UsageError("[prompts] takes a sentence for each structure", remedy='for example liver = "A liver"')
        if not all(isinstance(name, str) for name in self.classes):
            raise UsageError(f"classes are names of structures, got {list(self.classes)}")

    def _check_numbers(self) -> None:
        self._check_heads()
        check_least(self, LEAST, MAY_BE_INFINITE)
        check_optimisation(self, SHARES)
        if not self.temperature >= LOWEST_TEMPERATURE:
            raise UsageError(f"temperature must be at least {LOWEST_TEMPERATURE}, got {self.temperature}")
        if not 0 <= self.lesion_weight < float("inf"):
            raise UsageError(f"lesion_weight must be 0 or more, got {self.lesion_weight}")
        check_centres(self.centres)

    def _check_heads(self) -> None:
        if self.subsample_factor not in (1, 2, 4, 8):
            raise UsageError(f"subsample_factor must be 1, 2, 4 or 8, got {self.subsample_factor}")
        if self.organs_per_step and self.containment_weight:
            raise UsageError(
                "containment_weight compares lesions with all their hosts in every step",
                remedy="organs_per_step = 0, or containment_weight = 0",
            )

    @property
    def trained_parts(self) -> tuple[str, ...]:
        """Name prefixes of the parameters that are trained; none are all."""
        return self.trainable or self.mode.trained_parts

    @property
    def preprocess(self) -> PreprocessSpec:
        """The model grid as a specification, as saved with the weights."""
        return PreprocessSpec(self.spacing_mm, self.window_hu, self.patch, antialias=self.antialias)
