"""Where the wanted structures are, found by a coarse pass of the bundled model, so that the rest can be skipped.

What the coarse pass does not see is never taken for absent: then the whole scan is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from omentum.anatomy import STRUCTURES
from omentum.infer.regions import Border, Corners, Region, box_around, corner_points, find_boxes
from omentum.infer.sliding import WindowRun, sliding_slabs
from omentum.infer.windows import Triple, WindowPlan, plan_windows
from omentum.model import UniversalModel, load_model
from omentum.pipeline.inference import InferencePlan, Prediction, infer
from omentum.preprocess.prepare import Prepared
from omentum.volume import Grid

LOCATOR = "default"
"""The weights that locate: bundled, and on a grid of 3 mm."""
COARSE_OVERLAP = 0.25
"""Boxes do not need what half-overlapping windows give masks."""
MARGIN_MM = 30.0
"""Around what the coarse pass sees, and how far a box grows where it cuts something; chosen, not measured."""
TRUSTED_SHARE = 0.5
"""Of the least plausible volume of a structure: what is smaller than that may be anything."""
PAYS = 4.0
"""Locating pays when a whole scan computes so many times as many voxels; all windows of the locator itself do not."""
GROWTHS = 2
"""A region that still cuts something after so many growths is given up for the whole scan."""


@dataclass(frozen=True)
class LocatedStructures:
    """What the coarse pass came to.

    Args:
        boxes: By structure, in voxels of the model grid, margin included; empty where the whole scan has to be seen.
        reason: Why it has to be.
    """

    boxes: dict[str, Corners]
    reason: str | None = None


class Locator:
    """The coarse pass.

    Args:
        device: Where it is computed.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device

    @cached_property
    def model(self) -> UniversalModel:
        """The weights that locate, loaded when first needed."""
        return load_model(LOCATOR, self._device)

    def locate(
        self, coarse: Prepared, prepared: Prepared, plan: WindowPlan, wanted: Sequence[str]
    ) -> LocatedStructures:
        """Boxes around the wanted structures.

        Args:
            coarse: The CT for this model.
            prepared: The CT for the model whose windows are to be skipped.
            plan: Its windows.
            wanted: Structure keys.
        """
        spec = self.model.spec
        mine = plan_windows(coarse.undo.model.shape, spec.preprocess.patch, COARSE_OVERLAP)
        if _voxels(plan) < PAYS * _voxels(mine):
            return LocatedStructures({}, f"the whole scan takes {len(plan)} windows, locating alone {len(mine)}")
        by = {key: _seen_by(key) for key in wanted}
        needed = [key for key in spec.class_keys if any(key in others for others in by.values())]
        seen = self._seen(coarse, mine, needed)
        missing = [key for key, others in by.items() if not set(others) <= seen.keys()]
        if missing:
            return LocatedStructures({}, f"the coarse pass does not find what is needed for {', '.join(missing)}")
        boxes = {key: _carried(box, coarse.undo.model, prepared.undo.model, MARGIN_MM) for key, box in seen.items()}
        lost = [key for key, box in boxes.items() if box is None]
        if lost:
            return LocatedStructures({}, f"what the coarse pass calls {', '.join(lost)} lies outside the body")
        return LocatedStructures({key: box for key, box in boxes.items() if box is not None})

    def _seen(self, coarse: Prepared, plan: WindowPlan, keys: Sequence[str]) -> dict[str, Corners]:
        """Boxes in voxels of the coarse grid, of what is large enough to be believed."""
        if not keys:
            return {}
        channels = [self.model.spec.class_keys.index(key) for key in keys]

        def predict(windows: Tensor) -> Tensor:
            return self.model(windows, channels)

        found = find_boxes(sliding_slabs(coarse.tensor[0, 0], predict, plan, WindowRun(self._device)))
        voxel_ml = coarse.undo.model.voxel_volume_ml
        trusted = {k: TRUSTED_SHARE * STRUCTURES[key].volume_ml[0] for k, key in enumerate(keys)}
        return {keys[k]: here.corners for k, here in found.items() if here.voxels * voxel_ml >= trusted[k]}


def infer_regions(
    prepared: Prepared, look: InferencePlan, boxes: dict[str, Corners]
) -> tuple[Prediction, dict[str, Any]]:
    """Look at the boxes only, and at more wherever something found reaches their border.

    Returns:
        What was found, the same as in a whole scan wherever the boxes are, and a record for the manifest.
    """
    shape = prepared.undo.model.shape
    more = _in_voxels(MARGIN_MM, prepared.undo.model)
    region, windows, growths = Region(shape, tuple(boxes.values())), 0, 0
    while True:
        border, plan = Border(region), region.windows(look.plan)
        found = infer(prepared, replace(look, plan=plan, run=_counting_on(look.run, windows)), border)
        windows += len(plan)
        if not border.touched.any():
            break
        growths += 1
        region = region.grown(border.touched, more) if growths <= GROWTHS else Region.everything(shape)
    on_ct = [_carried(box, prepared.undo.model, prepared.undo.ct) for box in region.boxes]
    names = list(boxes) if growths <= GROWTHS else ["everything"]
    return found, {
        "model": LOCATOR,
        "margin_mm": MARGIN_MM,
        "boxes_ct_voxels": dict(zip(names, on_ct, strict=True)),
        "growths": growths,
        "windows_run": windows,
        "windows_whole_scan": len(look.plan),
        "skipped_share": round(1 - windows / len(look.plan), 4),
    }


def _counting_on(run: WindowRun, before: int) -> WindowRun:
    """Progress that does not begin anew with every growth."""
    progress = run.progress
    return run if progress is None else replace(run, progress=lambda done, of: progress(before + done, before + of))


def _seen_by(key: str) -> tuple[str, ...]:
    """What has to be seen to know where a structure is: itself, or the organs that a lesion or vessel lives in."""
    return STRUCTURES[key].hosts or (key,)


def _voxels(plan: WindowPlan) -> int:
    return len(plan) * int(np.prod(plan.patch))


def _carried(box: Corners, grid: Grid, other: Grid, margin_mm: float = 0.0) -> Corners | None:
    """The box on another grid of the same patient, whatever its axes; around all of it where they are turned."""
    back = np.linalg.inv(other.affine)
    points = grid.to_world(corner_points(box)) @ back[:3, :3].T + back[:3, 3]
    # A voxel reaches half its size beyond its centre.
    reach = margin_mm + max(grid.spacing_mm) / 2
    return box_around(points, [reach / mm for mm in other.spacing_mm], other.shape)


def _in_voxels(length_mm: float, grid: Grid) -> Triple:
    x, y, z = (int(np.ceil(length_mm / mm)) for mm in grid.spacing_mm)
    return x, y, z
