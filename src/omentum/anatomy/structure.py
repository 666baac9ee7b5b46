"""A structure as a typed, frozen row, and the normalised spelling used to compare names."""

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
    """One row of structures.toml; the header of that file describes each column."""

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
        """All names of the structure."""
        return (*self.synonyms, *self.misspelt, self.published_noun, self.noun, self.display, self.key)

    @property
    def meaning(self) -> tuple[object, ...]:
        """Columns that define what a mask or value means; the others concern display, naming and plausibility."""
        return self.index, self.kind, self.hosts, self.side, self.pair

    @property
    def paint_order(self) -> tuple[int, int]:
        """Sort key for painting one value per voxel: later structures overwrite earlier ones."""
        return self.paint, self.index

    @property
    def is_lesion(self) -> bool:
        """Whether it is a pathological structure: a tumour or a cyst."""
        return self.kind in ("tumour", "cyst")

    @property
    def snomed_category(self) -> SnomedCode:
        """Anatomical structure, or morphologically abnormal structure for tumours and cysts."""
        return CATEGORY[self.kind]

    @property
    def snomed_modifier(self) -> SnomedCode | None:
        """Laterality, if the structure has a side."""
        return LATERALITY[self.side] if self.side else None


def normalise(name: str) -> str:
    """Normalise a name: lower case, single spaces, British spelling as in the table."""
    words = re.sub(r"[\s_\-]+", " ", name.strip().lower())
    for american, british in (("tumor", "tumour"), ("esophag", "oesophag"), ("celiac", "coeliac")):
        words = re.sub(rf"(?<![a-z]){american}", british, words)
    return words
