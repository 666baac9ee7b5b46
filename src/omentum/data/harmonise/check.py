"""Check raw cases before training: each case is read and every doubt is reported.

An unreadable case is a finding like any other and does not stop the check. Findings that involve several cases are in
`omentum.data.harmonise.duplicates`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from omentum.data.datasets.raw_case import RawCase
from omentum.data.harmonise.mirroring import laterality_conflicts
from omentum.data.harmonise.read import HarmonisedCase, read_raw
from omentum.errors import OmentumError
from omentum.fingerprint import SliceHashes, slice_hashes


class FindingSeverity(StrEnum):
    """Severity of a finding, worst first."""

    ERROR = "error"
    """The case cannot be used."""
    WARNING = "warning"
    """Inspect the case before use."""
    NOTE = "note"
    """For information."""


class CheckStatus(StrEnum):
    """Result of a check of one case."""

    FAILED = "failed"
    DOUBTFUL = "doubtful"
    FINE = "fine"


@dataclass(frozen=True)
class Finding:
    """A finding about one case.

    Args:
        severity: See `FindingSeverity`.
        kind: Category ("unusable", "constant", "empty", "mirrored", "duplicate", "reuse", or a kind of
            `omentum.data.harmonise.notes`).
        text: Human-readable message.
    """

    severity: FindingSeverity
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
        return self.worst is FindingSeverity.ERROR

    @property
    def worst(self) -> FindingSeverity | None:
        """Highest severity among the findings; None if there are none."""
        found = {finding.severity for finding in self.findings}
        return next((severity for severity in FindingSeverity if severity in found), None)

    @property
    def status(self) -> CheckStatus:
        """Overall result, from the worst finding."""
        of_worst = {FindingSeverity.ERROR: CheckStatus.FAILED, FindingSeverity.WARNING: CheckStatus.DOUBTFUL}
        return of_worst.get(self.worst, CheckStatus.FINE) if self.worst else CheckStatus.FINE


def check_case(case: RawCase) -> CaseCheck:
    """Read and check a case; problems of the case are findings, not exceptions."""
    findings: list[Finding] = []
    hashes: SliceHashes = ()
    try:
        read = read_raw(case)
        hashes = slice_hashes(read.ct)
        findings += [
            Finding(FindingSeverity.WARNING if n.suspect else FindingSeverity.NOTE, n.kind, n.text) for n in read.notes
        ]
        findings += _look(read)
    except OmentumError as fault:
        findings.append(Finding(FindingSeverity.ERROR, "unusable", str(fault)))
    except Exception as fault:  # third-party files: an unforeseen error must only fail its own case
        findings.append(Finding(FindingSeverity.ERROR, "unusable", f"{case.image}: {type(fault).__name__}: {fault}"))
    return CaseCheck(case.name, case.recipe.key, case.patient, tuple(findings), hashes)


def died(case: RawCase) -> CaseCheck:
    """Check result of a case whose worker process died."""
    reason = f"{case.image}: the process that read it died (out of memory, or a crash in foreign code)"
    return CaseCheck(case.name, case.recipe.key, case.patient, (Finding(FindingSeverity.ERROR, "unusable", reason),))


def _look(read: HarmonisedCase) -> list[Finding]:
    findings = []
    if (low := read.ct.voxels.min()) == read.ct.voxels.max():
        findings.append(Finding(FindingSeverity.WARNING, "constant", f"every voxel of the image is {low:g}"))
    annotated = read.truth.annotated or frozenset()
    missing = sorted(annotated - read.truth.present())
    if missing and len(missing) == len(annotated):
        findings.append(
            Finding(FindingSeverity.WARNING, "empty", f"the labels are empty: no voxel of {', '.join(missing)}")
        )
    elif missing:
        findings.append(Finding(FindingSeverity.NOTE, "empty", f"no voxel of {', '.join(missing)}"))
    if wrong := laterality_conflicts(read.ct, read.truth):
        findings.append(
            Finding(FindingSeverity.WARNING, "mirrored", f"{wrong}: left and right swapped, or situs inversus")
        )
    return findings
