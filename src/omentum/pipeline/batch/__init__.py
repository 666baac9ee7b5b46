"""Many CTs: read, computed and written at the same time, on one device or several, resumable."""

from omentum.pipeline.batch.jobs import CaseOutcome, Job
from omentum.pipeline.batch.multi_device import BatchSettings, helpful_jobs, parse_devices, run_on_devices
from omentum.pipeline.batch.pipelined import PipelinedBatch
from omentum.pipeline.batch.resume import has_result
from omentum.pipeline.batch.workers import InlineExecutor, WorkerPool

__all__ = [
    "BatchSettings",
    "CaseOutcome",
    "InlineExecutor",
    "Job",
    "PipelinedBatch",
    "WorkerPool",
    "has_result",
    "helpful_jobs",
    "parse_devices",
    "run_on_devices",
]
