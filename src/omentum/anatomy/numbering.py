"""A dataset's own label values, for writing: which voxels get which number, and which number wins where several could.

This is a recipe turned round. A recipe says what a value means: every structure its voxels belong to. Here a value is
*drawn* for what sets it apart (2 = liver and liver tumour is drawn for the tumour: the liver around it is 1), and
values are drawn one over another in the order in which structures paint over one another in every label map of ours
(`paint` in structures.toml: small organs over large ones, vessels over organs, lesions over everything, a tumour over a
cyst), which is also how reading decides between two structures that claim a voxel.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from omentum.anatomy.pairs import PAIRS
from omentum.anatomy.recipe import Recipe, Target
from omentum.anatomy.structures import STRUCTURES
from omentum.errors import UsageError

LAST_VALUE = 65535
"""The largest number that a voxel of our label maps can hold (uint16)."""


@dataclass(frozen=True)
class Stroke:
    """One value and what it is drawn for.

    Args:
        value: The number.
        structures: The voxels of any of these.
        also: And of these, as far as they are known: parts of what the dataset calls by this name.
        within: Of all that, only what lies in one of these; empty for anywhere.
    """

    value: int
    structures: tuple[str, ...]
    also: tuple[str, ...] = ()
    within: tuple[str, ...] = ()

    @property
    def paint_order(self) -> tuple[int, int]:
        """Sort key: later strokes are drawn over earlier ones."""
        return max(STRUCTURES[key].paint_order for key in self.structures)

    @property
    def name(self) -> str:
        """For label tables and messages."""
        words = " + ".join(STRUCTURES[key].display for key in self.structures)
        inside = " or ".join(STRUCTURES[key].noun for key in self.within)
        return f"{words} in the {inside}" if inside else words


@dataclass(frozen=True)
class Numbering:
    """The values of a dataset.

    Args:
        name: Of the dataset.
        strokes: In the order in which they are drawn.
        never: Value -> why no voxel ever gets it.
    """

    name: str
    strokes: tuple[Stroke, ...]
    never: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of_recipe(cls, recipe: Recipe) -> Numbering:
        """Of a dataset with label maps.

        Raises:
            UsageError: it has masks and no label maps, or a number that no voxel of ours can hold.
        """
        if not recipe.values:
            raise UsageError(f"{recipe.key} has masks and no numbers", remedy="write masks with --masks")
        return _numbering(recipe.key, recipe.values, {}, recipe.written)

    @classmethod
    def of_mapping(
        cls, name: str, labels: Mapping[int, Collection[str]], unions: Mapping[str, Collection[str]]
    ) -> Numbering:
        """Of somebody's label values.

        Args:
            name: Of whatever it is.
            labels: Value -> structure keys that each of its voxels belongs to.
            unions: Structure key -> keys of ours that the foreign name covers too.

        Raises:
            UsageError: a number that no voxel of ours can hold.
        """
        return _numbering(name, {value: Target(frozenset(keys)) for value, keys in labels.items()}, unions, {})

    def lacking(self, classes: Collection[str]) -> dict[int, tuple[str, ...]]:
        """Value -> which of its structures are not among these, so that it is drawn in part or not at all.

        Raises:
            UsageError: no value can be drawn.
        """
        known = set(classes)
        if not any(known & {*stroke.structures} for stroke in self.strokes):
            wanted = ", ".join(dict.fromkeys(key for stroke in self.strokes for key in stroke.structures))
            raise UsageError(f"nothing that {self.name} has a number for is looked for", remedy=f"it has {wanted}")
        found = {s.value: tuple(k for k in (*s.structures, *s.within) if k not in known) for s in self.strokes}
        return {value: keys for value, keys in sorted(found.items()) if keys}

    def to_json(self) -> dict[str, Any]:
        """JSON values that say all that decides a label map."""
        values = {
            str(stroke.value): {"name": stroke.name, "structures": stroke.structures}
            | ({"also": stroke.also} if stroke.also else {})
            | ({"within": stroke.within} if stroke.within else {})
            for stroke in self.strokes
        }
        return {"name": self.name, "values": values}


def _numbering(
    name: str,
    values: Mapping[int, Target],
    unions: Mapping[str, Collection[str]],
    written: Mapping[int, Collection[str]],
) -> Numbering:
    if beyond := sorted(value for value in values if not 0 < value <= LAST_VALUE):
        text = f"no voxel can be {', '.join(map(str, beyond))}: the numbers of a label map are 1 to {LAST_VALUE}"
        raise UsageError(text, source=name, remedy="number its labels anew")
    never: dict[int, str] = {}
    strokes: list[Stroke] = []
    for value, target in values.items():
        if value in written:
            strokes.append(Stroke(value, _in_order(written[value])))
        elif target.unknown:
            never[value] = f"it is {target.unknown}"
        elif stroke := _stroke(value, target, unions):
            strokes.append(stroke)
        else:
            never[value] = f"it is {' and '.join(_in_order(target.gives))} at once"
    same = defaultdict(list)
    for stroke in strokes:
        same[stroke.structures, stroke.within].append(stroke.value)
    for of_same in (of_same for of_same in same.values() if len(of_same) > 1):
        whole = next(stroke.name for stroke in strokes if stroke.value == of_same[0])
        never |= dict.fromkeys(of_same, f"{_listed(of_same)} are not told apart ({whole})")
    drawn = sorted((s for s in strokes if s.value not in never), key=lambda s: (s.paint_order, s.value))
    return Numbering(name, tuple(drawn), dict(sorted(never.items())))


def _stroke(value: int, target: Target, unions: Mapping[str, Collection[str]]) -> Stroke | None:
    """What sets a value apart: the lesion or vessel in its host, or the one structure or pair it means."""
    hosted = [key for key in target.structures if target.gives & {*STRUCTURES[key].hosts}]
    groups = [frozenset([key]) for key in hosted or target.structures]
    groups += [frozenset(PAIRS[pair]) for pair in target.pairs if not hosted]
    if len(groups) != 1:
        return None
    structures = _in_order(groups[0])
    also = _in_order(frozenset(key for one in structures for key in unions.get(one, ())) - {*structures})
    hosts = frozenset(STRUCTURES[hosted[0]].hosts) if hosted else frozenset()
    return Stroke(value, structures, also, () if hosts <= target.gives else _in_order(hosts & target.gives))


def _in_order(keys: Collection[str]) -> tuple[str, ...]:
    return tuple(key for key in STRUCTURES.keys if key in keys)


def _listed(values: list[int]) -> str:
    return f"{', '.join(map(str, values[:-1]))} and {values[-1]}"
