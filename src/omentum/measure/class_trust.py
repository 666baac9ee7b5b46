"""What weights can be trusted with, and what that makes of a lesion that they found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omentum.spec import Trust

DOUBTS = {
    Trust.WEAK: "these weights are weak with it",
    Trust.NOT_FOUND: "these weights have never found it in their evaluation",
}
"""Why a lesion is a candidate."""
TRUST_NOTES = {Trust.WEAK: "weak with these weights", Trust.NOT_FOUND: "hardly ever right with these weights"}
"""Beside a structure that was found."""
CANDIDATES = (
    "Places to look at, not findings: what these weights say of these types is not to be relied on, or is less "
    "probable than they themselves ask for."
)
NEVER_FOUND = "These weights do not find, whether it is there or not"
NO_RECORD = (
    "The weights hold no record of how far they can be trusted with each structure: every lesion is listed as found "
    "(omentum weights set-trust writes one)."
)


@dataclass(frozen=True)
class ClassTrust:
    """How far weights can be trusted with their classes.

    A lesion of a type that is weak or not found, or one that is nowhere as probable as the weights' own operating point
    (somebody asked for a lower threshold), is a *candidate*: something to look at, in no sum and no target. Weights
    without a record are taken at their word.

    Args:
        trust: By structure key; unknown where a key is missing.
        operating_points: Probability from which on the weights themselves count a voxel, where a lower one was asked
            for.
    """

    trust: Mapping[str, Trust] = field(default_factory=dict)
    operating_points: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of_options(cls, options: Mapping[str, Any]) -> ClassTrust:
        """As a manifest says, under `options`."""
        trust = {key: Trust(word) for key, word in options.get("trust", {}).items()}
        return cls(trust, dict(options.get("operating_points", {})))

    @property
    def is_recorded(self) -> bool:
        """Whether anything is known."""
        return any(trust is not Trust.UNKNOWN for trust in self.trust.values())

    def of(self, key: str) -> Trust:
        """Of a structure."""
        return self.trust.get(key, Trust.UNKNOWN)

    def candidate_reason(self, key: str, highest: float | None) -> str:
        """Why a lesion is only a candidate; "" if it is not.

        Args:
            key: Its type.
            highest: The highest probability of its voxels; None where nothing is known.
        """
        if reason := DOUBTS.get(self.of(key)):
            return reason
        point = self.operating_points.get(key)
        if point is not None and highest is not None and highest < point:
            return f"its probability, at most {highest:.2f}, is below their operating point, {point:g}"
        return ""
