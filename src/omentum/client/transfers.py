"""Files to and from a service, counted, and checked by size or hash."""

from __future__ import annotations

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

from omentum.client.connection import ServiceConnection
from omentum.client.documents import RemoteFile
from omentum.client.faults import RemoteError
from omentum.client.inputs import SentFile
from omentum.errors import InputError, OutputError

Transferred = Callable[[int, int], None]
"""Called with bytes transferred and bytes in all; raises what has to end the transfer."""
CHUNK = 1 << 20
AT_ONCE = 4
"""Small files on their way at a time."""
MOST_RESULT_FILES, MOST_RESULT_BYTES = 10_000, 50 * 10**9
"""Of one job; the largest CTs with all their masks, surfaces and DICOM files need a hundredth of it."""


class ByteCount:
    """Counts the bytes of several transfers and passes the sum on.

    Args:
        total: All bytes.
        listener: Receives the sum; None for nobody.
    """

    def __init__(self, total: int, listener: Transferred | None) -> None:
        self._total, self._listener = total, listener
        self._lock, self._done = threading.Lock(), 0

    def add(self, more: int) -> None:
        """Count further bytes."""
        with self._lock:
            self._done += more
            if self._listener is not None:
                self._listener(min(self._done, self._total), self._total)


def send_files(
    connection: ServiceConnection, upload: str, files: Sequence[SentFile], listener: Transferred | None
) -> None:
    """Send files to an upload; the service must have received what was read here.

    Raises:
        InputError: a file cannot be read, or changes meanwhile.
        RemoteError: the service refuses or is not reached.
    """
    count = ByteCount(sum(file.bytes for file in files), listener)
    with ThreadPoolExecutor(min(AT_ONCE, len(files))) as pool:
        try:
            for _ in pool.map(lambda file: _send(connection, upload, file, count), files):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _send(connection: ServiceConnection, upload: str, file: SentFile, count: ByteCount) -> None:
    sha256 = hashlib.sha256()

    def content() -> Iterator[bytes]:
        left = file.bytes
        with file.path.open("rb") as opened:
            while left and (part := opened.read(min(CHUNK, left))):
                left -= len(part)
                sha256.update(part)
                yield part
                count.add(len(part))
        if left:
            raise InputError("became shorter while it was sent", source=file.path)

    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(file.bytes)}
    path = f"/uploads/{upload}/files/{quote(file.name, safe='')}"
    try:
        with connection.stream("PUT", path, content=content(), headers=headers) as answer:
            received = answer.read()
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=file.path) from fault
    if sha256.hexdigest().encode() not in received:
        reason = "was damaged on the way: its SHA-256 differs on the service"
        raise RemoteError(reason, source=file.path, code="damaged", remedy="try again")


def check_download(files: int, size: int, folder: Path, address: str) -> None:
    """Refuse results that no job writes, or for which there is no room, before the first of them is fetched.

    Args:
        files: How many there are.
        size: Bytes of all together.
        folder: Where they are to be written; need not be there.
        address: Of the service.

    Raises:
        RemoteError: there are too many, or they are too large.
        OutputError: there is no room, or the folder cannot be written.
    """
    if files > MOST_RESULT_FILES or size > MOST_RESULT_BYTES:
        limits = f"{MOST_RESULT_FILES} files and {MOST_RESULT_BYTES} bytes"
        reason = f"announces {files} results with {size} bytes; the limits are {limits}"
        raise RemoteError(reason, source=address, code="too_large", remedy="is the address right?")
    above = next(path for path in folder.absolute().parents if path.is_dir())
    free = shutil.disk_usage(above).free
    if size > free:
        reason = f"the results have {size} bytes, and the disk has room for {free}"
        raise OutputError(reason, source=folder, remedy="choose a folder on another disk")


def receive_file(connection: ServiceConnection, job: str, file: RemoteFile, path: Path, count: ByteCount) -> None:
    """Write a result to a new file.

    Raises:
        RemoteError: the service refuses, is not reached, or sends another size than it announced.
        OutputError: the file cannot be written.
    """
    received = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as opened, connection.stream("GET", f"/jobs/{job}/results/{quote(file.name)}") as answer:
            for part in answer.iter_raw(CHUNK):
                received += len(part)
                if received > file.bytes:
                    break
                opened.write(part)
                count.add(len(part))
    except OSError as fault:
        raise OutputError(f"cannot be written: {fault.strerror or fault}", source=path) from fault
    if received != file.bytes:
        reason = f"{file.name} has another size than the service announced ({file.bytes} bytes)"
        raise RemoteError(reason, source=connection.shown, code="damaged", remedy="try again")
