"""What an upload is, before anything is computed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from omentum.doctor.examine import Examiner
from omentum.doctor.input_report import reports_to_json
from omentum.doctor.machine import examine_machine
from omentum.errors import InputError, sources_shown_as
from omentum.pipeline.options import SegmentOptions
from omentum.serve.work.child import TaskContext
from omentum.serve.work.inputs import ct_of_upload
from omentum.serve.work.tasks.hidden_paths import without


def examine_upload(context: TaskContext, files: Path, weights: str, device: str, series: str | None) -> dict[str, Any]:
    """What an upload is, as `omentum doctor --json` says it."""
    context.report("examining")
    source = files
    with sources_shown_as(files, Path()):
        with suppress(InputError):  # the doctor says what is the matter
            source = ct_of_upload(files)
        examiner = Examiner(examine_machine(), SegmentOptions(device=device, series=series), (weights,))
        content = reports_to_json(examiner.examine(source))
    found: dict[str, Any] = without(content, files)
    return found
