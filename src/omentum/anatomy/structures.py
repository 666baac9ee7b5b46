"""The table of structures, typed and frozen; looked up by key, by any synonym, or by template index."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any, Literal

from omentum.errors import UsageError

Kind = Literal["organ", "vessel", "tumour", "cyst"]
Side = Literal["left", "right"]


@dataclass(frozen=True)
class SnomedCode:
    """A SNOMED CT concept (coding scheme designator SCT)."""

    code: str
    meaning: str


CATEGORY = {
    "organ": SnomedCode("123037004", "Anatomical Structure"),
    "vessel": SnomedCode("123037004", "Anatomical Structure"),
    "tumour": SnomedCode("49755003", "Morphologically Altered Structure"),
    "cyst": SnomedCode("49755003", "Morphologically Altered Structure"),
}
LATERALITY = {"left": SnomedCode("7771000", "Left"), "right": SnomedCode("24028007", "Right")}

GROUPS: dict[str, tuple[str, ...]] = {
    "kidneys": ("right_kidney", "left_kidney"),
    "lungs": ("right_lung", "left_lung"),
    "adrenals": ("right_adrenal", "left_adrenal"),
    "femoral heads": ("left_femoral_head", "right_femoral_head"),
    "bowel": ("colon", "small_bowel"),
    "gi tract": ("oesophagus", "stomach", "duodenum", "colon", "small_bowel", "rectum"),
    "great vessels": ("aorta", "inferior_vena_cava"),
    "vessels": ("aorta", "inferior_vena_cava", "portal_splenic_vein", "hepatic_vessel", "coeliac_trunk"),
    "tumours": (
        "kidney_tumour",
        "liver_tumour",
        "pancreas_tumour",
        "hepatic_vessel_tumour",
        "lung_tumour",
        "colon_tumour",
    ),
    "urinary tract": ("right_kidney", "left_kidney", "bladder"),
}
"""Plural words a user may say for several structures at once."""


@dataclass(frozen=True)
class Structure:
    """One row of structures.toml; see its head for the meaning of each column."""

    key: str
    index: int
    display: str
    noun: str
    published_noun: str
    kind: Kind
    colour: tuple[int, int, int]
    snomed: SnomedCode
    volume_ml: tuple[float, float]
    paint: int
    hosts: tuple[str, ...] = ()
    side: Side | None = None
    pair: str | None = None
    snomed_region: SnomedCode | None = None
    synonyms: tuple[str, ...] = ()
    unsure: str = ""

    @property
    def paint_order(self) -> tuple[int, int]:
        """Sort key for painting one number a voxel: later paints over earlier."""
        return self.paint, self.index

    @property
    def is_lesion(self) -> bool:
        """Something that should not be there: a tumour or a cyst."""
        return self.kind in ("tumour", "cyst")

    @property
    def snomed_category(self) -> SnomedCode:
        """Anatomical, or morphologically altered for tumours and cysts."""
        return CATEGORY[self.kind]

    @property
    def snomed_modifier(self) -> SnomedCode | None:
        """Laterality, where the structure has a side."""
        return LATERALITY[self.side] if self.side else None


class StructureTable:
    """All structures in template order; a mapping from key to `Structure`."""

    def __init__(self, rows: tuple[Structure, ...]) -> None:
        self._by_key = {row.key: row for row in sorted(rows, key=lambda r: r.index)}

    def __getitem__(self, key: str) -> Structure:
        return self._by_key[key]

    def __iter__(self) -> Iterator[Structure]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    @property
    def keys(self) -> tuple[str, ...]:
        """Structure keys in template order."""
        return tuple(self._by_key)

    def at(self, index: int) -> Structure:
        """The structure with a template index (1..32).

        Raises:
            UsageError: no such index.
        """
        for row in self:
            if row.index == index:
                return row
        raise UsageError(f"no structure has template index {index}; they run from 1 to {len(self)}")

    def find(self, name: str) -> Structure:
        """By key, display name, prompt noun or synonym; case, hyphens and American spelling do not matter.

        Raises:
            UsageError: unknown; the message says what was probably meant.
        """
        row = self._names.get(normalise(name))
        if row is None:
            close = difflib.get_close_matches(normalise(name), list(self._names), n=1, cutoff=0.6)
            meant = f"did you mean {self._names[close[0]].key!r}?" if close else "see `omentum classes`"
            raise UsageError(f"unknown structure {name!r}", remedy=meant)
        return row

    def expand(self, name: str) -> tuple[Structure, ...]:
        """Like `find`, but also takes a plural such as "kidneys" or "great vessels"."""
        group = _normalised_groups().get(normalise(name))
        return tuple(self[key] for key in group) if group else (self.find(name),)

    @cached_property
    def _names(self) -> dict[str, Structure]:
        return {
            normalise(name): row
            for row in self
            for name in (*row.synonyms, row.published_noun, row.noun, row.display, row.key)
        }


def load_structures() -> StructureTable:
    """Read the packaged table."""
    raw = tomllib.loads((resources.files("omentum.anatomy") / "structures.toml").read_text(encoding="utf-8"))
    return StructureTable(tuple(_row(key, columns) for key, columns in raw.items()))


def _row(key: str, columns: dict[str, Any]) -> Structure:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in columns.items()
    }
    for name in ("snomed", "snomed_region"):
        if name in values:
            values[name] = SnomedCode(**values[name])
    return Structure(key=key, **values)


def _normalised_groups() -> dict[str, tuple[str, ...]]:
    return {normalise(name): keys for name, keys in GROUPS.items()}


def normalise(name: str) -> str:
    """One spelling for all words: lower case, single blanks, American to British where the table is British."""
    words = re.sub(r"[\s_\-]+", " ", name.strip().lower())
    for american, british in (("tumor", "tumour"), ("esophag", "oesophag"), ("celiac", "coeliac")):
        words = re.sub(rf"(?<![a-z]){american}", british, words)
    return words


STRUCTURES = load_structures()
"""The 32 structures."""
