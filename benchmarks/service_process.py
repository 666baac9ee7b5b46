"""`omentum serve` as a process of its own, which can be asked, killed and started again; used by service.py."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

WAIT_S = 600.0
"""Longest time that an answer, or a state of the jobs, is waited for."""


class Running:
    """The service, started, and its HTTP client.

    Args:
        place: Folder that holds `tiny.safetensors`, the weights, and receives the log.
        state: Name of the folder in it where the service keeps its state.
        options: Further options of `omentum serve`.
    """

    def __init__(self, place: Path, state: str, *options: str) -> None:
        self.log = (place / f"{state}.log").open("a+")
        command = ["serve", "--port", "0", "--state", str(place / state), "-w", str(place / "tiny.safetensors")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "omentum", *command, "--device", "cpu", *options],
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        found = re.search(r"http://\S+", self.process.stdout.readline())
        assert found, "the service did not start"
        self.address = found[0]
        self.client = httpx.Client(base_url=self.address, timeout=WAIT_S)

    def upload(self, ct: Path) -> str:
        """Send a CT; the identifier of the upload."""
        upload = self.client.post("/uploads").json()["id"]
        self.client.put(f"/uploads/{upload}/files/ct.nii.gz", content=ct.read_bytes()).raise_for_status()
        return upload

    def submit(self, upload: str) -> str:
        """Queue a job; its identifier."""
        asked = {"upload": upload, "profile": "fast", "classes": ["liver"]}
        return self.client.post("/jobs", json=asked).raise_for_status().json()["id"]

    def wait(self, job: str) -> dict[str, object]:
        """The job once it has ended."""
        with self.client.stream("GET", f"/jobs/{job}/events") as events:
            for _ in events.iter_lines():
                pass
        return self.client.get(f"/jobs/{job}").json()

    def wait_for_state(self, state: str, count: int) -> None:
        """Until so many jobs are in a state."""
        wait_until(lambda: sum(one["state"] == state for one in self.client.get("/jobs").json()) >= count)

    def kill(self) -> None:
        """With SIGKILL, so that the service can tidy up nothing."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.client.close()

    def end(self) -> None:
        """As an administrator ends it."""
        self.process.terminate()
        self.process.wait(60)
        self.client.close()


@contextmanager
def running(place: Path, state: str, *options: str) -> Iterator[Running]:
    """The service for a while; see `Running`."""
    service = Running(place, state, *options)
    try:
        yield service
    finally:
        service.end()


def wait_until(condition: Callable[[], bool]) -> None:
    """Return once a condition holds, looked at again and again."""
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "took too long"
        time.sleep(0.05)
