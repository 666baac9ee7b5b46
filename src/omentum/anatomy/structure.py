"""One structure, typed and frozen, and the one spelling under which names are compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

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
    note: str = ""
    misspelt: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Everything it may be called by."""
        return (*self.synonyms, *self.misspelt, self.published_noun, self.noun, self.display, self.key)

    @property
    def meaning(self) -> tuple[object, ...]:
        """What a mask or a number of it stands for; the other columns are how it is shown, spoken of and judged."""
        return self.index, self.kind, self.hosts, self.side, self.pair

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


def normalise(name: str) -> str:
    """One spelling for all words: lower case, single blanks, American to British where the table is British."""
    words = re.sub(r"[\s_\-]+", " ", name.strip().lower())
    for american, british in (("tumor", "tumour"), ("esophag", "oesophag"), ("celiac", "coeliac")):
        words = re.sub(rf"(?<![a-z]){american}", british, words)
    return words
