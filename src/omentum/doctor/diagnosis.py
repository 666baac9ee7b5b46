"""What is checked of an input or of the machine, with the outcome of each check and its reason."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """Outcome of a check."""

    FINE = "fine"
    DOUBT = "doubt"
    """It would work, but a user should know."""
    FAULT = "fault"
    """It would not work."""


@dataclass(frozen=True)
class Diagnosis:
    """Outcome of one check.

    Args:
        outcome: Whether it would work.
        about: What was checked, in a word or two.
        text: The reason, in one line.
    """

    outcome: Outcome
    about: str
    text: str
