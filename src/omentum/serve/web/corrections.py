"""Corrections that a request brings to a job."""

from __future__ import annotations

from typing import Any

from omentum.serve.faults import ServiceError
from omentum.serve.service import Service
from omentum.serve.state.jobs import StoredJob
from omentum.temporary_names import remove


def stored_corrections(service: Service, job: StoredJob, task: str, *arguments: Any) -> Any:
    """Run a task that writes corrections, and count their bytes.

    Args:
        service: The service.
        job: The job that they belong to.
        task: Function of `omentum.serve.work.tasks`, called with the results of the job and the arguments.
        *arguments: See the function.

    Raises:
        ServiceError: the corrections are refused, or the job was deleted meanwhile.
    """
    rows = service.reader.run(task, service.folder.results(job.id, job.attempts), *arguments)
    try:
        service.jobs.get(job.id)
    except ServiceError:  # deleted meanwhile: what was just written must go, too
        remove(service.folder.job(job.id))
        raise
    service.measure(job.id)
    return rows
