"""What is worth knowing about a raw case that could be read all the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from omentum.errors import capture_warnings

NoteKind = Literal[
    "image",  # something about the CT that was mended
    "geometry",  # labels turned, or moved onto the CT's grid
    "orientation",  # the orientation of labels without geometry could not be told for sure
    "rounded",  # label values that were no whole numbers
    "stray",  # values or masks the recipe does not know
    "stray inside",  # the same, within or along an annotated structure, which may lack them
    "conflict",  # structures that exclude one another claimed the same voxels
    "host",  # lesions given to the organ they live in
    "sides",  # left and right told apart in an unusual way
    "unsure sides",  # left and right could not be told apart: neither counts as annotated
    "swapped sides",  # the right one of a pair lies left of the left one
    "not annotated",  # labels or masks that make a structure count as not annotated in this case
    "suspect",  # what the recipe itself says about the case
]

SUSPECT: frozenset[NoteKind] = frozenset(
    {"orientation", "rounded", "stray inside", "unsure sides", "swapped sides", "suspect"}
)
"""Kinds after which somebody should look at the case before it is trusted."""


@dataclass(frozen=True)
class Note:
    """One remark.

    Args:
        kind: What it is about.
        text: For people.
    """

    kind: NoteKind
    text: str

    @property
    def suspect(self) -> bool:
        """Whether the case should be looked at."""
        return self.kind in SUSPECT


@contextmanager
def noting(notes: list[Note], kind: NoteKind) -> Iterator[None]:
    """Turn the warnings a reader gives about a case into notes."""
    with capture_warnings(lambda message: notes.append(Note(kind, message)), propagate=False):
        yield
