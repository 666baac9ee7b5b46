"""Figures for Prometheus; labels are routes and states, never identifiers or names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from omentum.serve.documents import JobState
from omentum.serve.state.jobs import StoredJob

_JOB_SECONDS = (5, 15, 30, 60, 120, 300, 600, 1800, 3600)


@dataclass(frozen=True)
class Answered:
    """A request that was answered, without anything that names a patient or a file.

    Args:
        route: Pattern of the address, such as /jobs/{job}.
    """

    method: str
    route: str
    status: int
    seconds: float
    bytes: int


class Metrics:
    """The figures.

    Args:
        gauges: Name -> (description, function that reads the value), read when the figures are asked for.
        counts: How many jobs there are in each state.
    """

    def __init__(
        self, gauges: Mapping[str, tuple[str, Callable[[], float]]], counts: Callable[[], dict[JobState, int]]
    ) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Gauges(gauges, counts))
        here = self._registry
        self._requests = Counter("omentum_requests", "Answered requests", ("method", "route", "status"), registry=here)
        self._seconds = Histogram("omentum_request_seconds", "Time to answer", ("route",), registry=here)
        self._jobs = Counter("omentum_jobs_ended", "Jobs that ended", ("state",), registry=here)
        self._job_seconds = Histogram(
            "omentum_job_seconds", "Time from start to end of jobs that are done", buckets=_JOB_SECONDS, registry=here
        )

    def answered(self, request: Answered) -> None:
        """Count a request."""
        self._requests.labels(request.method if request.method.isalpha() else "-", request.route, request.status).inc()
        self._seconds.labels(request.route).observe(request.seconds)

    def ended(self, job: StoredJob) -> None:
        """Count a job."""
        self._jobs.labels(job.state.value).inc()
        if job.state is JobState.DONE and job.started is not None and job.ended is not None:
            self._job_seconds.observe(job.ended - job.started)

    def text(self) -> bytes:
        """The figures in the text format."""
        return generate_latest(self._registry)


class _Gauges(Collector):
    def __init__(
        self, gauges: Mapping[str, tuple[str, Callable[[], float]]], counts: Callable[[], dict[JobState, int]]
    ) -> None:
        self._gauges, self._counts = gauges, counts

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Read all values."""
        jobs = GaugeMetricFamily("omentum_jobs", "Jobs in each state", labels=["state"])
        for state, count in self._counts().items():
            jobs.add_metric([state.value], count)
        yield jobs
        for name, (text, read) in self._gauges.items():
            yield GaugeMetricFamily(f"omentum_{name}", text, value=read())

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Nothing is read before it is asked for."""
        return ()
