"""Reliability of weights per class, and which lesions are therefore only candidates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from omentum.spec import Trust

DOUBTS = {
    Trust.WEAK: "these weights are weak with it",
    Trust.NOT_FOUND: "these weights have never found it in their evaluation",
}
"""Reasons why a lesion is a candidate."""
TRUST_NOTES = {Trust.WEAK: "weak with these weights", Trust.NOT_FOUND: "hardly ever right with these weights"}
"""Notes shown next to a structure that was found."""
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
    """Reliability of weights for each of their classes.

    A lesion is a *candidate* if its type is weak or not found, or if its highest probability is below the weights' own
    threshold (because a lower one was requested). Candidates are listed for review and excluded from sums and RECIST
    targets. Weights without a record are assumed reliable.

    Args:
        trust: Reliability by structure key; unknown if a key is missing.
        operating_points: The weights' own threshold, by structure key, if a lower one was requested.
    """

    trust: Mapping[str, Trust] = field(default_factory=dict)
    operating_points: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of_options(cls, options: Mapping[str, Any]) -> ClassTrust:
        """Read from the `options` of a manifest."""
        trust = {key: Trust(word) for key, word in options.get("trust", {}).items()}
        return cls(trust, dict(options.get("operating_points", {})))

    @property
    def is_recorded(self) -> bool:
        """Whether any reliability is recorded."""
        return any(trust is not Trust.UNKNOWN for trust in self.trust.values())

    def of(self, key: str) -> Trust:
        """Reliability for a structure."""
        return self.trust.get(key, Trust.UNKNOWN)

    def candidate_reason(self, key: str, highest: float | None) -> str:
        """Reason why a lesion is only a candidate; "" if it is not.

        Args:
            key: Structure key of the lesion type.
            highest: Highest probability of its voxels; None if unknown.
        """
        if reason := DOUBTS.get(self.of(key)):
            return reason
        point = self.operating_points.get(key)
        if point is not None and highest is not None and highest < point:
            return f"its probability, at most {highest:.2f}, is below their operating point, {point:g}"
        return ""
