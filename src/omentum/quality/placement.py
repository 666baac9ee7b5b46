"""Positions of structures relative to each other and to the body, and which are unusual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omentum.anatomy import STRUCTURES
from omentum.measure.measures import StructureMeasure
from omentum.quality.limits import QUALITY_RULES, OrderRule, QualityRules


@dataclass(frozen=True)
class Placement:
    """Result of the order rules for a case.

    Args:
        broken: Violated rules with the violation in mm (> 0).
        asked: Number of rules evaluated for each structure.
        wrong_half: Paired structures in the wrong half of the body, with the distance from the middle in mm.
    """

    broken: Mapping[OrderRule, float]
    asked: Mapping[str, int]
    wrong_half: Mapping[str, float]

    def misplaced(self, key: str) -> float:
        """Share of violated rules about a structure."""
        broken = sum(key in (rule.structure, rule.other) for rule in self.broken)
        return broken / self.asked[key] if self.asked.get(key) else 0.0


def place(
    measures: Sequence[StructureMeasure], middle_mm: float | None, rules: QualityRules = QUALITY_RULES
) -> Placement:
    """Evaluate every rule whose two structures were found.

    Args:
        measures: Measures of one case.
        middle_mm: x of the middle of the body in mm, growing to the patient's right; None without a body.
        rules: Rules to evaluate.
    """
    at = {m.key: m.centroid_mm for m in measures if m.centroid_mm is not None}
    broken, asked = {}, dict.fromkeys(at, 0)
    for rule in rules.order:
        if rule.structure in at and rule.other in at:
            missed_mm = at[rule.other][rule.axis] - at[rule.structure][rule.axis]
            for key in (rule.structure, rule.other):
                asked[key] += 1
            if missed_mm > rules.margin_mm:
                broken[rule] = missed_mm
    wrong = {}
    for key, centre in at.items():
        sign = {"right": 1.0, "left": -1.0}.get(STRUCTURES[key].side or "", 0.0)
        beyond_mm = 0.0 if middle_mm is None else sign * (middle_mm - centre[0])
        if beyond_mm > rules.margin_mm:
            wrong[key] = beyond_mm
    return Placement(broken, asked, wrong)
