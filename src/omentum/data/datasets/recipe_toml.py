"""Parse the TOML of a recipe; every error names the place and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from omentum.anatomy.pairs import find_pair
from omentum.anatomy.structures import STRUCTURES
from omentum.data.datasets.recipe import CaseRule, FileLayout, ImageKind, LabelKind, Recipe, Target
from omentum.data.datasets.recipe_checks import check_glob, check_patient, check_recipe
from omentum.errors import InputError, OmentumError, UsageError

USUAL_LAYOUTS = (
    FileLayout("images/{id}.nii*", "nifti", "labels/{id}.nii*", "map"),
    FileLayout("{id}/image.nii*", "nifti", "{id}/label.nii*", "map"),
    FileLayout("{id}/ct.nii*", "nifti", "{id}/segmentation.nii*", "map"),
    FileLayout("{id}_image.nii*", "nifti", "{id}_label.nii*", "map"),
)
"""Where a folder without a word about its layout may keep its cases."""

MOST_OFFSET_HU = 32768

_TEXTS = ("title", "homepage", "licence", "citation", "label_noise", "reuse")
_LISTS = ("ignored", "annotated", "annotated_if_present", "healthy")
_MEANINGS = ("values", "masks", "uncertain", "not_annotated", "written")
_FIELDS = (*_TEXTS, "cases", "patient", "hu_offset", *_LISTS, "layout", *_MEANINGS, "rules")
_LAYOUT_FIELDS = ("image", "image_kind", "labels", "label_kind")
_RULE_FIELDS = ("ids", "annotated", "skip", "suspect", "patient", "healthy", "predicted")


def parse_recipe(raw: Mapping[str, Any], key: str, source: Path) -> Recipe:
    """Validate the content of a recipe file and build the recipe.

    Args:
        raw: Parsed content of the file.
        key: Short name of the recipe.
        source: File name for error messages.

    Raises:
        InputError: The content is invalid.
    """
    try:
        recipe = _recipe(raw, key)
        check_recipe(recipe)
    except OmentumError as fault:
        raise InputError(fault.reason, source=source, remedy=fault.remedy) from fault
    return recipe


def _recipe(raw: Mapping[str, Any], key: str) -> Recipe:
    _known_fields(raw, _FIELDS, "")
    values = {_value(native): _target(names, f"values.{native}") for native, names in _table(raw, "values").items()}
    if len(values) < len(raw.get("values", {})):
        raise InputError("[values] names the same number twice (1 and 01 are one)")
    masks = {pattern: _target(names, f"masks.{pattern}") for pattern, names in _table(raw, "masks").items()}
    unknown_values, unknown_masks = _uncertain(raw)
    if twice := sorted(map(str, (values.keys() & unknown_values) | (masks.keys() & unknown_masks))):
        raise InputError(f"{', '.join(twice)} has a meaning and is uncertain too", remedy="keep one of the two")
    if twice := sorted(map(str, (values.keys() | unknown_values) & (nobodys := _not_annotated(raw)).keys())):
        raise InputError(f"{', '.join(twice)} has a meaning and is not_annotated too", remedy="keep one of the two")
    # Named masks come first, because patterns for uncertain masks may be broad.
    values, masks = values | unknown_values | nobodys, masks | unknown_masks
    given = frozenset[str]().union(*(target.gives for target in (*values.values(), *masks.values())))
    annotated = _structures(raw["annotated"], "annotated") if "annotated" in raw else given
    return Recipe(
        key=key,
        **{name: _text(raw, name) for name in _TEXTS} | {"title": _text(raw, "title") or key},
        cases=_count(raw),
        layout=_layouts(raw),
        values=values,
        masks=masks,
        ignored=_ignored(raw),
        annotated=annotated,
        annotated_if_present=_if_present(raw, annotated),
        healthy=_structures(raw.get("healthy", []), "healthy"),
        rules=tuple(_rule(rule, f"rules[{n}]") for n, rule in enumerate(_tables(raw, "rules"), 1)),
        patient=check_patient(_text(raw, "patient") or f"{key}-{{id}}"),
        written=_written(raw, values),
        hu_offset=_offset(raw),
    )


def _layouts(raw: Mapping[str, Any]) -> tuple[FileLayout, ...]:
    return tuple(_layout(row) for row in _tables(raw, "layout")) or USUAL_LAYOUTS


def _layout(row: Mapping[str, Any]) -> FileLayout:
    _known_fields(row, _LAYOUT_FIELDS, "layout.")
    image_kind = _choice(row, "image_kind", get_args(ImageKind))
    label_kind = _choice(row, "label_kind", get_args(LabelKind))
    for name in ("image", "labels"):
        check_glob(_text(row, name), f"layout.{name}")
    return FileLayout(row["image"], image_kind, row["labels"], label_kind)


def _rule(row: Mapping[str, Any], place: str) -> CaseRule:
    _known_fields(row, _RULE_FIELDS, f"{place}.")
    ids = tuple(str(one) for one in _listed(row.get("ids", []), f"{place}.ids", (str, int)))
    if not ids or not row.keys() - {"ids"}:
        raise InputError(f"{place} needs ids and one of {', '.join(_RULE_FIELDS[1:])}")
    annotated = _structures(row["annotated"], f"{place}.annotated") if "annotated" in row else None
    if annotated == frozenset():
        raise InputError(f"{place}: nothing is annotated", remedy="to leave these cases out, write skip and the reason")
    texts = {name: _text(row, name) for name in ("skip", "suspect", "patient")}
    healthy, predicted = (_structures(row.get(name, []), f"{place}.{name}") for name in ("healthy", "predicted"))
    return CaseRule(ids, annotated, **texts, healthy=healthy, predicted=predicted)


def _if_present(raw: Mapping[str, Any], annotated: frozenset[str]) -> frozenset[str]:
    said = raw.get("annotated_if_present", False)
    if isinstance(said, bool):
        return annotated if said else frozenset()
    return _structures(said, "annotated_if_present")


def _ignored(raw: Mapping[str, Any]) -> frozenset[int | str]:
    return frozenset(_listed(raw.get("ignored", []), "ignored", (int, str)))


def _uncertain(raw: Mapping[str, Any]) -> tuple[dict[int, Target], dict[str, Target]]:
    """Values and masks that belong to an unspecified structure."""
    said = _table(raw, "uncertain")
    targets = {native: Target(frozenset(), unknown=_text(said, native)) for native in said}
    if silent := next((native for native, target in targets.items() if not target.unknown), None):
        raise InputError(f"uncertain.{silent} does not say what it is", remedy='14 = "a lesion of any organ", say')
    numbers = {native for native in said if native.isdecimal()}
    return (
        {_value(native): target for native, target in targets.items() if native in numbers},
        {native: target for native, target in targets.items() if native not in numbers},
    )


def _not_annotated(raw: Mapping[str, Any]) -> dict[int, Target]:
    """Label values of unannotated voxels, such as 255 or -1."""
    values = _listed(raw.get("not_annotated", []), "not_annotated", (int,))
    if 0 in values:
        raise InputError("not_annotated names 0, which is background", remedy="leave it out")
    return {value: Target(frozenset(), unknown=f"what {value} leaves out", hides=True) for value in values}


def _offset(raw: Mapping[str, Any]) -> int:
    offset = raw.get("hu_offset", 0)
    if not isinstance(offset, int) or isinstance(offset, bool) or abs(offset) > MOST_OFFSET_HU:
        remedy = "-1024 for images that hold HU + 1024"
        raise InputError(f"hu_offset is a whole number of HU within +-{MOST_OFFSET_HU}, got {offset!r}", remedy=remedy)
    return offset


def _written(raw: Mapping[str, Any], values: Mapping[int, Target]) -> dict[int, frozenset[str]]:
    """Values that are written for other structures than they are read as; plurals such as "tumours" are accepted."""
    written = {}
    for native, said in _table(raw, "written").items():
        place = f"written.{native}"
        if (value := _value(native)) not in values:
            raise InputError(f"{place}: no value {native} is read", remedy="write it into [values] or uncertain, too")
        words = _listed(said, place, (str,))
        try:
            written[value] = frozenset(row.key for word in words for row in STRUCTURES.expand(word))
        except UsageError as fault:
            raise InputError(f"{place}: {fault.reason}", remedy=fault.remedy) from fault
        if not written[value]:
            raise InputError(f"{place} has no meaning", remedy="name a structure, or leave it out")
    return written


def _value(native: str) -> int:
    try:
        value = int(native)
    except ValueError:
        raise InputError(f"[values] {native!r} is no label value", remedy='write 1 = "spleen"') from None
    if value == 0:
        raise InputError("[values] gives 0 a meaning, but 0 is background", remedy="number labels from 1")
    return value


def _target(names: Any, place: str) -> Target:
    words = _listed(names, place, (str,))
    if not words or not all(word.strip() for word in words):
        raise InputError(f"{place} has no meaning", remedy="name a structure, or list it under `ignored`")
    pairs = frozenset(pair for word in words if (pair := find_pair(word)))
    return Target(frozenset(_structure(word, place) for word in words if not find_pair(word)), pairs)


def _structures(names: Any, place: str) -> frozenset[str]:
    """Parse a list of annotated structures; "kidneys" means both."""
    targets = [_target(word, place) for word in _listed(names, place, (str,))]
    return frozenset[str]().union(*(target.gives for target in targets))


def _structure(word: str, place: str) -> str:
    try:
        keys = [row.key for row in STRUCTURES.expand(word)]
    except UsageError as fault:
        raise InputError(f"{place}: {fault.reason}", remedy=fault.remedy) from fault
    if len(keys) > 1:
        raise InputError(f"{place}: {word!r} is {len(keys)} structures", remedy=f"name one of {', '.join(keys)}")
    return keys[0]


def _known_fields(table: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    for name in table:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            meant = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
            raise InputError(f"unknown field {place}{name}", remedy=meant)


def _text(table: Mapping[str, Any], name: str) -> str:
    text = table.get(name, "")
    if not isinstance(text, str):
        raise InputError(f"{name} is not a text in quotes, but {text!r}")
    return " ".join(text.split())


def _count(raw: Mapping[str, Any]) -> int:
    cases = raw.get("cases", 0)
    if not isinstance(cases, int) or isinstance(cases, bool) or cases < 0:
        raise InputError(f"cases is not a number of cases, but {cases!r}")
    return cases


def _choice(table: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> Any:
    chosen = table.get(name, choices[0])
    if chosen not in choices:
        raise InputError(f"layout.{name} = {chosen!r} is none of {', '.join(choices)}")
    return chosen


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = raw.get(name, {})
    if not isinstance(table, dict):
        raise InputError(f"{name} is not a table", remedy=f"write a [{name}] section")
    return table


def _tables(raw: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = raw.get(name, [])
    rows = [rows] if isinstance(rows, dict) else rows
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{name} is not a table", remedy=f"write a [[{name}]] section")
    return rows


def _listed(said: Any, place: str, kinds: tuple[type, ...]) -> list[Any]:
    """Return a single value or a list of values as a list."""
    items = said if isinstance(said, list) else [said]
    wrong = next((item for item in items if not isinstance(item, kinds) or isinstance(item, bool)), None)
    if wrong is not None:
        raise InputError(f"{place}: {wrong!r} is not {' or '.join(_KIND_WORDS[kind] for kind in kinds)}")
    return items


_KIND_WORDS = {str: "a text in quotes", int: "a whole number"}
