"""The reports of the doctor as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from omentum.doctor.diagnosis import Outcome
from omentum.doctor.dicom_series import SeriesFacts
from omentum.doctor.input_report import CasePlan, InputReport
from omentum.doctor.machine import MachineReport
from omentum.formatting import counted, duration, size
from omentum.io.dicom.uids import UNKNOWN

MARKS = {Outcome.FINE: "ok", Outcome.DOUBT: "doubt", Outcome.FAULT: "fault"}
_COLUMN = 18


def input_lines(report: InputReport) -> Iterator[str]:
    """Everything about one input."""
    yield report.input
    yield _row("is", str(report.kind))
    for label, value in report.facts.items():
        if value:
            yield _row(label, _plain(value))
    for one in report.series:
        yield _row("series", series_line(one))
    if report.cases:
        yield _row("CTs", ", ".join(report.cases[:20]) + (", ..." if len(report.cases) > 20 else ""))
    yield _row("use", report.use)
    if report.plan is not None:
        yield from _plan(report.plan)
    if report.estimate is not None:
        took = report.estimate.seconds
        time = "time not known for this device" if took is None else f"about {duration(took)}"
        yield _row(
            "estimate", f"{time}, about {size(report.estimate.memory_bytes)} of memory (from recorded benchmarks)"
        )
    for check in report.checks:
        yield _row(MARKS[check.outcome], f"{check.about}: {check.text}")


def series_line(one: SeriesFacts) -> str:
    """A series in one line, with the code by which it is chosen."""
    number = "?" if one.number is None else str(one.number)
    kind = "" if one.kind == UNKNOWN else one.kind
    words = [word for word in (one.phase, one.description, kind) if word]
    parts = [f"number {number} [{one.code}]", *words, counted(one.images, "image")]
    if one.matrix is not None:
        parts.append(f"{one.matrix[0]} x {one.matrix[1]}")
    if any(mm is not None for mm in one.spacing_mm):
        parts.append(" x ".join("?" if mm is None else f"{mm:g}" for mm in one.spacing_mm) + " mm")
    return ", ".join([*parts, *one.transfer_syntaxes])


def machine_lines(report: MachineReport) -> Iterator[str]:
    """Everything about the machine."""
    yield _row("versions", ", ".join(f"{name} {number}" for name, number in report.versions.items()))
    yield _row("platform", report.platform)
    cores = f"{report.cores} cores, {report.threads} threads"
    flags = "" if report.instructions is None else f", {' '.join(report.instructions) or 'without AVX2'}"
    yield _row("processor", cores + flags)
    for name, what in report.devices.items():
        yield _row("device", f"{name}: {what}")
    for engine in report.engines:
        bf16 = "" if engine.bf16 is None else ", bf16" if engine.bf16 else ", float32 only (no bf16 here)"
        yield _row("engine", f"{engine.name} {engine.version or 'not installed'}{bf16}")
    for extra in report.extras:
        state = "installed" if not extra.missing else f"missing {', '.join(extra.missing)}: {extra.remedy}"
        yield _row("extra", f"{extra.name}: {state}")
    if report.memory_bytes is not None:
        free = "" if report.memory_available_bytes is None else f", {size(report.memory_available_bytes)} available"
        yield _row("memory", size(report.memory_bytes) + free)
    for what, free_bytes in report.free_bytes.items():
        yield _row("free disk", f"{size(free_bytes)}: {what}")
    for one in report.kept:
        yield _row("cache", f"{one.kind}: {one.files} files, {size(one.size_bytes)}, {one.folder}")
    yield _row("weights", ", ".join(report.weights) or "none")
    if report.weights_to_pull:
        yield _row("not here", f"{', '.join(report.weights_to_pull)}: omentum weights pull NAME")


def _plan(plan: CasePlan) -> Iterator[str]:
    yield _row("CT", plan.grid)
    yield _row("model grid", f"{plan.model_grid}: {plan.resampling}")
    yield _row("network", f"{_windows(plan.windows, plan.window_voxels)} by {plan.engine}")
    if (second := plan.second_pass) is not None:
        windows = _windows(second.windows, second.window_voxels)
        yield _row("second pass", f"about {windows} around organs, for {counted(len(second.classes), 'structure')}")
    yield _row("writes", ", ".join(plan.outputs))


def _windows(number: int, window_voxels: tuple[int, int, int]) -> str:
    return f"{counted(number, 'window')} of {' x '.join(str(n) for n in window_voxels)} voxels"


def _row(label: str, text: str) -> str:
    return f"  {label:<{_COLUMN}}{text}"


def _plain(value: Any) -> str:
    return "yes" if value is True else str(value)
