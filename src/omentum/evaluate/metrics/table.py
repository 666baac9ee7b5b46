"""Metrics of a structure in a case: names, units, and which direction is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """Description of a metric.

    Args:
        key: Field of `StructureScore`, key in JSON, column in CSV.
        label: Display name with unit.
        digits: Decimals to show.
        better: Which way is better; a volume error is best at 0.
    """

    key: str
    label: str
    digits: int
    better: Literal["higher", "lower", "zero"]


METRICS = (
    Metric("dice", "Dice", 3, "higher"),
    Metric("iou", "IoU", 3, "higher"),
    Metric("nsd", "NSD", 3, "higher"),
    Metric("hd95_mm", "HD95 mm", 1, "lower"),
    Metric("hd_mm", "HD mm", 1, "lower"),
    Metric("assd_mm", "ASSD mm", 2, "lower"),
    Metric("volume_error_ml", "volume error ml", 1, "zero"),
    Metric("volume_error_percent", "volume error %", 1, "zero"),
)

COMPARED = tuple(metric for metric in METRICS if metric.key in ("dice", "nsd", "hd95_mm"))
"""Metrics for comparing two models: one overlap, one boundary and one outlier metric; more would mean more tests."""
