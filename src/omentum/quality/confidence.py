"""How sure the network was of a mask, as the report holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from omentum.json_values import from_json_values


@dataclass(frozen=True)
class Confidence:
    """Of one structure, before post-processing; None where there is nothing to tell.

    Args:
        mean_probability: Of its voxels.
        unsure_share: Share of them with a logit below 1 (probability below 0.73).
        disagreement: 1 - both / either over the voxels that overlapping windows, or their average, call this structure.
    """

    mean_probability: float | None
    unsure_share: float | None
    disagreement: float | None

    def to_json(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Confidence:
        """Read what `to_json` made.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        return from_json_values(cls, raw)
