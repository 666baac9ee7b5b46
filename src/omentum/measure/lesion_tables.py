"""Lesions as JSON and CSV, with sums per patient and RECIST targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omentum.anatomy import STRUCTURES
from omentum.measure.csv_table import csv_text
from omentum.measure.diameters import axial_axis
from omentum.measure.lesions import Lesion
from omentum.volume import Grid

TARGET_MM = 10.0
"""RECIST 1.1: minimum longest diameter of a target lesion; at least twice the slice spacing."""
TARGETS, TARGETS_PER_ORGAN = 5, 2
"""RECIST 1.1: maximum number of targets in total and per organ; paired organs count as one."""

COLUMNS = (
    *("case", "number", "key", "display", "candidate", "trust", "candidate_reason", "also", "host", "side"),
    *("volume_ml", "longest_axial_mm", "perpendicular_mm"),
    *("longest_3d_mm", "mean_hu", "sd_hu", "p05_hu", "median_hu", "p95_hu", "to_surface_mm", "touches_border"),
    "mean_probability",
    *("key_slice_axis", "key_slice", "centroid_r_mm", "centroid_a_mm", "centroid_s_mm"),
    *(f"{name}_{end}_{axis}_mm" for name in ("longest", "perpendicular") for end in ("from", "to") for axis in "ras"),
)
"""Columns of lesions.csv."""


@dataclass
class _Total:
    lesions: int = 0
    volume_ml: float = 0.0
    longest_axial_mm: float = 0.0

    def add(self, lesion: Lesion) -> None:
        self.lesions += 1
        self.volume_ml += lesion.volume_ml
        self.longest_axial_mm = max(self.longest_axial_mm, lesion.axial.longest.mm)


def lesions_json(lesions: Sequence[Lesion], grid: Grid) -> dict[str, Any]:
    """Lesion section of measurements.json.

    Args:
        lesions: Lesions of one patient; candidates are listed separately and excluded from all sums.
        grid: Grid of the segmentation; the spacing of its axial slices limits which lesions may be targets.
    """
    slice_spacing_mm = grid.spacing_mm[axial_axis(grid)]
    candidates = [lesion for lesion in lesions if lesion.is_candidate]
    lesions = [lesion for lesion in lesions if not lesion.is_candidate]
    total, by_type = _Total(), {key: _Total() for key in dict.fromkeys(lesion.key for lesion in lesions)}
    for lesion in lesions:
        by_type[lesion.key].add(lesion)
    for lesion in _counted_once(lesions):
        total.add(lesion)
    chosen = target_lesions(lesions, slice_spacing_mm)
    sum_mm = sum(lesion.axial.longest.mm for lesion in chosen)
    recist = {"targets": [lesion.number for lesion in chosen], "sum_mm": sum_mm}
    of_all = {**vars(total), "by_type": {key: vars(t) for key, t in by_type.items()}, "recist": recist}
    return {
        "lesions": [lesion.to_json() for lesion in lesions],
        "candidates": [lesion.to_json() for lesion in candidates],
        "lesion_summary": of_all | {"candidates": len(candidates)},
    }


def target_lesions(lesions: Sequence[Lesion], slice_spacing_mm: float) -> list[Lesion]:
    """Baseline target lesions by RECIST 1.1: the largest tumours, limited per organ and in total; no candidates."""
    least_mm = max(TARGET_MM, 2 * slice_spacing_mm)
    chosen: list[Lesion] = []
    sure = [lesion for lesion in lesions if not lesion.is_candidate]
    for lesion in sorted(_counted_once(sure), key=lambda one: -one.axial.longest.mm):
        structure = STRUCTURES[lesion.key]
        of_organ = sum(STRUCTURES[other.key].hosts == structure.hosts for other in chosen)
        large = structure.kind == "tumour" and lesion.axial.longest.mm >= least_mm
        if large and of_organ < TARGETS_PER_ORGAN and len(chosen) < TARGETS:
            chosen.append(lesion)
    return chosen


def lesions_csv(lesions_by_case: Mapping[str, Sequence[Lesion]]) -> str:
    """Format lesions as CSV text, one row per lesion; only the header if there are none."""
    return csv_text([_row(case, lesion) for case, found in lesions_by_case.items() for lesion in found], COLUMNS)


def _counted_once(lesions: Sequence[Lesion]) -> list[Lesion]:
    """Lesions without those already listed under an earlier type."""
    order = {key: n for n, key in enumerate(dict.fromkeys(lesion.key for lesion in lesions))}
    last = len(order)
    return [one for one in lesions if all(order.get(other, last) > order[one.key] for other in one.also)]


def _row(case: str, lesion: Lesion) -> dict[str, Any]:
    longest, perpendicular = lesion.axial.longest, lesion.axial.perpendicular
    columns = {"case": case, **lesion.to_json()}
    columns |= {
        "candidate": lesion.is_candidate,
        "also": " ".join(lesion.also),
        "longest_axial_mm": longest.mm,
        "perpendicular_mm": perpendicular.mm,
        "longest_3d_mm": lesion.longest_3d.mm,
        "key_slice_axis": "ijk"[lesion.axial.axis],
        "key_slice": lesion.axial.slice,
    }
    points = {"centroid": lesion.centroid_mm}
    for name, diameter in (("longest", longest), ("perpendicular", perpendicular)):
        points |= {f"{name}_from": diameter.ends_mm[0], f"{name}_to": diameter.ends_mm[1]}
    columns |= {f"{name}_{axis}_mm": x for name, at in points.items() for axis, x in zip("ras", at, strict=True)}
    return columns
