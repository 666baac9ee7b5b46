"""How many windows a second pass will have, before the organs are found.

It looks at boxes around organs (`omentum.pipeline.passes`): expected are those of a typical trunk
(organ_extents.toml), in proportion to how much of its length is in the image. CTs of the abdomen or the thorax have
more, those of the pelvis fewer.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from omentum.infer.profiles import Profile
from omentum.infer.windows import plan_windows
from omentum.spec import PreprocessSpec, SecondPassSpec
from omentum.volume import Grid


@dataclass(frozen=True)
class SecondPassPlan:
    """What a second pass would do.

    Args:
        classes: Keys of the structures that it decides.
        windows: Windows of its network, as expected in a typical body.
        window_voxels: Size of a window.
    """

    classes: tuple[str, ...]
    windows: int
    window_voxels: tuple[int, int, int]


def plan_second_pass(spec: SecondPassSpec, wanted: Sequence[str], image: Grid, how: Profile) -> SecondPassPlan:
    """What a second pass would do.

    Args:
        spec: Of the second pass.
        wanted: Keys of its classes that are asked for.
        image: The CT as the first network sees it.
        how: Overlap of the windows, and flips.
    """
    windows = sum(
        _windows_around(organ, region.margin_mm, spec.preprocess, how.overlap)
        for region in spec.regions
        if not set(wanted).isdisjoint(region.classes)
        for organ in region.organs
    )
    share = min(1.0, _length_mm(image) / _table()["trunk_mm"])
    return SecondPassPlan(tuple(wanted), math.ceil(share * windows) * 2 ** len(how.flips), spec.preprocess.patch)


def _windows_around(organ: str, margin_mm: float, grid: PreprocessSpec, overlap: float) -> int:
    """Windows over the box around one organ (organs that share a box count singly); one if its extent is unknown."""
    extents_mm = _table()["extents_mm"].get(organ, (0.0, 0.0, 0.0))
    voxels = [
        max(round((extent + 2 * margin_mm) / spacing), least)
        for extent, spacing, least in zip(extents_mm, grid.spacing_mm, grid.patch, strict=True)
    ]
    return len(plan_windows((voxels[0], voxels[1], voxels[2]), grid.patch, overlap))


def _length_mm(image: Grid) -> float:
    """From bottom to top."""
    axis = next(axis for axis, letter in enumerate(image.orientation) if letter in "SI")
    return image.shape[axis] * image.spacing_mm[axis]


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((resources.files("omentum.doctor") / "organ_extents.toml").read_text(encoding="utf-8"))
