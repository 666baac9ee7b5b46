"""The service without processes: a job is computed by a function of the test, files of users are read right here."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from omentum.serve.documents import ErrorDocument, ProgressDocument, WeightsDocument
from omentum.serve.faults import ServiceError, fault_document
from omentum.serve.options import ServeOptions
from omentum.serve.service import Service
from omentum.serve.state.jobs import StoredJob
from omentum.serve.web.app import build_app
from omentum.serve.web.receiving import SlowestPace
from omentum.serve.work.child import TaskCancelledError, TaskFault

ADDRESS = "http://127.0.0.1"
TOKEN = "a-token-of-the-tests"
OFFERED = [
    WeightsDocument(
        name="default",
        sha256="0" * 64,
        structures=[
            {"key": "liver", "name": "Liver", "colour": "#dd8265", "group": "organ", "lesion": False, "snomed": "1"}
        ],
    )
]
WAIT_S = 60.0
Compute = Callable[[StoredJob, Path], None]


class FunctionRunner:
    """Computes a job by a function that gets the job and the folder for its results."""

    def __init__(self, compute: Compute | None = None) -> None:
        self.compute, self.service = compute or write_two_files, None
        self.cancelled = threading.Event()
        self.seen: list[str] = []

    def run(self, job: StoredJob, report: Callable[[ProgressDocument], None]) -> None:
        self.cancelled.clear()
        self.seen.append(job.id)
        report(ProgressDocument(stage="segmenting", done=1, total=2))
        folder = self.service.folder.results(job.id, job.attempts)
        folder.mkdir(parents=True, exist_ok=True)
        self.compute(job, folder)
        if self.cancelled.is_set():
            raise TaskCancelledError

    def cancel(self) -> None:
        self.cancelled.set()

    def close(self) -> None:
        self.cancelled.set()


class InlineReader:
    """Runs the functions of `omentum.serve.work.tasks` in this process."""

    def __init__(self, hidden: Path) -> None:
        self.hidden = hidden

    def run(self, task: str, *arguments: Any) -> Any:
        context = type("NoContext", (), {"report": lambda self, *_: None})()
        try:
            return getattr(importlib.import_module("omentum.serve.work.tasks"), task)(context, *arguments)
        except Exception as fault:
            raise ServiceError.of(422, fault_document(fault, self.hidden)) from fault

    def close(self) -> None:
        pass


def write_two_files(job: StoredJob, folder: Path) -> None:
    (folder / "segmentation.nii.gz").write_bytes(b"labels")
    (folder / "masks").mkdir()
    (folder / "masks" / "liver.nii.gz").write_bytes(b"a mask")


def failing(job: StoredJob, folder: Path) -> None:
    raise TaskFault(ErrorDocument(error="input", file="ct.nii.gz", reason="is damaged", remedy="copy it again"))


@contextmanager
def serving(
    state: Path,
    compute: Compute | None = None,
    *,
    page: Path | None = None,
    pace: SlowestPace | None = None,
    **options: Any,
) -> Iterator[TestClient]:
    """A running service, and a client that knows its token."""
    runner = FunctionRunner(compute)
    said: list[str] = []
    service = Service(ServeOptions(state=state, **options), said.append, runners=[runner], reader=InlineReader(state))
    runner.service = service
    service.start(OFFERED)
    headers = {"Authorization": f"Bearer {options['token']}"} if "token" in options else {}
    try:
        client = TestClient(build_app(service, page=page or state / "no page", pace=pace), ADDRESS, headers=headers)
        client.service, client.said, client.runner = service, said, runner
        yield client
    finally:
        service.close()


@contextmanager
def real_service(state: Path, **options: Any) -> Iterator[TestClient]:
    """A running service with processes of its own."""
    said: list[str] = []
    service = Service(ServeOptions(state=state, **options), said.append)
    try:
        service.start()
        client = TestClient(build_app(service), ADDRESS)
        client.service, client.said = service, said
        yield client
    finally:
        service.close()


def uploaded(client: TestClient, **files: bytes) -> str:
    """A new upload with files; `__` in a name stands for a dot."""
    upload = client.post("/uploads").json()["id"]
    for name, content in (files or {"ct__nii__gz": b"a CT"}).items():
        answer = client.put(f"/uploads/{upload}/files/{name.replace('__', '.')}", content=content)
        assert answer.status_code == 200, answer.text
    return upload


def submitted(client: TestClient, upload: str | None = None, **asked: Any) -> str:
    """A new job."""
    answer = client.post("/jobs", json={"upload": upload or uploaded(client), **asked})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def followed(client: TestClient, job: str) -> dict[str, Any]:
    """The job once it has ended, heard through its events."""
    import json

    last = None
    with client.stream("GET", f"/jobs/{job}/events") as events:
        for line in events.iter_lines():
            if line.startswith("data: "):
                last = json.loads(line.removeprefix("data: "))
    return last
