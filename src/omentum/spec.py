"""The description in a checkpoint: the only copy of each number that preprocessing and model must agree on."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from omentum.errors import CheckpointError
from omentum.json_values import strict_json

if TYPE_CHECKING:
    from omentum.fingerprint import ScansSeen

FORMAT_VERSION = 5
"""Version of the checkpoint description; a reader refuses what is newer than itself. 2: with rows of structures; 3:
with the trust in each class; 4: with adapters, or with a head other than the text-driven one; 5: with smallest
volumes."""

USUAL_THRESHOLD = 0.5
"""Probability threshold of a class without a chosen one."""
TEXT_SHA256 = "text_encoder_sha256"
"""Entry of `CheckpointSpec.training`: hash of the files, or of the table, that its text embeddings came from."""
LINEAGE = "lineage"
"""Another entry: the extensions that made it, the first one first: hash and name of the parent, what was added and how,
see `omentum.train.extend`."""
TRUST_FROM = "trust_from"
"""Entry of `CheckpointSpec.training`: what the record of trust was made from, in words."""


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


@dataclass(frozen=True)
class CheckpointSpec:
    """Everything stored beside the tensors, as JSON under the metadata entry `omentum`.

    Args:
        model, preprocess, classes: See their types; classes are in channel order.
        text_encoder: Name of the language model the embeddings came from.
        training: Free description of data, steps, date and measured figures.
        licence, citation: Terms of the weights, and what to cite.
        structures: Rows of those classes (and of their hosts and pairs) that are not as in the packaged table, by key;
            JSON values, see `omentum.anatomy.structure_rows`.
        adapters: Additions to the network, each for some of the classes; all other classes are computed without.
    """

    model: ModelSpec
    preprocess: PreprocessSpec
    classes: tuple[ClassSpec, ...]
    text_encoder: str
    training: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""
    citation: str = ""
    structures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    adapters: tuple[AdapterSpec, ...] = ()

    @property
    def class_keys(self) -> tuple[str, ...]:
        """Structure keys in channel order."""
        return tuple(c.key for c in self.classes)

    @property
    def classes_sha256(self) -> str:
        """Hash of the ordered class list; guards against silently permuted labels."""
        return classes_sha256(self.class_keys)

    @property
    def scans_seen(self) -> ScansSeen:
        """The scans it learned from, as far as recorded."""
        from omentum.fingerprint import ScansSeen  # loads numpy, which `omentum --help` does without

        return ScansSeen.of(self.training)

    @property
    def thresholds(self) -> dict[str, float]:
        """Structure key -> probability above which a voxel belongs to it, in channel order."""
        return {c.key: c.threshold for c in self.classes}

    @property
    def minimum_ml(self) -> dict[str, float]:
        """Structure key -> volume below which a component is removed, where one was chosen."""
        return {c.key: c.minimum_ml for c in self.classes if c.minimum_ml}

    @property
    def trust(self) -> dict[str, Trust]:
        """Structure key -> how far the weights can be trusted with it, in channel order."""
        return {c.key: c.trust for c in self.classes}

    @property
    def _format(self) -> int:
        """The lowest version that can say all of it."""
        if self.minimum_ml:
            return 5
        if self.adapters or self.model.head is not HeadKind.TEXT:
            return 4
        if any(c.trust is not Trust.UNKNOWN for c in self.classes):
            return 3
        return 2 if self.structures else 1

    def to_json(self) -> str:
        """JSON text with `format` and the hash of the class list added; see `strict_json`."""
        said = asdict(self) | {"model": self.model.to_json(), "classes": [c.to_json() for c in self.classes]}
        if not self.structures:  # as every earlier version reads it
            del said["structures"]
        if not self.adapters:
            del said["adapters"]
        whole = {"format": self._format, "classes_sha256": self.classes_sha256, **said}
        return json.dumps(strict_json(whole), indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text: str, *, source: str | None = None) -> CheckpointSpec:
        """Read what `to_json` wrote.

        Raises:
            CheckpointError: not JSON, a newer format, a field missing, or classes that differ from their hash.
        """
        try:
            raw = json.loads(text)
            version = raw["format"]
            if version > FORMAT_VERSION:
                raise CheckpointError(
                    f"made by checkpoint format {version}, this version reads up to {FORMAT_VERSION}",
                    source=source,
                    remedy="upgrade omentum",
                )
            spec = cls(
                model=ModelSpec(**raw["model"]),
                preprocess=PreprocessSpec(**{k: _tuple(v) for k, v in raw["preprocess"].items()}),
                classes=tuple(ClassSpec(**c) for c in raw["classes"]),
                text_encoder=raw["text_encoder"],
                training=raw.get("training", {}),
                licence=raw.get("licence", ""),
                citation=raw.get("citation", ""),
                structures=raw.get("structures", {}),
                adapters=tuple(AdapterSpec(**a) for a in raw.get("adapters", ())),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            raise CheckpointError(f"its description cannot be read: {fault!r}", source=source) from fault
        if raw.get("classes_sha256") != spec.classes_sha256:
            raise CheckpointError("its class list does not match the list it was saved with", source=source)
        adapted = [key for adapter in spec.adapters for key in adapter.classes]
        if strange := {key for key in adapted if key not in spec.class_keys or adapted.count(key) > 1}:
            reason = f"its adapters do not fit its classes: {', '.join(sorted(strange))}"
            raise CheckpointError(reason, source=source)
        return spec


def classes_sha256(keys: Iterable[str]) -> str:
    """Hash of an ordered class list."""
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
