"""Find scans and patients that occur more than once, within and across datasets, and build the check report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from omentum.data.datasets.fingerprint import Match, find_matches, patient_groups
from omentum.data.harmonise.check import CaseCheck, Finding, FindingSeverity


@dataclass(frozen=True)
class Reuse:
    """Scans and patients that occur more than once.

    Args:
        matches: Pairs of cases with the same scan.
        groups: Cases grouped by patient, using scans and recipes; every case occurs once.
    """

    matches: tuple[Match, ...]
    groups: tuple[tuple[str, ...], ...]


def find_reuse(checks: Sequence[CaseCheck]) -> Reuse:
    """Compare all scans with each other, and the patient identifiers given by the recipes."""
    matches = find_matches({check.name: check.hashes for check in checks})
    return Reuse(tuple(matches), tuple(patient_groups(checks, matches)))


def with_reuse(checks: Sequence[CaseCheck], reuse: Reuse) -> list[CaseCheck]:
    """Add reuse findings to the checks: a note where the recipes document the reuse, a warning where they do not."""
    patients = {check.name: check.patient for check in checks}
    extra: dict[str, list[Finding]] = {name: [] for name in patients}
    for match in reuse.matches:
        for one, other in ((match.first, match.second), (match.second, match.first)):
            extra[one].append(_same_scan(other, match.slices, known=patients[one] == patients[other]))
    for name, others in _by_number_alone(patients, reuse).items():
        extra[name].append(
            Finding(FindingSeverity.NOTE, "reuse", f"the same patient as {', '.join(others)}, by their numbers")
        )
    return [replace(check, findings=(*check.findings, *extra[check.name])) for check in checks]


def _same_scan(other: str, slices: int, *, known: bool) -> Finding:
    text = f"the same scan as {other} ({slices} slices in common)"
    return (
        Finding(FindingSeverity.NOTE, "reuse", f"{text}, known")
        if known
        else Finding(FindingSeverity.WARNING, "duplicate", text)
    )


def _by_number_alone(patients: Mapping[str, str], reuse: Reuse) -> dict[str, list[str]]:
    """Cases with the same patient identifier whose scans differ or could not be read."""
    same_scan = {frozenset((match.first, match.second)) for match in reuse.matches}
    alone = {
        one: [n for n in group if patients[n] == patients[one] and frozenset((n, one)) not in same_scan and n != one]
        for group in reuse.groups
        for one in group
    }
    return {one: others for one, others in alone.items() if others}


def report(checks: Sequence[CaseCheck], reuse: Reuse) -> dict[str, Any]:
    """All findings as JSON-serialisable values, without the schema name."""
    return {
        "cases": [
            {
                "case": check.name,
                "dataset": check.dataset,
                "patient": check.patient,
                "status": check.status.value,
                "findings": [vars(finding) | {"severity": finding.severity.value} for finding in check.findings],
            }
            for check in checks
        ],
        "duplicates": [vars(match) for match in reuse.matches],
        "groups": [list(group) for group in reuse.groups],
    }
