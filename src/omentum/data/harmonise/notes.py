"""Remarks about raw cases that could be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from omentum.errors import capture_warnings

NoteKind = Literal[
    "image",  # a repaired problem of the CT
    "geometry",  # labels reoriented or moved onto the CT grid
    "orientation",  # the orientation of labels without geometry is uncertain
    "rounded",  # label values that were not integers
    "stray",  # values or masks the recipe does not know
    "stray inside",  # the same, inside or next to an annotated structure, which may be incomplete
    "conflict",  # mutually exclusive structures claimed the same voxels
    "host",  # lesions added to their host organ
    "sides",  # left and right distinguished in an unusual way
    "unsure sides",  # left and right could not be distinguished: neither counts as annotated
    "swapped sides",  # the right organ of a pair lies left of the left one
    "not annotated",  # labels or masks that make a structure count as not annotated in this case
    "suspect",  # a remark from the recipe
]

SUSPECT: frozenset[NoteKind] = frozenset(
    {"orientation", "rounded", "stray inside", "unsure sides", "swapped sides", "suspect"}
)
"""Kinds after which somebody should look at the case before it is trusted."""


@dataclass(frozen=True)
class Note:
    """One remark.

    Args:
        kind: Category.
        text: Human-readable message.
    """

    kind: NoteKind
    text: str

    @property
    def suspect(self) -> bool:
        """Whether the case should be inspected."""
        return self.kind in SUSPECT


@contextmanager
def noting(notes: list[Note], kind: NoteKind) -> Iterator[None]:
    """Collect the warnings of a reader as notes."""
    with capture_warnings(lambda message: notes.append(Note(kind, message)), propagate=False):
        yield
