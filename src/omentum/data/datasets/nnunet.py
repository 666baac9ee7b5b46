"""Derive a recipe from any nnU-Net v2 `dataset.json`, mapping its label names through our synonyms."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from omentum.anatomy.pairs import PAIRS, find_pair, pair_of
from omentum.anatomy.structures import STRUCTURES
from omentum.data.datasets.recipe import Recipe
from omentum.data.datasets.recipe_toml import parse_recipe
from omentum.errors import InputError, UsageError
from omentum.io.case_names import IMAGE_SUFFIXES

FILE_NAME = "dataset.json"
IGNORE = "ignore"
"""The label of what nobody annotated."""

_LESION = re.compile(r"tumou?r|cancer|lesion|mass|cyst|metasta|nodule|carcinoma|adenoma|neoplasm", re.IGNORECASE)
_REMEDY = "write a recipe for it: docs/how-to/add-a-dataset.md"


def nnunet_recipe(path: Path) -> Recipe:
    """Build the recipe for an nnU-Net v2 dataset.json.

    Label names are matched against our structure names and their synonyms. An unknown name is ignored, unless it
    denotes a lesion: treating an unknown lesion as background would punch holes into the surrounding organ.

    Raises:
        InputError: The file is not nnU-Net v2, has no CT channel or no known label, or its labels cannot be expressed
            as a recipe.
    """
    content = _read(path)
    labels = _labels(content, path)
    ignored = labels.pop(IGNORE, ())
    words = {value: [name for name, values in labels.items() if value in values] for value in _all_values(labels)}
    known = {value: [name for name in names if _is_known(name)] for value, names in words.items()}
    _refuse_lost_lesions(words, known, path)
    if not any(known.values()):
        raise InputError(f"no label is a structure of ours: {', '.join(labels)}", source=path, remedy=_REMEDY)
    ending = content.get("file_ending", ".nii.gz")
    described = {
        "title": str(content.get("name") or path.absolute().parent.name),
        "licence": str(content.get("licence") or content.get("license") or ""),
        "citation": str(content.get("reference") or ""),
        "cases": content.get("numTraining", 0),
        "not_annotated": list(ignored),
        "ignored": [value for value, names in known.items() if not names],
        "layout": {
            "image": f"imagesTr/{{id}}_{_ct_channel(content, path):04d}{ending}",
            "labels": f"labelsTr/{{id}}{ending}",
        },
        "values": _with_hosts({str(value): names for value, names in known.items() if names}),
    }
    return parse_recipe(described, path.absolute().parent.name, path)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise InputError(f"cannot be read as nnU-Net's dataset.json: {fault}", source=path) from fault
    if not isinstance(content, dict) or not isinstance(content.get("labels"), dict):
        raise InputError("has no table of labels", source=path, remedy="give a dataset.json of nnU-Net v2")
    if str(content.get("file_ending", ".nii.gz")) not in IMAGE_SUFFIXES:
        raise InputError(f"files end in {content['file_ending']}, not {', '.join(IMAGE_SUFFIXES)}", source=path)
    return content


def _labels(content: Mapping[str, Any], path: Path) -> dict[str, tuple[int, ...]]:
    """Label name -> its values, without background; a region has several values."""
    labels = content["labels"]
    if all(isinstance(meaning, str) for meaning in labels.values()):
        remedy = "a bundled recipe may know it (`omentum data list`), or convert it to nnU-Net v2"
        raise InputError("labels are value -> name, the form before nnU-Net v2", source=path, remedy=remedy)
    try:
        tuples = {name: tuple(map(_whole, v if isinstance(v, list) else [v])) for name, v in labels.items()}
    except (TypeError, ValueError, OverflowError):
        raise InputError("labels are not name -> whole number or list of these, from 0", source=path) from None
    _refuse_shared(labels, path)
    return {name: values for name, values in tuples.items() if values != (0,)}


def _whole(value: Any) -> int:
    """Parse a label value; booleans, fractions and negative numbers are refused although `int` accepts them."""
    if isinstance(value, bool) or (number := int(value)) != float(value) or number < 0:
        raise ValueError
    return number


def _refuse_shared(labels: Mapping[str, Any], path: Path) -> None:
    """Refuse a value that two plain labels share; only regions (lists) may share values."""
    alone: dict[int, str] = {}
    for name, value in labels.items():
        if not isinstance(value, list) and (other := alone.setdefault(_whole(value), name)) != name:
            raise InputError(
                f"{other!r} and {name!r} are both {value}", source=path, remedy="a region is a list: [1, 2]"
            )


def _ct_channel(content: Mapping[str, Any], path: Path) -> int:
    channels = content.get("channel_names", {})
    number = next((number for number, name in channels.items() if str(name).upper() == "CT"), None)
    if number is None:
        raise InputError(f"channels are {', '.join(map(str, channels.values())) or 'not named'}, none CT", source=path)
    return int(number)


def _all_values(labels: Mapping[str, Iterable[int]]) -> list[int]:
    return sorted({value for values in labels.values() for value in values})


def _is_known(name: str) -> bool:
    try:
        return find_pair(name) is not None or len(STRUCTURES.expand(name)) == 1
    except UsageError:
        return False


def _refuse_lost_lesions(words: Mapping[int, list[str]], known: Mapping[int, list[str]], path: Path) -> None:
    for value, names in words.items():
        if not known[value] and any(_LESION.search(name) for name in names):
            reason = f"label {value} ({', '.join(names)}) is a lesion, but not said of which structure of ours"
            raise InputError(reason, source=path, remedy=f'name it as "liver tumour", say, or {_REMEDY}')


def _with_hosts(values: dict[str, list[str]]) -> dict[str, list[str]]:
    """Add the host organ to tumours and vessels where the dataset also labels that organ."""
    given = {key for names in values.values() for key in _keys(names)}
    return {value: names + _missing_hosts(_keys(names), given) for value, names in values.items()}


def _missing_hosts(keys: set[str], given: set[str]) -> list[str]:
    hosts = [STRUCTURES[key].hosts for key in sorted(keys) if STRUCTURES[key].hosts]
    return [pair_of(of[0]) or of[0] for of in hosts if given.issuperset(of) and not keys & {*of}]


def _keys(names: Iterable[str]) -> set[str]:
    """Structure keys of each name; both sides for a pair."""
    pairs = {name: find_pair(name) for name in names}
    return {key for name, pair in pairs.items() for key in (PAIRS[pair] if pair else [STRUCTURES.find(name).key])}
