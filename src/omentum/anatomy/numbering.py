"""Writing label maps in a dataset's own values: which voxels get which value, and the precedence among values.

This is the inverse of a recipe. A recipe maps a value to all structures its voxels belong to. Here, a value is painted
for the structure that distinguishes it (2 = liver and liver tumour is painted for the tumour; the liver around it is
1). Values are painted in the order used in all our label maps (`paint` in structures.toml: small organs over large
ones, vessels over organs, lesions over everything, a tumour over a cyst), which also decides conflicts on reading.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from omentum.anatomy.structures import STRUCTURES
from omentum.errors import UsageError

LAST_VALUE = 65535
"""The largest number that a voxel of our label maps can hold (uint16)."""


@dataclass(frozen=True)
class NumberingEntry:
    """One label value and the structures that receive it.

    Args:
        value: The label value.
        structures: Keys; voxels in any of these.
        also: Further keys, if available: parts of the structure as the dataset defines it.
        within: Restrict to voxels in one of these structures; empty for no restriction.
    """

    value: int
    structures: tuple[str, ...]
    also: tuple[str, ...] = ()
    within: tuple[str, ...] = ()

    @property
    def paint_order(self) -> tuple[int, int]:
        """Sort key: later entries overwrite earlier ones."""
        return max(STRUCTURES[key].paint_order for key in self.structures)

    @property
    def name(self) -> str:
        """Name for label tables and messages."""
        words = " + ".join(STRUCTURES[key].display for key in self.structures)
        inside = " or ".join(STRUCTURES[key].noun for key in self.within)
        return f"{words} in the {inside}" if inside else words


@dataclass(frozen=True)
class Numbering:
    """The label values of a dataset.

    Args:
        name: Name of the dataset.
        entries: In painting order.
        never: Value -> reason why it is never written.
    """

    name: str
    entries: tuple[NumberingEntry, ...]
    never: Mapping[int, str] = field(default_factory=dict)

    def lacking(self, classes: Collection[str]) -> dict[int, tuple[str, ...]]:
        """Value -> its structures that are missing from these classes, so that it is incomplete or not written.

        Raises:
            UsageError: No value can be written.
        """
        known = set(classes)
        if not any(known & {*entry.structures} for entry in self.entries):
            wanted = ", ".join(dict.fromkeys(key for entry in self.entries for key in entry.structures))
            raise UsageError(f"nothing that {self.name} has a number for is looked for", remedy=f"it has {wanted}")
        found = {s.value: tuple(k for k in (*s.structures, *s.within) if k not in known) for s in self.entries}
        return {value: keys for value, keys in sorted(found.items()) if keys}

    def to_json(self) -> dict[str, Any]:
        """Everything that determines a label map, as JSON-serialisable values."""
        values = {
            str(entry.value): {"name": entry.name, "structures": entry.structures}
            | ({"also": entry.also} if entry.also else {})
            | ({"within": entry.within} if entry.within else {})
            for entry in self.entries
        }
        return {"name": self.name, "values": values}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Numbering:
        """Build from the output of `to_json`; why a value is never written (`never`) is not in it.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        parts = ("structures", "also", "within")
        entries = [
            NumberingEntry(int(value), **{part: tuple(one[part]) for part in parts if part in one})
            for value, one in raw["values"].items()
        ]
        return cls(raw["name"], tuple(entries))


def lacking_words(numbering: Numbering, classes: Collection[str]) -> list[str]:
    """Message that lists values which cannot be written, or only in part, and why.

    Raises:
        UsageError: No value can be written.
    """
    never = [f"never written: {why}" for why in dict.fromkeys(numbering.never.values())]
    lacking = [f"{value} ({', '.join(keys)})" for value, keys in numbering.lacking(classes).items()]
    in_part = [f"not looked for, so not written or in part: {', '.join(lacking)}"] if lacking else []
    return [f"numbers of {numbering.name}: {words}" for words in (*in_part, *never)]
