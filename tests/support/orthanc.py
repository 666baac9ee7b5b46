"""A real Orthanc of Debian on this machine, with its own configuration, storage and ports, for the time of a test."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PLUGINS = (Path("/usr/share/orthanc/plugins"), Path("/usr/lib/orthanc"))
START_S = 30.0


@dataclass(frozen=True)
class Orthanc:
    """A running server.

    Args:
        http, dicom: Its ports.
    """

    http: int
    dicom: int

    @property
    def address(self) -> str:
        return f"dicomweb://127.0.0.1:{self.http}/dicom-web"

    def ask(self, path: str, body: bytes | None = None) -> Any:
        """Its own interface, not DICOMweb."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", data=body)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def put(self, *files: Path) -> None:
        for file in files:
            self.ask("/instances", file.read_bytes())


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def running_orthanc(folder: Path, modalities: dict[str, tuple[str, str, int]] | None = None) -> Iterator[Orthanc]:
    """Start it, or skip the test where Orthanc or its DICOMweb plugin is not installed."""
    program = shutil.which("Orthanc", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    plugins = [p for place in PLUGINS for p in sorted(place.glob("libOrthancDicomWeb.so*"))]
    if program is None or not plugins:
        pytest.skip("needs Debian's orthanc and orthanc-dicomweb")
    server = Orthanc(free_port(), free_port())
    settings = {
        "Name": "test",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "HttpPort": server.http,
        "DicomPort": server.dicom,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": False,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [str(plugins[0])],
        "DicomModalities": {name: list(where) for name, where in (modalities or {}).items()},
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen([program, folder / "orthanc.json"], stdout=log, stderr=log)
        try:
            _wait(server, process, folder / "log.txt")
            yield server
        finally:
            process.terminate()
            process.wait(20)


def _wait(server: Orthanc, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            server.ask("/system")
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    pytest.fail(f"Orthanc does not start: {log.read_text()[-2000:]}")
