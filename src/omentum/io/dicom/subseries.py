"""The series of a folder between which one has to choose, described without anything that identifies the patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from omentum.io.dicom.attributes import short_hash
from omentum.io.dicom.phases import Phase, phases_of
from omentum.io.dicom.slices import Slice

CODE_DIGITS = 8
"""Digits of the hash that stands for a series UID."""


def series_code(uid: str, phase: str = "") -> str:
    """Stands for a series UID, and for a phase of the series, in messages and on the command line."""
    return short_hash(f"series {uid} {phase}".strip())[:CODE_DIGITS]


def is_called(text: str, number: int | None, code: str) -> bool:
    """Whether a user's text names a series, by its number or its code."""
    return text.strip().lower() == code or (number is not None and text.strip() == str(number))


@dataclass(frozen=True)
class Subseries:
    """A series, or one phase of a series with several images at each position.

    Args:
        slices: Its images, unordered.
        phase: The phase; None for a whole series.
    """

    slices: tuple[Slice, ...]
    phase: Phase | None = None

    @property
    def uid(self) -> str:
        """Series instance UID."""
        return self.slices[0].identity.series

    @property
    def code(self) -> str:
        """Stands for the series UID, and for the phase, in messages and on the command line."""
        return series_code(self.uid, self.phase.value if self.phase else "")

    @property
    def number(self) -> int | None:
        """Series number; None if missing."""
        return self.slices[0].identity.series_number

    @property
    def description(self) -> str:
        """Words of CT in the description of the series."""
        return self.slices[0].identity.description

    @property
    def name(self) -> str:
        """For messages: "series 3 [1a2b3c4d]"."""
        phase = f", {self.phase.words}" if self.phase else ""
        return f"series {'?' if self.number is None else self.number}{phase} [{self.code}]"

    @property
    def words(self) -> str:
        """Name, description, number of images and spacing."""
        text = [self.description] if self.description else []
        n_images = len(self.slices)
        text.append(f"{n_images} image{'s' if n_images > 1 else ''}")
        if spacing := self.spacing_mm:
            text.append(f"{' x '.join(f'{mm:.3g}' for mm in spacing)} mm")
        return f"{self.name} ({', '.join(text)})"

    def is_called(self, text: str) -> bool:
        """Whether a user's text names it: the number of the series, or its code."""
        return is_called(text, self.number, self.code)

    @cached_property
    def is_volume(self) -> bool:
        """Whether slices lie at several positions: dose reports, single images and time series at one do not."""
        return len({one.position_mm for one in self.slices if one.position_mm is not None}) > 1

    @cached_property
    def is_original(self) -> bool:
        """Whether no image is derived from others."""
        return all(one.is_original for one in self.slices)

    @property
    def spacing_mm(self) -> tuple[float, ...]:
        """Between columns, rows and slices, as far as it is stated."""
        spacing = self.slices[0].spacing_mm or ()
        directions = self.slices[0].directions
        places = [one.position_mm for one in self.slices if one.position_mm is not None]
        if not spacing or directions is None or len(places) < 2:
            return spacing
        along = np.unique(np.round(np.array(places) @ np.cross(directions[:3], directions[3:]), 3))
        return (*spacing, float(np.median(np.diff(along)))) if len(along) > 1 else spacing


def subseries_of(slices: Sequence[Slice]) -> list[Subseries]:
    """All series in the order of their files; a series of several phases as one candidate for each."""
    by_series: dict[str, list[Slice]] = {}
    for one in slices:
        by_series.setdefault(one.identity.series, []).append(one)
    found: list[Subseries] = []
    for members in by_series.values():
        phases = phases_of(members)
        found += [Subseries(phase.slices, phase) for phase in phases] or [Subseries(tuple(members))]
    return sorted(found, key=_order)


def _order(one: Subseries) -> tuple[bool, int]:
    return one.number is None, one.number or 0
