"""The part of a description that concerns a second pass: its network, and where it looks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from omentum.spec.parts import ClassSpec, ModelSpec, PreprocessSpec


@dataclass(frozen=True)
class RegionSpec:
    """Where a second pass looks: inside and around some organs that the first pass found.

    Args:
        organs: Keys of the organs.
        classes: Keys of the classes looked for there; a class has one region.
        margin_mm: How far from the organs they may lie.
        apart: Each organ is looked at by itself, in a box of its own; a class that is one of the organs is looked for
            around that organ alone.
        window_hu: HU relative to the organs' median that are mapped to -1 and 1; None: as everywhere else. In a lung,
            whose median is that of air, soft tissue is told from calcium by a higher window than in other organs.
        median_above_hu: Only voxels above it count for the organs' median, unless there are none: so that the gas of a
            hollow organ does not, of which one patient has much and the next has none.

    Raises:
        ValueError: no organs or no classes, a negative margin, no window, or a median of nothing.
    """

    organs: tuple[str, ...]
    classes: tuple[str, ...]
    margin_mm: float
    apart: bool = False
    window_hu: tuple[float, float] | None = None
    median_above_hu: float = -math.inf

    def __post_init__(self) -> None:
        object.__setattr__(self, "organs", tuple(self.organs))
        object.__setattr__(self, "classes", tuple(self.classes))
        if not self.organs or not self.classes or not 0 <= self.margin_mm < math.inf:
            raise ValueError(f"a region of {len(self.organs)} organs, {len(self.classes)} classes, {self.margin_mm} mm")
        if self.window_hu is not None:
            low, high = self.window_hu
            object.__setattr__(self, "window_hu", (low, high))
            if not -math.inf < low < high < math.inf:
                raise ValueError(f"a region with a window from {low} to {high} HU")
        if not self.median_above_hu < math.inf:
            raise ValueError(f"a region with the median of what is above {self.median_above_hu} HU")

    def preprocess(self, usual: PreprocessSpec) -> PreprocessSpec:
        """The grid and window of the second pass in this region.

        Args:
            usual: Of the second pass.
        """
        return usual if self.window_hu is None else replace(usual, window_hu=self.window_hu)

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        usual = {"window_hu": None, "median_above_hu": -math.inf}  # left out, as in earlier versions
        return {name: value for name, value in asdict(self).items() if name not in usual or value != usual[name]}

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """The organs that share a box."""
        return tuple((key,) for key in self.organs) if self.apart else (self.organs,)

    def classes_around(self, part: Iterable[str]) -> tuple[str, ...]:
        """The classes looked for in the box of some organs.

        Args:
            part: One of `parts`.
        """
        elsewhere = set(self.organs).difference(part)
        return tuple(key for key in self.classes if key not in elsewhere)


@dataclass(frozen=True)
class SecondPassSpec:
    """Another network, for classes that are told from the organ around them; see `omentum.pipeline.passes.second`.

    Args:
        model: Its backbone sees two channels: HU relative to the organs' median, and their mask.
        preprocess: Its grid and windows; `window_hu` is relative to the median and mapped to -1 and 1, where a region
            has none of its own.
        classes: Its classes, each also a class of the first network, with operating points and trust of their own.
        regions: Where they are looked for.

    Raises:
        ValueError: regions that do not have each of the classes once.
    """

    model: ModelSpec
    preprocess: PreprocessSpec
    classes: tuple[ClassSpec, ...]
    regions: tuple[RegionSpec, ...]

    def __post_init__(self) -> None:
        looked_for = sorted(key for region in self.regions for key in region.classes)
        if looked_for != sorted(c.key for c in self.classes):
            raise ValueError("the regions of the second pass do not have each of its classes once")

    @property
    def keys(self) -> tuple[str, ...]:
        """Structure keys in channel order."""
        return tuple(c.key for c in self.classes)

    def organs_of(self, keys: Iterable[str]) -> tuple[str, ...]:
        """Organs that the first pass must find for some of the classes, each once."""
        wanted = set(keys)
        return tuple(dict.fromkeys(o for r in self.regions if wanted & set(r.classes) for o in r.organs))

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self) | {
            "model": self.model.to_json(),
            "classes": [c.to_json() for c in self.classes],
            "regions": [region.to_json() for region in self.regions],
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> SecondPassSpec:
        """Read what `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is malformed.
        """
        return cls(
            model=ModelSpec(**raw["model"]),
            preprocess=PreprocessSpec.from_json(raw["preprocess"]),
            classes=tuple(ClassSpec(**c) for c in raw["classes"]),
            regions=tuple(RegionSpec(**r) for r in raw["regions"]),
        )
