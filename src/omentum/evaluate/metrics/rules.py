"""Which metrics are computed, and with which tolerances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from omentum.evaluate.metrics.tolerances import Tolerance, Tolerances, packaged_tolerances
from omentum.json_values import from_json_values

MINIMUM_LESION_ML = 0.03
"""Smaller lesions are ignored: about a sphere 4 mm in diameter."""


@dataclass(frozen=True)
class Rules:
    """Metrics to compute, and their tolerances.

    Args:
        tolerances: NSD tolerances by structure key; others keep the packaged ones.
        distances: Compute NSD, HD95, HD and ASSD; otherwise only overlap metrics.
        minimum_lesion_ml: See `detect`.
    """

    tolerances: Mapping[str, Tolerance] = field(default_factory=packaged_tolerances)
    distances: bool = True
    minimum_lesion_ml: float = MINIMUM_LESION_ML

    def __post_init__(self) -> None:
        packaged = packaged_tolerances()
        other = self.tolerances.other if isinstance(self.tolerances, Tolerances) else packaged.other
        object.__setattr__(self, "tolerances", Tolerances({**packaged, **self.tolerances}, other))

    def to_json(self, keys: Iterable[str] = ()) -> dict[str, Any]:
        """JSON values only.

        Args:
            keys: Structures whose tolerances are added to those of the table.
        """
        tolerances = {key: asdict(self.tolerances[key]) for key in dict.fromkeys([*self.tolerances, *keys])}
        told = {"distances": self.distances, "minimum_lesion_ml": self.minimum_lesion_ml}
        return told | {"tolerances": tolerances}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Rules:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        tolerances = {key: from_json_values(Tolerance, row) for key, row in raw["tolerances"].items()}
        return cls(tolerances, raw["distances"], raw["minimum_lesion_ml"])
