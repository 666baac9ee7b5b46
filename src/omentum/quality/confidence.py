"""Confidence of the network in a mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from omentum.json_values import from_json_values


@dataclass(frozen=True)
class Confidence:
    """Confidence in one structure, before post-processing; None if it cannot be computed.

    Args:
        mean_probability: Mean probability of its voxels, 0..1.
        unsure_share: Share of its voxels with a logit below 1 (probability below 0.73).
        disagreement: 1 - intersection / union of the masks predicted by overlapping windows, or by a window and the
            average.
    """

    mean_probability: float | None
    unsure_share: float | None
    disagreement: float | None

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Confidence:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        return from_json_values(cls, raw)
