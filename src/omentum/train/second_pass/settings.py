"""The complete definition of a run that trains a second pass, frozen and validated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omentum.errors import UsageError
from omentum.phantom.lesions.kinds import KINDS
from omentum.spec import PreprocessSpec, RegionSpec
from omentum.train.config.case_collections import DataConfig
from omentum.train.config.checks import check_grid, check_least, check_optimisation
from omentum.words import keys_of, structures_in

LEAST = {
    **dict.fromkeys(("steps", "batch", "save_every", "keep_checkpoints"), 1),
    **dict.fromkeys(("head_channels", "condition_width", "positive_weight_cap"), 1),
    **dict.fromkeys(("muon_lr", "lr", "warmup_steps", "auxiliary_weight", "weight_decay", "clip_norm", "seed"), 0),
}
"""Smallest values that mean something."""

SHARES = ("ema_decay", "foreground_probability", "implant_probability")


@dataclass(frozen=True)
class RegionConfig:
    """Some organs, and what is looked for in them.

    Args:
        organs: Structures that the first pass finds, by any name.
        classes: Structures looked for there, by any name; each in one region only.
        margin_mm: How far from the organs they may lie.
        apart: Each organ is looked at by itself, in a box of its own; a class that is one of the organs is looked for
            around that organ alone.
        window_hu: As that of the run, for this region only; empty for that of the run.
        median_above_hu: HU are relative to the median of the organs' voxels above it; -200 leaves out the gas of a
            hollow organ.
        implants: Classes of the region, by any name, of which synthetic lesions are put into crops while training; see
            `implant_probability`.
        weight: How often the region is sampled, relative to others.
    """

    organs: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    margin_mm: float = 7.5
    apart: bool = False
    window_hu: tuple[float, ...] = ()
    median_above_hu: float = -math.inf
    implants: tuple[str, ...] = ()
    weight: float = 1.0

    def __post_init__(self) -> None:
        for name in ("organs", "classes"):
            words = getattr(self, name)
            if not words or not all(isinstance(word, str) and word.strip() for word in words):
                remedy = 'for example organs = ["liver"], classes = ["liver tumour"]'
                raise UsageError(f"{name} in [[regions]] are names of structures, got {list(words)}", remedy=remedy)
        if not 0 <= self.margin_mm < math.inf:
            raise UsageError(f"margin_mm in [[regions]] is 0 or more, got {self.margin_mm}")
        if self.window_hu and (
            len(self.window_hu) != 2 or not -math.inf < self.window_hu[0] < self.window_hu[1] < math.inf
        ):
            raise UsageError(f"window_hu in [[regions]] goes from low to high HU, got {list(self.window_hu)}")
        if not self.median_above_hu < math.inf:
            raise UsageError(f"median_above_hu in [[regions]] is a number of HU, got {self.median_above_hu}")
        if not 0 < self.weight < math.inf:
            raise UsageError(f"weight in [[regions]] must be above 0 and finite, got {self.weight}")

    @property
    def implanted(self) -> tuple[str, ...]:
        """Keys of `implants`.

        Raises:
            UsageError: A word names no structure, or one that is not looked for here or not drawn by any phantom.
        """
        keys = keys_of(structures_in(self.implants, guesses=False)) if self.implants else ()
        if strange := [key for key in keys if key not in KINDS or key not in self.spec.classes]:
            remedy = f"implants are lesions among the region's classes: {', '.join(KINDS)}"
            raise UsageError(f"implants in [[regions]] cannot be {', '.join(strange)}", remedy=remedy)
        return keys

    @property
    def spec(self) -> RegionSpec:
        """The region with structure keys.

        Raises:
            UsageError: A word names no structure.
        """
        organs, classes = (keys_of(structures_in(words, guesses=False)) for words in (self.organs, self.classes))
        low_high = (self.window_hu[0], self.window_hu[1]) if self.window_hu else None
        return RegionSpec(organs, classes, self.margin_mm, self.apart, low_high, self.median_above_hu)


@dataclass(frozen=True)
class SecondPassConfig:
    """A run that trains a second pass.

    Args:
        init: Weights of the first pass, a file or a name: they find the organs, and become part of the result.
        warm_start: Start from the second pass that `init` has, whose classes may be others; not from random weights.
        data: Collections of cases; folders only.
        regions: Where which structures are looked for.
        parameters: Keyword arguments of the network `organ_unet` that differ from its defaults.
        condition_width: Width of the image and of the text half of the head's condition.
        head_channels: Channels of the generated layers of the head.
        spacing_mm: Voxel spacing of the second pass's grid along x, y, z.
        window_hu: HU relative to the organs' median that are mapped to -1 and 1; values outside are clipped.
        patch: Sliding window of inference in voxels along x, y, z; boxes around organs are at least as large.
        crop: Size of the crops that are trained on, in voxels along x, y, z.
        first_logit: Initial bias of every generated head; negative because most voxels belong to no structure.
        steps: Optimiser steps of the whole run.
        batch: Crops per step.
        muon_lr: Peak learning rate of Muon, which trains the convolution kernels of the backbone.
        lr: Peak learning rate of AdamW, which trains everything else.
        warmup_steps: Number of warm-up steps.
        plateau_fraction: Fraction of the run after warm-up spent at the peak; then cosine decay to zero.
        weight_decay: Weight decay of AdamW.
        clip_norm: Maximum gradient norm (inf: no clipping).
        positive_weight_cap: Largest weight of a positive voxel in the cross-entropy; it decays to 1 in the second half.
        auxiliary_weight: Weight of the loss of a plain classifier of the same features, which trains the backbone while
            the generated heads are still forming; it decays and is not part of the result.
        foreground_probability: Probability that a crop is centred on a structure that is looked for.
        implant_probability: Probability that a crop of a region with `implants` gets a synthetic lesion, a new one each
            time, and is drawn anywhere in the organ.
        ema_decay: Decay of the exponential moving average of the weights, which is the result of the run.
        bf16: Train in bfloat16 where it is safe.
        save_every: Interval between checkpoints, in steps.
        keep_checkpoints: Number of latest checkpoints to keep.
        seed: Root seed of all randomness.
    """

    init: str = "default"
    warm_start: bool = False
    data: tuple[DataConfig, ...] = ()
    regions: tuple[RegionConfig, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    condition_width: int = 64
    head_channels: int = 8
    spacing_mm: tuple[float, float, float] = (2.5, 2.5, 2.5)
    window_hu: tuple[float, float] = (-600.0, 600.0)
    patch: tuple[int, int, int] = (64, 64, 64)
    crop: tuple[int, int, int] = (48, 48, 48)
    first_logit: float = -3.0
    steps: int = 15000
    batch: int = 2
    muon_lr: float = 0.02
    lr: float = 2e-3
    warmup_steps: int = 50
    plateau_fraction: float = 0.5
    weight_decay: float = 0.01
    clip_norm: float = 3.0
    positive_weight_cap: float = 10.0
    auxiliary_weight: float = 0.5
    foreground_probability: float = 0.65
    implant_probability: float = 0.0
    ema_decay: float = 0.998
    bf16: bool = True
    save_every: int = 250
    keep_checkpoints: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.init:
            raise UsageError("init is empty", remedy='a second pass needs a first one that finds organs: "default"')
        if not self.data:
            raise UsageError("nothing to train on", remedy="give [[data]] folders in the configuration")
        if any(one.store or one.validation for one in self.data):
            raise UsageError(
                "[[data]] of a second pass are folders of cases, all of them trained on",
                remedy="leave out store and validation",
            )
        if not self.regions:
            raise UsageError("nothing to look for", remedy="give [[regions]] in the configuration")
        check_least(self, LEAST, {"clip_norm"})
        check_optimisation(self, SHARES)
        check_grid(self)
        for region in self.regions:
            region.implanted  # noqa: B018  refused before anything is read
        if min(self.crop) < 1:
            raise UsageError(f"crop takes numbers of voxels, got {list(self.crop)}")

    @property
    def preprocess(self) -> PreprocessSpec:
        """The grid of the second pass, as saved with the weights."""
        return PreprocessSpec(self.spacing_mm, self.window_hu, self.patch, antialias=True)

    @property
    def region_specs(self) -> tuple[RegionSpec, ...]:
        """The regions with structure keys.

        Raises:
            UsageError: A word names no structure, or two regions look for the same one.
        """
        specs = tuple(region.spec for region in self.regions)
        keys = [key for spec in specs for key in spec.classes]
        if several := sorted({key for key in keys if keys.count(key) > 1}):
            raise UsageError(f"several [[regions]] look for {', '.join(several)}", remedy="give each class one region")
        return specs
