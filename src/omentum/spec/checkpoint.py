"""The description in a checkpoint: the only copy of each number that preprocessing and model must agree on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from omentum.errors import CheckpointError
from omentum.json_values import strict_json
from omentum.spec.parts import AdapterSpec, ClassSpec, HeadKind, ModelSpec, PreprocessSpec, Trust
from omentum.spec.second_pass import SecondPassSpec

if TYPE_CHECKING:
    from omentum.fingerprint import ScansSeen

FORMAT_VERSION = 6
"""Version of the checkpoint description; a reader refuses what is newer than itself. 2: with rows of structures; 3:
with the trust in each class; 4: with adapters, or with a head other than the text-driven one; 5: with smallest
volumes; 6: with a second pass."""
TEXT_SHA256 = "text_encoder_sha256"
"""Entry of `CheckpointSpec.training`: hash of the files, or of the table, that its text embeddings came from."""
LINEAGE = "lineage"
"""Another entry: the extensions that made it, the first one first: hash and name of the parent, what was added and how,
see `omentum.train.extend`."""
TRUST_FROM = "trust_from"
"""Entry of `CheckpointSpec.training`: what the record of trust was made from, in words."""


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
        second_pass: Another network that computes some of the classes once their organs are found. `classes` has them
            too, as the first network alone would compute them.
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
    second_pass: SecondPassSpec | None = None

    @property
    def text_shape(self) -> tuple[int, int]:
        """Shape of the text embeddings: classes x width."""
        return len(self.classes), self.model.text_width

    @property
    def second_pass_network(self) -> CheckpointSpec | None:
        """Description of the network of the second pass."""
        second = self.second_pass
        if second is None:
            return None
        return replace(
            self,
            model=second.model,
            preprocess=second.preprocess,
            classes=second.classes,
            adapters=(),
            second_pass=None,
        )

    @property
    def strange_in_second_pass(self) -> set[str]:
        """Classes and organs of the second pass that the first does not have."""
        second = self.second_pass
        return set() if second is None else {*second.keys, *second.organs_of(second.keys)} - set(self.class_keys)

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
    def computed(self) -> tuple[ClassSpec, ...]:
        """The classes as both passes compute them: those of the second pass in place of the first's."""
        second = {} if self.second_pass is None else {c.key: c for c in self.second_pass.classes}
        return tuple(second.get(c.key, c) for c in self.classes)

    def with_classes(self, change: Callable[[ClassSpec], ClassSpec]) -> CheckpointSpec:
        """A copy in which each class is changed in the pass that computes it."""
        second = self.second_pass
        if second is None:
            return replace(self, classes=tuple(map(change, self.classes)))
        first = tuple(c if c.key in second.keys else change(c) for c in self.classes)
        return replace(self, classes=first, second_pass=replace(second, classes=tuple(map(change, second.classes))))

    @property
    def thresholds(self) -> dict[str, float]:
        """Structure key -> probability above which a voxel belongs to it, in channel order."""
        return {c.key: c.threshold for c in self.computed}

    @property
    def minimum_ml(self) -> dict[str, float]:
        """Structure key -> volume below which a component is removed, where one was chosen."""
        return {c.key: c.minimum_ml for c in self.computed if c.minimum_ml}

    @property
    def trust(self) -> dict[str, Trust]:
        """Structure key -> how far the weights can be trusted with it, in channel order."""
        return {c.key: c.trust for c in self.computed}

    @property
    def _format(self) -> int:
        """The lowest version that can say all of it."""
        if self.second_pass is not None:
            return 6
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
        del said["second_pass"]
        if self.second_pass is not None:
            said["second_pass"] = self.second_pass.to_json()
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
            second = raw.get("second_pass")
            spec = cls(
                model=ModelSpec(**raw["model"]),
                preprocess=PreprocessSpec.from_json(raw["preprocess"]),
                classes=tuple(ClassSpec(**c) for c in raw["classes"]),
                text_encoder=raw["text_encoder"],
                training=raw.get("training", {}),
                licence=raw.get("licence", ""),
                citation=raw.get("citation", ""),
                structures=raw.get("structures", {}),
                adapters=tuple(AdapterSpec(**a) for a in raw.get("adapters", ())),
                second_pass=None if second is None else SecondPassSpec.from_json(second),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            raise CheckpointError(f"its description cannot be read: {fault!r}", source=source) from fault
        if raw.get("classes_sha256") != spec.classes_sha256:
            raise CheckpointError("its class list does not match the list it was saved with", source=source)
        adapted = [key for adapter in spec.adapters for key in adapter.classes]
        if strange := {key for key in adapted if key not in spec.class_keys or adapted.count(key) > 1}:
            reason = f"its adapters do not fit its classes: {', '.join(sorted(strange))}"
            raise CheckpointError(reason, source=source)
        if strange := spec.strange_in_second_pass:
            reason = f"its second pass does not fit its classes: {', '.join(sorted(strange))}"
            raise CheckpointError(reason, source=source)
        return spec


def classes_sha256(keys: Iterable[str]) -> str:
    """Hash of an ordered class list."""
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()
