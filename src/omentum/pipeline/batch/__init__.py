"""Many CTs: read, computed and written at the same time, on one device or several, resumable."""

from omentum.pipeline.batch.jobs import Job, Outcome
from omentum.pipeline.batch.multi_device import LineOptions, helpful_jobs, on_devices, parse_devices
from omentum.pipeline.batch.pipelined import Line
from omentum.pipeline.batch.resume import is_earlier
from omentum.pipeline.batch.workers import Crew, Here

__all__ = [
    "Crew",
    "Here",
    "Job",
    "Line",
    "LineOptions",
    "Outcome",
    "helpful_jobs",
    "is_earlier",
    "on_devices",
    "parse_devices",
]
