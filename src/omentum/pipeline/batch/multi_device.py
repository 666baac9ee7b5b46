"""A production line for each of several devices, in processes of their own; whoever is free takes the next case."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from omentum.errors import UsageError
from omentum.infer.device import choose_device
from omentum.pipeline.batch.ipc import receive, send
from omentum.pipeline.batch.jobs import CaseOutcome, Job
from omentum.pipeline.batch.pipelined import BatchListener, PipelinedBatch
from omentum.pipeline.batch.workers import (
    GRACE_S,
    InlineExecutor,
    TaskResult,
    WorkerDiedError,
    WorkerPool,
    end_process,
    run_task,
    start_process,
)
from omentum.pipeline.options import Options, SaveOptions
from omentum.pipeline.segmenter import Segmenter

NEXT, OUTCOME, TOLD, END = "next", "outcome", "told", "end"
"""What a line says: give me a job; this became of one; how it goes; I am done, or cannot begin."""

FEW_PROCESSORS = 2
"""With so many, a process beside the one that computes has none to itself."""


@dataclass(frozen=True)
class BatchSettings:
    """All that a line in another process has to know; see `PipelinedBatch`.

    Args:
        weights: By name or file; several are averaged.
        options: Their device is this line's.
        save: What is written.
        jobs: Processes that read and write for it.
    """

    weights: str | Path | tuple[str | Path, ...]
    options: Options
    save: SaveOptions
    jobs: int


@dataclass
class _DeviceProcess:
    """A line in another process, as seen from here."""

    device: str
    pipe: Connection
    process: BaseProcess
    at_work: dict[str, Job]


def parse_devices(text: str) -> tuple[str, ...]:
    """Devices by comma: `0,1` are CUDA devices by number, other words are devices by name.

    Raises:
        UsageError: none is named.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise UsageError("no device is named", remedy="for example --devices 0,1")
    return tuple(f"cuda:{name}" if name.isdigit() else name for name in names)


def helpful_jobs(device: str) -> int:
    """How many processes for reading and writing make a batch faster, by what `benchmarks/batch.py` measured.

    Two processors that compute are busy all the time: whatever else wants them makes them wait for each other.

    Raises:
        UsageError: see `choose_device`.
    """
    return 0 if choose_device(device).type == "cpu" and (os.cpu_count() or 1) <= FEW_PROCESSORS else 1


def run_on_devices(
    jobs: Sequence[Job],
    devices: Sequence[str],
    of_line: BatchSettings,
    listener: BatchListener,
    serve: Callable[..., None] | None = None,
) -> Iterator[CaseOutcome]:
    """Every job on some device; outcomes come as they are ready. A device that dies costs the cases it was at.

    Args:
        jobs: Their cases have different names.
        devices: As `Options.device`; one may occur several times.
        of_line: What each line does.
        listener: Told how it goes, all lines mixed.
        serve: What a process runs instead of `serve_batch`.

    Raises:
        UsageError, CheckpointError: weights, devices that cannot be used.
    """
    waiting = deque(jobs)
    stations = []
    try:
        for device in devices:
            options = replace(of_line, options=replace(of_line.options, device=device))
            stations.append(_DeviceProcess(device, *start_process(serve or serve_batch, options), at_work={}))
        yield from _attend(stations, waiting, listener)
    finally:
        for station in stations:
            station.process.terminate()
        for station in stations:
            end_process(station.process, time.monotonic() + 2 * GRACE_S)
            station.pipe.close()
    for job in waiting:
        yield CaseOutcome(job, fault=WorkerDiedError("no device is left to compute it"))


def _attend(stations: Sequence[_DeviceProcess], waiting: deque[Job], listener: BatchListener) -> Iterator[CaseOutcome]:
    """Hand out jobs and pass on what comes back, until every line has ended."""
    alive = {station.pipe: station for station in stations}
    while alive:
        for pipe in connection.wait(list(alive)):
            station = alive[pipe]  # type: ignore[index]  # only pipes were waited for
            try:
                kind, content = receive(station.pipe)
            except (EOFError, OSError):
                kind, content = END, TaskResult()
            if kind == NEXT:
                job = waiting.popleft() if waiting else None
                if job is not None:
                    station.at_work[job.case] = job
                send(station.pipe, job)
            elif kind == TOLD:
                method, arguments = content
                getattr(listener, method)(*arguments)
            elif kind == OUTCOME:
                del station.at_work[content.job.case]
                yield content
            else:
                del alive[station.pipe]
                if content.error is not None:
                    raise content.error
                for job in station.at_work.values():
                    yield CaseOutcome(job, fault=WorkerDiedError(f"the process of device {station.device} was killed"))


def serve_batch(pipe: Connection, of_line: BatchSettings) -> None:
    """A line in a process of its own; asks for jobs through the pipe until there are none."""
    send(pipe, (END, run_task(_run_line, pipe, of_line)))


def _run_line(pipe: Connection, of_line: BatchSettings) -> None:
    segmenter = Segmenter(of_line.weights, of_line.options)
    with WorkerPool(of_line.jobs) if of_line.jobs else InlineExecutor() as pool:
        for outcome in PipelinedBatch(segmenter, of_line.save, pool, _Relay(pipe)).run(_asking(pipe)):
            send(pipe, (OUTCOME, outcome))


def _asking(pipe: Connection) -> Iterator[Job]:
    while True:
        send(pipe, (NEXT, None))
        job = receive(pipe)
        if job is None:
            return
        yield job


class _Relay:
    """A listener that passes on what it is told."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def begin(self, case: str) -> None:
        self._tell("begin", case)

    def progress(self, done: int, of: int) -> None:
        self._tell("progress", done, of)

    def step(self, case: str, what: str) -> None:
        self._tell("step", case, what)

    def _tell(self, method: str, *arguments: Any) -> None:
        send(self._pipe, (TOLD, (method, arguments)))
