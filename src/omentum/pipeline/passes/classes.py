"""Which classes are computed by which pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omentum.spec import CheckpointSpec


@dataclass(frozen=True)
class PassClasses:
    """Which classes are computed by which pass.

    Args:
        first: Keys computed by the first network: wanted ones, and organs that the second pass needs.
        second: Keys computed by the second, some maybe for the second time.
        all: Those of both in the bit order of a prediction: the wanted ones, then organs that nobody asked for.
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    all: tuple[str, ...]

    @classmethod
    def of(cls, spec: CheckpointSpec, wanted: Sequence[str]) -> PassClasses:
        """Divide the wanted classes."""
        known = () if spec.second_pass is None else spec.second_pass.keys
        second = tuple(key for key in wanted if key in known)
        organs = () if spec.second_pass is None else spec.second_pass.organs_of(second)
        first = [key for key in wanted if key not in second]
        return cls(tuple(dict.fromkeys([*first, *organs])), second, tuple(dict.fromkeys([*wanted, *organs])))

    def first_thresholds(self, spec: CheckpointSpec, asked: Mapping[str, float]) -> dict[str, float]:
        """Thresholds of the first network's classes; an organ that the second needs has the one of the weights.

        Args:
            spec: Of the weights that `of` was asked about.
            asked: Structure key -> threshold in the result.
        """
        own = {c.key: c.threshold for c in spec.classes}
        helping = {*self.second} | ({*self.first} - {*asked})
        return {key: own[key] if key in helping else asked[key] for key in self.first}
