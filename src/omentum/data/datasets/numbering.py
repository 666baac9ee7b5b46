"""The inverse of a recipe: which of our structures each native label value is written for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from omentum.anatomy.numbering import LAST_VALUE, Numbering, NumberingEntry
from omentum.anatomy.pairs import PAIRS
from omentum.anatomy.structures import STRUCTURES
from omentum.data.datasets.recipe import Recipe, Target
from omentum.errors import UsageError


def numbering_of_recipe(recipe: Recipe) -> Numbering:
    """Numbering of a dataset that ships label maps.

    Raises:
        UsageError: The dataset ships masks instead of label maps, or a value does not fit the output dtype.
    """
    if not recipe.values:
        raise UsageError(f"{recipe.key} has masks and no numbers", remedy="write masks with --masks")
    return _numbering(recipe.key, recipe.values, {}, recipe.written)


def numbering_of_mapping(
    name: str, labels: Mapping[int, Collection[str]], unions: Mapping[str, Collection[str]]
) -> Numbering:
    """Numbering from a user-defined mapping.

    Args:
        name: Name of the mapping, for messages.
        labels: Label value -> keys of the structures that its voxels belong to.
        unions: Structure key -> keys of our structures that the foreign label also covers.

    Raises:
        UsageError: A value does not fit the output dtype.
    """
    return _numbering(name, {value: Target(frozenset(keys)) for value, keys in labels.items()}, unions, {})


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
    entries: list[NumberingEntry] = []
    for value, target in values.items():
        if value in written:
            entries.append(NumberingEntry(value, _in_order(written[value])))
        elif target.unknown:
            never[value] = f"it is {target.unknown}"
        elif entry := _entry(value, target, unions):
            entries.append(entry)
        else:
            never[value] = f"it is {' and '.join(_in_order(target.gives))} at once"
    same = defaultdict(list)
    for entry in entries:
        same[entry.structures, entry.within].append(entry.value)
    for of_same in (of_same for of_same in same.values() if len(of_same) > 1):
        whole = next(entry.name for entry in entries if entry.value == of_same[0])
        never |= dict.fromkeys(of_same, f"{_listed(of_same)} are not told apart ({whole})")
    drawn = sorted((s for s in entries if s.value not in never), key=lambda s: (s.paint_order, s.value))
    return Numbering(name, tuple(drawn), dict(sorted(never.items())))


def _entry(value: int, target: Target, unions: Mapping[str, Collection[str]]) -> NumberingEntry | None:
    """What identifies a value: a lesion or vessel within its host, or the single structure or pair it denotes."""
    hosted = [key for key in target.structures if target.gives & {*STRUCTURES[key].hosts}]
    groups = [frozenset([key]) for key in hosted or target.structures]
    groups += [frozenset(PAIRS[pair]) for pair in target.pairs if not hosted]
    if len(groups) != 1:
        return None
    structures = _in_order(groups[0])
    also = _in_order(frozenset(key for one in structures for key in unions.get(one, ())) - {*structures})
    hosts = frozenset(STRUCTURES[hosted[0]].hosts) if hosted else frozenset()
    return NumberingEntry(value, structures, also, () if hosts <= target.gives else _in_order(hosts & target.gives))


def _in_order(keys: Collection[str]) -> tuple[str, ...]:
    return tuple(key for key in STRUCTURES.keys if key in keys)


def _listed(values: list[int]) -> str:
    return f"{', '.join(map(str, values[:-1]))} and {values[-1]}"
