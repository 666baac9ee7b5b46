"""Batches of CTs: concurrent reading, computing and writing, on one or several devices, resumable."""

from typing import TYPE_CHECKING

from omentum.lazy_names import lazy_names

if TYPE_CHECKING:
    from omentum.pipeline.batch.api import BatchResult as BatchResult
    from omentum.pipeline.batch.api import segment_batch as segment_batch
    from omentum.pipeline.batch.jobs import CaseOutcome as CaseOutcome
    from omentum.pipeline.batch.jobs import Job as Job
    from omentum.pipeline.batch.options import BatchOptions as BatchOptions
    from omentum.pipeline.batch.options import CaseSelection as CaseSelection

_HOMES = {
    "BatchOptions": "omentum.pipeline.batch.options",
    "BatchResult": "omentum.pipeline.batch.api",
    "CaseOutcome": "omentum.pipeline.batch.jobs",
    "CaseSelection": "omentum.pipeline.batch.options",
    "Job": "omentum.pipeline.batch.jobs",
    "segment_batch": "omentum.pipeline.batch.api",
}

__all__ = list(_HOMES)  # imported lazily on first use
__getattr__ = lazy_names(__name__, _HOMES)
