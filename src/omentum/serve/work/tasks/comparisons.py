"""The lesions of two jobs, compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omentum.follow_up.scans import compare_scans
from omentum.serve.work.child import TaskContext
from omentum.serve.work.tasks.hidden_paths import without


def compare_results(context: TaskContext, before: Path, after: Path, force: bool) -> dict[str, Any]:
    """The document of `omentum lesions compare --json`.

    Raises:
        InputError: the scans do not match.
    """
    context.report("comparing")
    content = compare_scans(before, after, force=force).to_json()
    found: dict[str, Any] = without(without(content, before, "before"), after, "after")
    return found
