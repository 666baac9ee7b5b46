"""Batches on several devices: one process per device, and the next free process takes the next case."""

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

from omentum.infer.device import choose_device
from omentum.pipeline.batch.ipc import receive, send
from omentum.pipeline.batch.jobs import CaseOutcome, Job
from omentum.pipeline.batch.pipelined import BatchListener, PipelinedBatch
from omentum.pipeline.batch.workers import PRELOAD, InlineExecutor, TaskResult, WorkerDiedError, WorkerPool, run_task
from omentum.pipeline.options import SaveOptions, SegmentOptions
from omentum.pipeline.segmenter import Segmenter
from omentum.process_pool import GRACE_S, end_process, start_process

NEXT, OUTCOME, PROGRESS, END = "next", "outcome", "progress", "end"
"""Messages of a device process: request a job; outcome of a job; progress; finished or failed to start."""

FEW_PROCESSORS = 2
"""With this few processors, another process would compete with the computing one."""


@dataclass(frozen=True)
class BatchSettings:
    """Settings of a device process; see `PipelinedBatch`.

    Args:
        weights: Names or files of weights; several are averaged.
        options: Segmentation options, including the device.
        save: Outputs to write.
        jobs: Number of processes for reading and writing.
    """

    weights: str | Path | tuple[str | Path, ...]
    options: SegmentOptions
    save: SaveOptions
    jobs: int


@dataclass
class _DeviceProcess:
    """A device process as seen by its parent."""

    device: str
    pipe: Connection
    process: BaseProcess
    at_work: dict[str, Job]


def helpful_jobs(device: str) -> int:
    """Number of reader and writer processes that is fastest for a batch; measured by `benchmarks/batch.py`.

    On two processors, both are always busy computing, so further processes only slow them down.

    Raises:
        UsageError: see `choose_device`.
    """
    return 0 if choose_device(device).type == "cpu" and (os.cpu_count() or 1) <= FEW_PROCESSORS else 1


def run_on_devices(
    jobs: Sequence[Job],
    devices: Sequence[str],
    settings: BatchSettings,
    listener: BatchListener,
    serve: Callable[..., None] | None = None,
) -> Iterator[CaseOutcome]:
    """Run every job on some device; a device process that dies only loses its current cases.

    Args:
        jobs: Jobs with unique case names.
        devices: Devices as in `SegmentOptions.device`; a device may be repeated.
        settings: Settings of each device process.
        listener: Receives the progress of all devices.
        serve: Function that a process runs; `serve_batch` by default.

    Raises:
        UsageError, CheckpointError: weights or devices cannot be used.
    """
    waiting = deque(jobs)
    processes = []
    try:
        for device in devices:
            options = replace(settings, options=replace(settings.options, device=device))
            pipe, process = start_process(serve or serve_batch, options, preload=PRELOAD)
            processes.append(_DeviceProcess(device, pipe, process, at_work={}))
        yield from _distribute(processes, waiting, listener)
    finally:
        for device_process in processes:
            device_process.process.terminate()
        for device_process in processes:
            end_process(device_process.process, time.monotonic() + 2 * GRACE_S)
            device_process.pipe.close()
    for job in waiting:
        yield CaseOutcome(job, fault=WorkerDiedError("no device is left to compute it"))


def _distribute(
    processes: Sequence[_DeviceProcess], waiting: deque[Job], listener: BatchListener
) -> Iterator[CaseOutcome]:
    """Distribute jobs and yield outcomes until every process has ended."""
    alive = {device_process.pipe: device_process for device_process in processes}
    while alive:
        for pipe in connection.wait(list(alive)):
            device_process = alive[pipe]  # type: ignore[index]  # only pipes are waited for
            try:
                kind, content = receive(device_process.pipe)
            except (EOFError, OSError):
                kind, content = END, TaskResult()
            if kind == NEXT:
                job = waiting.popleft() if waiting else None
                if job is not None:
                    device_process.at_work[job.case] = job
                send(device_process.pipe, job)
            elif kind == PROGRESS:
                method, arguments = content
                getattr(listener, method)(*arguments)
            elif kind == OUTCOME:
                del device_process.at_work[content.job.case]
                yield content
            else:
                del alive[device_process.pipe]
                if content.error is not None:
                    raise content.error
                for job in device_process.at_work.values():
                    yield CaseOutcome(
                        job, fault=WorkerDiedError(f"the process of device {device_process.device} was killed")
                    )


def serve_batch(pipe: Connection, settings: BatchSettings) -> None:
    """Run a batch in a separate process, requesting jobs through the pipe until there are none."""
    send(pipe, (END, run_task(_run_batch, pipe, settings)))


def _run_batch(pipe: Connection, settings: BatchSettings) -> None:
    segmenter = Segmenter(settings.weights, settings.options)
    with WorkerPool(settings.jobs) if settings.jobs else InlineExecutor() as pool:
        for outcome in PipelinedBatch(segmenter, settings.save, pool, _Relay(pipe)).run(_asking(pipe)):
            send(pipe, (OUTCOME, outcome))


def _asking(pipe: Connection) -> Iterator[Job]:
    while True:
        send(pipe, (NEXT, None))
        job = receive(pipe)
        if job is None:
            return
        yield job


class _Relay:
    """Listener that forwards everything to the parent process."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def begin(self, case: str) -> None:
        self._send("begin", case)

    def progress(self, done: int, of: int) -> None:
        self._send("progress", done, of)

    def step(self, case: str, what: str) -> None:
        self._send("step", case, what)

    def _send(self, method: str, *arguments: Any) -> None:
        send(self._pipe, (PROGRESS, (method, arguments)))
