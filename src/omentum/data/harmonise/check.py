"""Check raw cases before training: each case is read and every doubt is reported.

An unreadable case is a finding like any other and does not stop the check. Findings that involve several cases are in
`omentum.data.harmonise.duplicates`.
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
    """A finding about one case.

    Args:
        severity: "error": the case cannot be used; "warning": inspect it before use; "note": for information.
        kind: Category ("unusable", "constant", "empty", "mirrored", "duplicate", "reuse", or a kind of
            `omentum.data.harmonise.notes`).
        text: Human-readable message.
    """

    severity: Severity
    kind: str
    text: str


@dataclass(frozen=True)
class CaseCheck:
    """Result of checking one case.

    Args:
        name: See `RawCase`.
        dataset: Recipe key.
        patient: See `RawCase`.
        findings: In the order they were made.
        hashes: Fingerprint of the scan; empty if it could not be read.
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
        """Highest severity among the findings; None if there are none."""
        found = {finding.severity for finding in self.findings}
        return next((severity for severity in ("error", "warning", "note") if severity in found), None)


def check_case(case: RawCase) -> CaseCheck:
    """Read and check a case; problems of the case are findings, not exceptions."""
    findings: list[Finding] = []
    hashes: SliceHashes = ()
    try:
        read = read_raw(case)
        hashes = slice_hashes(read.ct)
        findings += [Finding("warning" if n.suspect else "note", n.kind, n.text) for n in read.notes]
        findings += _look(read)
    except OmentumError as fault:
        findings.append(Finding("error", "unusable", str(fault)))
    except Exception as fault:  # third-party files: an unforeseen error must only fail its own case
        findings.append(Finding("error", "unusable", f"{case.image}: {type(fault).__name__}: {fault}"))
    return CaseCheck(case.name, case.recipe.key, case.patient, tuple(findings), hashes)


def died(case: RawCase) -> CaseCheck:
    """Check result of a case whose worker process died."""
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
