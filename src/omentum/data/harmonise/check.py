"""Raw cases looked over before anybody trains on them: each one read, every doubt about it named.

A case that cannot be read is a finding like any other; nothing here stops at one. What only several cases together
show is in `omentum.data.harmonise.duplicates`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from omentum.data.datasets.raw_case import RawCase
from omentum.data.harmonise.mirroring import laterality_conflicts
from omentum.data.harmonise.read import HarmonisedCase, read_raw
from omentum.errors import OmentumError
from omentum.fingerprint import SliceHashes, slice_hashes

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """Something about one case.

    Args:
        severity: "error": it cannot be used; "warning": look at it before you do; "note": good to know.
        kind: What it is about ("unusable", "constant", "empty", "mirrored", "duplicate", "reuse", or a kind of
            `omentum.data.harmonise.notes`).
        text: For people.
    """

    severity: Severity
    kind: str
    text: str


@dataclass(frozen=True)
class CaseCheck:
    """What became of one case.

    Args:
        name: See `RawCase`.
        dataset: Key of its recipe.
        patient: See `RawCase`.
        findings: In the order they were made.
        hashes: The scan's fingerprint; empty where it could not be read.
    """

    name: str
    dataset: str
    patient: str
    findings: tuple[Finding, ...]
    hashes: SliceHashes = ()

    @property
    def failed(self) -> bool:
        """Whether the case cannot be used."""
        return self.worst == "error"

    @property
    def worst(self) -> Severity | None:
        """Of the findings; None without any."""
        found = {finding.severity for finding in self.findings}
        return next((severity for severity in ("error", "warning", "note") if severity in found), None)


def check_case(case: RawCase) -> CaseCheck:
    """Read a case and look at it; raises nothing that is the case's own fault."""
    findings: list[Finding] = []
    hashes: SliceHashes = ()
    try:
        read = read_raw(case)
        hashes = slice_hashes(read.ct)
        findings += [Finding("warning" if n.suspect else "note", n.kind, n.text) for n in read.notes]
        findings += _look(read)
    except OmentumError as fault:
        findings.append(Finding("error", "unusable", str(fault)))
    except Exception as fault:  # thousands of files of other people: what a reader did not foresee ends one case
        findings.append(Finding("error", "unusable", f"{case.image}: {type(fault).__name__}: {fault}"))
    return CaseCheck(case.name, case.recipe.key, case.patient, tuple(findings), hashes)


def died(case: RawCase) -> CaseCheck:
    """A case that took its process with it."""
    reason = f"{case.image}: the process that read it died (out of memory, or a crash in foreign code)"
    return CaseCheck(case.name, case.recipe.key, case.patient, (Finding("error", "unusable", reason),))


def _look(read: HarmonisedCase) -> list[Finding]:
    findings = []
    if (low := read.ct.voxels.min()) == read.ct.voxels.max():
        findings.append(Finding("warning", "constant", f"every voxel of the image is {low:g}"))
    annotated = read.truth.annotated or frozenset()
    missing = sorted(annotated - read.truth.present())
    if missing and len(missing) == len(annotated):
        findings.append(Finding("warning", "empty", f"the labels are empty: no voxel of {', '.join(missing)}"))
    elif missing:
        findings.append(Finding("note", "empty", f"no voxel of {', '.join(missing)}"))
    if wrong := laterality_conflicts(read.ct, read.truth):
        findings.append(Finding("warning", "mirrored", f"{wrong}: left and right swapped, or situs inversus"))
    return findings
