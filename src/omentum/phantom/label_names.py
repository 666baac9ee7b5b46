"""Label names of other label maps, translated into our structures and tissues."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources

from omentum.anatomy import STRUCTURES
from omentum.errors import UsageError


@dataclass(frozen=True)
class AnatomicalPart:
    """A kind of place in a body; several labels (lobes, ribs) may be the same part.

    Args:
        structures: Keys of the structures it belongs to.
        material: A tissue or a compound material of `omentum.phantom.filling`.
        inner: It lies inside the chest, abdomen or pelvis.
    """

    structures: tuple[str, ...]
    material: str
    inner: bool = False


UNKNOWN = AnatomicalPart((), "soft_tissue")
"""A label of unknown name is soft tissue of some kind, and no information on our structures."""


@cache
def _patterns() -> dict[str, AnatomicalPart]:
    text = (resources.files("omentum.phantom") / "label_names.toml").read_text(encoding="utf-8")
    return {
        pattern: AnatomicalPart(tuple(row.get("structures", ())), row["material"], row.get("inner", False))
        for pattern, row in tomllib.loads(text).items()
    }


def part_of(name: str) -> AnatomicalPart:
    """What a label's name stands for; `UNKNOWN` when it is neither in the table nor one of our own names.

    A structure that a user added is one more that the part belongs to, of the same material.
    """
    try:
        key = STRUCTURES.find(name).key
    except UsageError:
        key = ""
    part = _packaged(name, key)
    return part if key in ("", *STRUCTURES.default_keys) else replace(part, structures=(*part.structures, key))


def _packaged(name: str, key: str) -> AnatomicalPart:
    """By the packaged table: what a name (of a structure, if there is a key) stands for."""
    written = name.strip().lower().replace(" ", "_").replace("-", "_")
    for pattern, part in _patterns().items():
        if fnmatchcase(written, pattern):
            return part
    return next((part for part in _patterns().values() if key and part.structures == (key,)), UNKNOWN)


def parts_of(names: Mapping[int, str]) -> dict[int, AnatomicalPart]:
    """Value -> part of a whole map.

    Raises:
        UsageError: no name is known, so nothing would be annotated.
    """
    parts = {int(value): part_of(name) for value, name in names.items() if int(value) != 0}
    if not any(part.structures or part.material.startswith("femur_") for part in parts.values()):
        raise UsageError(
            "none of the label names is known",
            remedy="names must be a mapping from label value to a name such as 'liver' or 'kidney_left'",
        )
    return parts
