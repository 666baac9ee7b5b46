"""Segment one CT in one call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from omentum.infer.sliding import Progress
from omentum.pipeline.case import CaseSegmentation
from omentum.pipeline.ensemble import Weights
from omentum.pipeline.options import SegmentOptions
from omentum.pipeline.segmenter import Image, Segmenter


def segment(
    image: Image,
    *,
    weights: Weights | Sequence[Weights] = "default",
    classes: str | Iterable[str] | None = None,
    device: str | torch.device = "auto",
    progress: Progress | None = None,
    **options: Any,
) -> CaseSegmentation:
    """Segment one CT; for many, use one `Segmenter`, or `segment_batch`.

    Args:
        image: A file, or an image in HU with geometry in memory; see `Image`.
        weights: A name (`omentum weights list`), a checkpoint file, or a model that is already loaded; or several of
            these, whose probabilities are averaged.
        classes: Structures to segment, in words ("both kidneys", "rein gauche"), also "liver, kidneys"; all by default.
        device: auto, cpu, cuda, cuda:1 or mps, or a `torch.device`.
        progress: Called with (windows done, windows in total).
        **options: Further fields of `SegmentOptions`.

    Raises:
        OmentumError: unusable input, weights or arguments; the message gives the remedy.

    Example:
        >>> seg = omentum.segment("ct.nii.gz", classes=["liver", "liver tumor"])
        >>> seg.mask("liver").sum() * seg.grid.voxel_volume_ml
    """
    wanted = classes if classes is None or isinstance(classes, str) else tuple(classes)
    return Segmenter(weights, SegmentOptions(wanted, device, **options)).segment(image, progress=progress)  # type: ignore[arg-type]  # made words of
