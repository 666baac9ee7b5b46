"""The parts of the description in a checkpoint: preprocessing, network, classes, adapters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

USUAL_THRESHOLD = 0.5
"""Probability threshold of a class without a chosen one."""
MAX_GROWTH = 0.167
"""Parameters that all adapters of a network may add, as a share of its own: what LoCo (arXiv:2410.04689) needed to
learn 121 organs without forgetting any."""


class Trust(StrEnum):
    """How far weights can be trusted with a class, by their own evaluation; the best first."""

    RELIABLE = "reliable"
    UNKNOWN = "unknown"
    """Not evaluated, or not recorded."""
    WEAK = "weak"
    NOT_FOUND = "not found"
    """It was there and was (all but) never found: that it is missing in a result means nothing."""

    @classmethod
    def worst(cls, several: Iterable[Trust]) -> Trust:
        """Of several evaluations, or of several weights that segment as one; unknown of none."""
        return max(several, key=list(cls).index, default=cls.UNKNOWN)


class HeadKind(StrEnum):
    """What turns the backbone's features into one map per class."""

    TEXT = "text"
    """`omentum.model.head.TextDrivenHead`, the published one."""
    PLAIN = "plain"
    """`omentum.model.plain_head.PlainHead`: a 1x1x1 convolution, without text."""


@dataclass(frozen=True)
class PreprocessSpec:
    """How a CT becomes the tensor the network was trained on.

    Args:
        spacing_mm: Voxel spacing of the model grid along x, y, z.
        window_hu: HU values mapped to 0 and 1; what lies outside is clipped.
        patch: Window size in voxels along x, y, z.
        orientation: Axis directions of the model grid.
        antialias: Smooth finer input to the model spacing before sampling. The published weights were trained
            without; a coarse model grid needs it, or noise and thin structures alias.
    """

    spacing_mm: tuple[float, float, float] = (1.5, 1.5, 1.5)
    window_hu: tuple[float, float] = (-175.0, 250.0)
    patch: tuple[int, int, int] = (96, 96, 96)
    orientation: str = "RAS"
    antialias: bool = False

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> PreprocessSpec:
        """Build from JSON values.

        Raises:
            AttributeError, TypeError: they are malformed.
        """
        fields: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in raw.items()}
        return cls(**fields)


@dataclass(frozen=True)
class ModelSpec:
    """Which network: a backbone by name with its parameters, and the head with its widths.

    Args:
        backbone: Key of `omentum.model.build.BACKBONES`.
        parameters: Keyword arguments of that backbone; JSON values only.
        text_width: Length of a text embedding (512 for CLIP ViT-B/32).
        condition_width: Width of the image and of the text half of the head's condition.
        head_channels: Channels of the generated 1x1x1 layers.
        head: Kind of the head; a plain one has no other widths, and `text_width` is its number of classes.

    Raises:
        ValueError: an unknown kind of head.
    """

    backbone: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    text_width: int = 512
    condition_width: int = 256
    head_channels: int = 8
    head: HeadKind = HeadKind.TEXT

    def __post_init__(self) -> None:
        object.__setattr__(self, "head", HeadKind(self.head))

    def to_json(self) -> dict[str, Any]:
        """JSON values; the text-driven head is left out, as earlier versions expect."""
        said = asdict(self)
        if self.head is HeadKind.TEXT:
            del said["head"]
        return said


@dataclass(frozen=True)
class ClassSpec:
    """One output channel.

    Args:
        key: The structure it predicts.
        prompt: The exact sentence its text embedding was made from.
        threshold: A voxel belongs to the structure where its probability is above this; between 0 and 1.
        trust: How far the weights can be trusted with it.
        minimum_ml: Components with less volume are removed; 0 leaves that to the rules of post-processing.

    Raises:
        ValueError: the threshold is not between 0 and 1, a volume below 0, or an unknown word for trust.
    """

    key: str
    prompt: str
    threshold: float = USUAL_THRESHOLD
    trust: Trust = Trust.UNKNOWN
    minimum_ml: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.minimum_ml < math.inf:
            raise ValueError(f"the smallest volume of {self.key} is {self.minimum_ml} ml")
        if not 0 < self.threshold < 1:
            raise ValueError(f"the threshold of {self.key} is {self.threshold}, not between 0 and 1")
        object.__setattr__(self, "trust", Trust(self.trust))

    def to_json(self) -> dict[str, Any]:
        """JSON values without the usual threshold, unknown trust and a volume of 0, as earlier versions expect."""
        said = asdict(self)
        if self.threshold == USUAL_THRESHOLD:
            del said["threshold"]
        if self.trust is Trust.UNKNOWN:
            del said["trust"]
        if self.minimum_ml == 0:
            del said["minimum_ml"]
        return said


@dataclass(frozen=True)
class AdapterSpec:
    """Additions to the weights of the network, used for some of its classes only; see `omentum.model.low_rank`.

    Args:
        classes: Keys of the classes that are computed with the additions; a class belongs to one adapter at most.
        rank: Rank of the additions to kernels and matrices.
        parts: Beginnings of the names of the parameters that it adds to, such as "head"; empty for all.

    Raises:
        ValueError: no classes, or a rank below 1.
    """

    classes: tuple[str, ...]
    rank: int
    parts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))
        object.__setattr__(self, "parts", tuple(self.parts))
        if not self.classes or self.rank < 1:
            raise ValueError(f"an adapter of rank {self.rank} for {len(self.classes)} classes")
