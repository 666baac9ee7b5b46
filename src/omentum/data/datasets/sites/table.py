"""Typed content of sites.toml: acquisition, shipped files and label values of each dataset."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal

from omentum.anatomy import STRUCTURES
from omentum.errors import UsageError

LabelKind = Literal["map", "masks", "dicom_masks", "png_stack"]
Decoy = Literal["mr", "no_image", "no_labels"]
Span = tuple[float, float]


@dataclass(frozen=True)
class SiteLabel:
    """One label value and the structures written with it."""

    value: int
    structures: tuple[str, ...]


@dataclass(frozen=True)
class Mask:
    """One mask file or folder.

    Args:
        name: Without suffix; "{piece}" yields one mask per connected component.
        structures: Structures in the mask; may be empty.
        third: Restrict to these thirds of the height: "lower", "middle", "upper".
        within: Restrict to the inside of this structure.
        without: Restrict to the outside of this structure.
    """

    name: str
    structures: tuple[str, ...]
    third: tuple[str, ...] = ("lower", "middle", "upper")
    within: str | None = None
    without: str | None = None


@dataclass(frozen=True)
class Site:
    """One dataset; the header of sites.toml describes every column."""

    key: str
    patient: str
    ids: tuple[str, ...]
    field_mm: tuple[Span, Span]
    in_plane_mm: Span
    slice_mm: tuple[float, ...]
    phases: tuple[str, ...]
    image: str
    labels: str
    kind: LabelKind
    orientations: tuple[str, ...] = ("LPS",)
    label_orientation: str | None = None
    label_shift_mm: float = 0.0
    tilt_deg: float = 0.0
    dtype: str = "int16"
    label_dtype: str = "uint8"
    pad_hu: int | None = None
    lesions: Mapping[str, float] = field(default_factory=dict)
    image_slice: str | None = None
    labels_slice: str | None = None
    paint: tuple[SiteLabel, ...] = ()
    masks: tuple[Mask, ...] = ()
    empty_masks: bool = True
    annotated: Mapping[str, frozenset[str]] = field(default_factory=dict)
    only_if_seen: frozenset[str] = frozenset()
    healthy: frozenset[str] = frozenset()
    foreign: frozenset[int | str] = frozenset()
    unnamed: frozenset[int | str] = frozenset()
    copies: Mapping[str, str] = field(default_factory=dict)
    fake_spacing: frozenset[str] = frozenset()
    decoys: Mapping[str, Decoy] = field(default_factory=dict)
    litter: tuple[str, ...] = ()

    def patient_of(self, id_: str) -> str:
        """Patient name; equal names mean the same scan in every dataset."""
        return self.copies.get(id_) or self.patient.format(id=id_)

    def annotated_in(self, id_: str) -> frozenset[str]:
        """Structures annotated in a case, before `only_if_seen` is applied.

        Structures that no patient of the site has are included.
        """
        others = self.foreign | self.unnamed
        rows: list[SiteLabel | Mask] = [row for row in self.paint if row.value not in others]
        rows += [row for row in self.masks if row.name not in others]
        return self.healthy | self.annotated.get(id_, frozenset(key for row in rows for key in row.structures))


@cache
def load_sites() -> Mapping[str, Site]:
    """All sites by key, in table order."""
    text = (resources.files("omentum.data.datasets.sites") / "sites.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    fields = table.pop("fields")
    return {key: _site(key, row, fields) for key, row in table.items()}


def find_sites(keys: Iterable[str]) -> tuple[Site, ...]:
    """Sites by key; all of them if no key is given.

    Raises:
        UsageError: A key is unknown; the message suggests the closest one.
    """
    known = load_sites()
    for key in (keys := tuple(keys)):
        if key not in known:
            close = difflib.get_close_matches(key, list(known), n=1, cutoff=0.4)
            meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            raise UsageError(f"no such site: {key!r}", remedy=meant)
    return tuple(known[key] for key in keys) or tuple(known.values())


def origin_of(patient: str) -> Site:
    """The site that scanned a patient: the first one whose naming scheme matches."""
    name = patient.partition("-")[0]
    return next(site for site in load_sites().values() if site.patient.partition("-")[0] == name)


def _site(key: str, row: Mapping[str, Any], fields: Mapping[str, Any]) -> Site:
    told: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    numbered, low_high = told.pop("numbered", None), fields[told.pop("field")]
    told |= {
        "ids": tuple(dict.fromkeys([*told["ids"], *(_numbers(*numbered) if numbered else ())])),
        "field_mm": tuple(tuple(span) for span in low_high),
        "paint": tuple(SiteLabel(value, _known(keys)) for value, *keys in told.get("paint", ())),
        "masks": tuple(_mask(name, entry) for name, entry in told.get("masks", {}).items()),
        "annotated": {id_: frozenset(_known(keys)) for id_, keys in told.get("annotated", {}).items()},
        **{name: frozenset(told.get(name, ())) for name in _SETS},
    }
    return Site(key=key, **told)


_SETS = ("only_if_seen", "healthy", "foreign", "unnamed", "fake_spacing")


def _numbers(first: int, last: int, digits: int) -> list[str]:
    return [f"{n:0{digits}d}" for n in range(first, last + 1)]


def _mask(name: str, entry: Any) -> Mask:
    if isinstance(entry, list):
        return Mask(name, _known(entry))
    third = tuple(entry.get("third", Mask.third))
    return Mask(name, _known(entry["structures"]), third, entry.get("within"), entry.get("without"))


def _known(keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(STRUCTURES[key].key for key in keys)
