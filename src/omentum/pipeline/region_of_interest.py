"""Localisation of the requested structures by a coarse pass of the bundled model, to skip other windows.

A structure that the coarse pass misses is never assumed absent: the whole scan is segmented instead.
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
from omentum.boxes import Box, around_points, corner_points, starts, stops
from omentum.infer.regions import Border, Region, find_class_boxes
from omentum.infer.sliding import WindowRun, sliding_slabs
from omentum.infer.windows import Triple, WindowPlan, plan_windows
from omentum.model import UniversalModel, load_model
from omentum.pipeline.inference import InferencePlan, Prediction, infer
from omentum.pipeline.options import SegmentOptions
from omentum.pipeline.reading import PreparedInput
from omentum.preprocess.prepare import Prepared
from omentum.spec import CheckpointSpec
from omentum.volume import Grid

LOCATOR = "default"
"""Weights of the locating model: bundled, on a 3 mm grid."""
COARSE_OVERLAP = 0.25
"""Window overlap of the coarse pass: boxes need less overlap than masks."""
MARGIN_MM = 30.0
"""Margin around a coarse detection, and step by which a box grows where a mask reaches its border; chosen, not
measured."""
MIN_VOLUME_FRACTION = 0.5
"""Fraction of a structure's smallest plausible volume below which a coarse detection is ignored."""
MIN_COST_RATIO = 4.0
"""Locating pays off if the whole scan has at least this many times the voxels of the coarse pass."""
MAX_GROWTHS = 2
"""If a mask still reaches the border after this many growths, the whole scan is segmented."""


@dataclass(frozen=True)
class LocatedStructures:
    """Result of the coarse pass.

    Args:
        boxes: By structure, in voxels of the model grid, margin included; empty if the whole scan must be segmented.
        reason: Reason why it must be.
    """

    boxes: dict[str, Box]
    reason: str | None = None


def no_locator_reason(options: SegmentOptions, spec: CheckpointSpec, locator: Locator) -> str | None:
    """Reason why structures are not located; None if they are.

    Args:
        options: Of the segmentation.
        spec: Of its weights.
        locator: Whose weights are loaded only if nothing else decides.
    """
    if not options.locate:
        return "not wanted"
    if options.probabilities is not None:
        return "probabilities are wanted everywhere"
    if options.classes is None:
        return "all structures are wanted"
    if spec == locator.model.spec:
        return "the weights are those that would locate"
    return None


