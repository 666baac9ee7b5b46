"""A lesion tracked over two scans: status and sizes, as a value, a table row and JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from omentum.anatomy import STRUCTURES
from omentum.measure.lesions import Lesion


class LesionStatus(StrEnum):
    """Status of a lesion, or of several that belong together, between two scans."""

    SAME = "same"
    """One lesion in both scans."""
    SPLIT = "split"
    """One lesion before, several now."""
    MERGED = "merged"
    """Several lesions before, one now."""
    REGROUPED = "regrouped"
    """Several lesions in both scans without an unambiguous match."""
    NEW = "new"
    """At a position where the earlier scan would have shown it."""
    GONE = "gone"
    """At a position where the later scan would show it."""
    NOT_IMAGED_BEFORE = "not imaged before"
    """Outside the field of view of the earlier scan."""
    NOT_IMAGED_NOW = "not imaged now"
    """Outside the field of view of the later scan."""
    NOT_LOOKED_FOR_BEFORE = "not looked for before"
    """Its type was not among the classes of the earlier segmentation."""
    NOT_LOOKED_FOR_NOW = "not looked for now"
    NOT_SEEN_BEFORE = "not seen before"
    """It may have been present: too small for the slice spacing, a candidate, or its organ was not found there."""
    NOT_SEEN_NOW = "not seen now"


@dataclass(frozen=True)
class TrackedLesion:
    """A lesion, or several that belong together, in both scans.

    Args:
        status: See `LesionStatus`.
        before, after: Lesions of the earlier and later scan, each measured on its own scan.
        targets: Numbers of the lesions that are RECIST targets of the earlier scan.
        moved_mm: Distance of the volume-weighted centroids after alignment; None without a counterpart.
        reason: Reason why the status is unknown; "" if it is known.
        candidate_reason: Reason why it is only a candidate; "" if it is not.
    """

    status: LesionStatus
    before: tuple[Lesion, ...]
    after: tuple[Lesion, ...]
    targets: tuple[int, ...]
    moved_mm: float | None
    reason: str = ""
    candidate_reason: str = ""

    @property
    def any(self) -> Lesion:
        """One of its lesions, from the earlier scan if possible."""
        return (*self.before, *self.after)[0]

    @property
    def volumes_ml(self) -> tuple[float, float]:
        """Total volume in the earlier and later scan, in ml."""
        return sum(one.volume_ml for one in self.before), sum(one.volume_ml for one in self.after)

    @property
    def longest_mm(self) -> tuple[float, float]:
        """Sum of the longest axial diameters in the earlier and later scan in mm, as RECIST adds up parts."""
        return total_longest_mm(self.before), total_longest_mm(self.after)

    @property
    def touches_border(self) -> bool:
        """Whether an image border truncates it: sizes are then lower bounds and growth is unknown."""
        return any(one.touches_border for one in (*self.before, *self.after))

    @property
    def remarks(self) -> tuple[str, ...]:
        """Caveats about the numbers."""
        told = [self.reason] if self.reason else []
        told += [f"a candidate, no finding: {self.candidate_reason}"] if self.candidate_reason else []
        told += ["cut by the edge of an image, sizes are lower limits"] if self.touches_border else []
        kinds = [{STRUCTURES[one.key].kind for one in lesions} for lesions in (self.before, self.after)]
        if all(kinds) and kinds[0] != kinds[1]:
            told.append(f"called {' and '.join(sorted(kinds[0]))} then, {' and '.join(sorted(kinds[1]))} now")
        return tuple(told)

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON-serialisable values: the CSV row, with the lesions of both scans and the remarks."""
        scans = {name: [one.to_json() for one in getattr(self, name)] for name in ("before", "after")}
        told = {"remarks": list(self.remarks), "targets": list(self.targets), "reason": self.reason}
        return row_of(self) | scans | told | {"candidate_reason": self.candidate_reason}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> TrackedLesion:
        """Build from the output of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is malformed.
        """
        return cls(
            LesionStatus(raw["status"]),
            tuple(map(Lesion.from_json, raw["before"])),
            tuple(map(Lesion.from_json, raw["after"])),
            tuple(raw["targets"]),
            raw["moved_mm"],
            raw["reason"],
            raw["candidate_reason"],
        )


def total_longest_mm(lesions: Iterable[Lesion]) -> float:
    """Sum of the longest axial diameters in mm."""
    return sum(one.axial.longest.mm for one in lesions)


def row_of(tracked: TrackedLesion) -> dict[str, Any]:
    """Flatten to one row; changes in size only if both scans show the lesion completely."""
    first = tracked.any
    row: dict[str, Any] = {"status": tracked.status, "key": first.key, "display": first.display}
    row |= {"host": first.host, "side": first.side, "is_target": bool(tracked.targets)}
    row |= {"moved_mm": tracked.moved_mm, "remarks": "; ".join(tracked.remarks)}
    row |= {"longest_change_mm": None, "is_candidate": bool(tracked.candidate_reason)}
    for name, (then, now) in (("volume", tracked.volumes_ml), ("longest", tracked.longest_mm)):
        unit = "ml" if name == "volume" else "mm"
        comparable = bool(tracked.before and tracked.after) and not tracked.touches_border
        row |= {f"{name}_before_{unit}": then if tracked.before else None}
        row |= {f"{name}_after_{unit}": now if tracked.after else None}
        row |= {f"{name}_change_percent": 100 * (now - then) / then if comparable else None}
        row |= {"longest_change_mm": now - then} if comparable and name == "longest" else {}
    for when, lesions in (("before", tracked.before), ("after", tracked.after)):
        row |= {when: " ".join(str(one.number) for one in lesions)} | _centroid(when, lesions)
    return row


def _centroid(when: str, lesions: Sequence[Lesion]) -> dict[str, float | None]:
    """Centroid of the largest lesion, by column name."""
    at = max(lesions, key=lambda one: one.volume_ml).centroid_mm if lesions else (None, None, None)
    return {f"centroid_{when}_{axis}_mm": x for axis, x in zip("ras", at, strict=True)}
