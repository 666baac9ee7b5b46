"""A follow-up as files hold it: JSON, and one CSV row a lesion (or group of parts)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omentum.follow_up.agreement import OrganAgreement
from omentum.follow_up.compare import FollowUp, TrackedLesion
from omentum.measure.csv_table import csv_text
from omentum.measure.lesions import Lesion

COLUMNS = (
    *("status", "key", "display", "host", "side", "is_target", "is_candidate", "before", "after"),
    *("volume_before_ml", "volume_after_ml", "volume_change_percent"),
    *("longest_before_mm", "longest_after_mm", "longest_change_mm", "longest_change_percent", "moved_mm"),
    *(f"centroid_{when}_{axis}_mm" for when in ("before", "after") for axis in "ras"),
    *("remarks", "is_forced"),
)
"""Of the CSV."""


def follow_up_json(result: FollowUp) -> dict[str, Any]:
    """JSON values only; what cannot be known is null."""
    response, alignment = result.response, result.alignment
    return {
        "recist": {
            "category": response.category,
            "reason": response.reason,
            "targets": response.targets,
            "sum_before_mm": response.sums_mm[0],
            "sum_after_mm": response.sums_mm[1],
            "change_percent": None if response.change is None else 100 * response.change,
            "new_tumours": response.new,
        },
        "forced": result.is_forced,
        "alignment": {
            "organs": list(alignment.organs),
            "basis": alignment.basis,
            "same_frame_of_reference": result.frames,
            "fits": alignment.fits,
            "mismatches": list(alignment.mismatches),
            "residual_mm": alignment.residual_mm,
            **_agreement(alignment.agreement),
            "organs_apart_mm": alignment.organs_apart_mm,
            "rotation_degrees": alignment.motion.degrees,
            "rotation": alignment.motion.rotation.tolist(),
            "kind": "affine" if alignment.is_affine else "rigid",
            "scale_factors": list(alignment.motion.scale_factors),
            "linear": alignment.motion.linear.tolist(),
            "shift_mm": alignment.motion.shift_mm.tolist(),
        },
        "lesions": [
            _row(one, result)
            | {name: [lesion.to_json() for lesion in getattr(one, name)] for name in ("before", "after")}
            | {"remarks": list(one.remarks)}
            for one in result.lesions
        ],
    }


def follow_up_csv(result: FollowUp) -> str:
    """One line a change, as CSV text; the head alone when there are none."""
    return csv_text([_row(one, result) for one in result.lesions], COLUMNS)


def _row(tracked: TrackedLesion, result: FollowUp) -> dict[str, Any]:
    return row_of(tracked) | {"is_forced": result.is_forced}


def _agreement(found: OrganAgreement | None) -> dict[str, Any]:
    if found is None:
        return {
            "residual_limit_mm": None,
            "place_mm": None,
            "shape_mm": None,
            "organs_checked": [],
            "surface_seen": None,
        }
    told = {"residual_limit_mm": found.limit_mm, "place_mm": found.place_mm, "shape_mm": found.shape_mm}
    return told | {"organs_checked": list(found.organs), "surface_seen": found.seen}


def row_of(tracked: TrackedLesion) -> dict[str, Any]:
    """A tracked lesion as one flat row; changes of size only where both scans show all of it."""
    first = tracked.any
    row: dict[str, Any] = {"status": tracked.status, "key": first.key, "display": first.display}
    row |= {"host": first.host, "side": first.side, "is_target": bool(tracked.targets)}
    row |= {"moved_mm": tracked.moved_mm, "remarks": "; ".join(tracked.remarks)}
    row |= {"longest_change_mm": None, "is_candidate": bool(tracked.candidate_reason)}
    for name, (then, now) in (("volume", tracked.volumes_ml), ("longest", tracked.longest_mm)):
        unit = "ml" if name == "volume" else "mm"
        comparable = bool(tracked.before and tracked.after) and not tracked.is_cut
        row |= {f"{name}_before_{unit}": then if tracked.before else None}
        row |= {f"{name}_after_{unit}": now if tracked.after else None}
        row |= {f"{name}_change_percent": 100 * (now - then) / then if comparable else None}
        row |= {"longest_change_mm": now - then} if comparable and name == "longest" else {}
    for when, lesions in (("before", tracked.before), ("after", tracked.after)):
        row |= {when: " ".join(str(one.number) for one in lesions)} | _centroid(when, lesions)
    return row


def _centroid(when: str, lesions: Sequence[Lesion]) -> dict[str, float | None]:
    """Of the largest of them."""
    at = max(lesions, key=lambda one: one.volume_ml).centroid_mm if lesions else (None, None, None)
    return {f"centroid_{when}_{axis}_mm": x for axis, x in zip("ras", at, strict=True)}