class Locator:
    """Runs the coarse pass.

    Args:
        device: Device to compute on.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device

    @cached_property
    def model(self) -> UniversalModel:
        """The locating model, loaded on first use."""
        return load_model(LOCATOR, self._device)

    def locate(
        self, coarse: Prepared, prepared: Prepared, windows: WindowPlan, wanted: Sequence[str]
    ) -> LocatedStructures:
        """Find boxes around the requested structures.

        Args:
            coarse: CT preprocessed for the locating model.
            prepared: CT preprocessed for the segmenting model.
            windows: Windows of the segmenting model.
            wanted: Keys of the requested structures.
        """
        spec = self.model.spec
        mine = plan_windows(coarse.undo.model.shape, spec.preprocess.patch, COARSE_OVERLAP)
        if _voxels(windows) < MIN_COST_RATIO * _voxels(mine):
            return LocatedStructures({}, f"the whole scan takes {len(windows)} windows, locating alone {len(mine)}")
        by = {key: _visible_as(key) for key in wanted}
        needed = [key for key in spec.class_keys if any(key in others for others in by.values())]
        seen = self._find(coarse, mine, needed)
        missing = [key for key, others in by.items() if not set(others) <= seen.keys()]
        if missing:
            return LocatedStructures({}, f"the coarse pass does not find what is needed for {', '.join(missing)}")
        boxes = {key: _box_on_grid(box, coarse.undo.model, prepared.undo.model, MARGIN_MM) for key, box in seen.items()}
        lost = [key for key, box in boxes.items() if box is None]
        if lost:
            return LocatedStructures({}, f"what the coarse pass calls {', '.join(lost)} lies outside the body")
        return LocatedStructures({key: box for key, box in boxes.items() if box is not None})

    def _find(self, coarse: Prepared, windows: WindowPlan, keys: Sequence[str]) -> dict[str, Box]:
        """Boxes in voxels of the coarse grid, of what is large enough to be believed."""
        if not keys:
            return {}
        channels = [self.model.spec.class_keys.index(key) for key in keys]

        def predict(windows: Tensor) -> Tensor:
            logits: Tensor = self.model(windows, channels)
            return logits

        found = find_class_boxes(sliding_slabs(coarse.tensor[0, 0], predict, windows, WindowRun(self._device)))
        voxel_ml = coarse.undo.model.voxel_volume_ml
        trusted = {k: MIN_VOLUME_FRACTION * STRUCTURES[key].volume_ml[0] for k, key in enumerate(keys)}
        return {keys[k]: here.box for k, here in found.items() if here.voxels * voxel_ml >= trusted[k]}


def infer_case(
    ready: PreparedInput, plan: InferencePlan, locator: Locator | None, reason: str | None
) -> tuple[Prediction, dict[str, Any]]:
    """Segment a case, restricted to the located structures if possible.

    Args:
        ready: CT preprocessed for both models.
        plan: Plan of the inference.
        locator: Locator of the structures; None segments the whole scan.
        reason: Reason why there is no locator.

    Returns:
        The prediction, and the entry about localisation for the manifest.
    """
    run_record, boxes = ready.case.run_record, dict[str, Box]()
    if locator is not None and ready.coarse is not None:
        with run_record.stage("locate"):
            located = locator.locate(ready.coarse, ready.prepared, plan.windows, plan.classes)
        reason, boxes = located.reason, located.boxes
    with run_record.stage("infer"):
        if not boxes:
            return infer(ready.prepared, plan), {"used": False, "reason": reason}
        found, record = infer_regions(ready.prepared, plan, boxes)
        return found, {"used": True, **record}


def infer_regions(prepared: Prepared, plan: InferencePlan, boxes: dict[str, Box]) -> tuple[Prediction, dict[str, Any]]:
    """Segment only inside the boxes; a box grows wherever a mask reaches its border.

    Returns:
        The prediction (inside the boxes identical to that of the whole scan), and the entry for the manifest.
    """
    shape = prepared.undo.model.shape
    more = _in_voxels(MARGIN_MM, prepared.undo.model)
    region, done, growths = Region(shape, tuple(boxes.values())), 0, 0
    while True:
        border, windows = Border(region), region.windows(plan.windows)
        found = infer(prepared, replace(plan, windows=windows, run=_progress_after(plan.run, done)), border)
        done += len(windows)
        if not border.touched.any():
            break
        growths += 1
        region = region.grown(border.touched, more) if growths <= MAX_GROWTHS else Region.everything(shape)
    on_ct = [_box_on_grid(box, prepared.undo.model, prepared.undo.ct) for box in region.boxes]
    names = list(boxes) if growths <= MAX_GROWTHS else ["everything"]
    return found, {
        "model": LOCATOR,
        "margin_mm": MARGIN_MM,
        "boxes_ct_voxels": {name: box and (starts(box), stops(box)) for name, box in zip(names, on_ct, strict=True)},
        "growths": growths,
        "windows_run": done,
        "windows_whole_scan": len(plan.windows),
        "skipped_share": round(1 - done / len(plan.windows), 4),
    }


def _progress_after(run: WindowRun, before: int) -> WindowRun:
    """Run whose progress continues after `before` windows instead of restarting for every growth."""
    progress = run.progress
    return run if progress is None else replace(run, progress=lambda done, of: progress(before + done, before + of))


def _visible_as(key: str) -> tuple[str, ...]:
    """Keys used to locate a structure: itself, or the host organs of a lesion or vessel."""
    return STRUCTURES[key].hosts or (key,)


def _voxels(windows: WindowPlan) -> int:
    return len(windows) * int(np.prod(windows.patch))


def _box_on_grid(box: Box, grid: Grid, other: Grid, margin_mm: float = 0.0) -> Box | None:
    """Smallest axis-aligned box on another grid of the same patient that contains this one."""
    back = np.linalg.inv(other.affine)
    points = grid.to_world(corner_points(box)) @ back[:3, :3].T + back[:3, 3]
    # A voxel extends half its size beyond its centre.
    reach = margin_mm + max(grid.spacing_mm) / 2
    return around_points(points, [reach / mm for mm in other.spacing_mm], other.shape)


def _in_voxels(length_mm: float, grid: Grid) -> Triple:
    x, y, z = (int(np.ceil(length_mm / mm)) for mm in grid.spacing_mm)
    return x, y, z
