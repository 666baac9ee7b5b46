"""A large file over HTTP: streamed, continued after an interruption, checked, and in place only when complete."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from omentum.errors import InputError, OutputError
from omentum.model.downloads.address import check_address, opener
from omentum.model.downloads.part_file import PartFile

Progress = Callable[[int, int | None], None]
"""Called with bytes so far and bytes in all (None if the server does not say)."""

TIMEOUT_S = 30.0
"""Longest silence of a server."""

ATTEMPTS = 5
"""Attempts in a row that may bring nothing new."""

PAUSE_S = 0.5
"""Before the second attempt; doubles each time."""

CHUNK_BYTES = 2**20
MAX_BYTES = 16 * 2**30

NOT_SATISFIABLE = 416


@dataclass(frozen=True)
class Expected:
    """What is known of a file beforehand.

    Args:
        size_bytes: Exact size.
        digest: "algorithm:hex".
    """

    size_bytes: int | None = None
    digest: str = ""


class _InterruptedError(Exception):
    """The connection broke; what came is kept and another attempt may bring the rest."""


def download(address: str, target: Path, expected: Expected = Expected(), progress: Progress | None = None) -> str:
    """Fetch a file. A `.part` file beside the target keeps what came, so that a later call continues.

    Args:
        address: https, or http on this machine.
        target: Where the complete file goes; its folder must exist.
        expected: Checked where known.
        progress: Called after every chunk.

    Returns:
        The SHA-256 of the file.

    Raises:
        UsageError: an address that is not safe.
        InputError: the server refuses or is not reached, or the file is not the expected one.
        OutputError: no room, or no right to write.
    """
    check_address(address)
    part = PartFile(target)
    fruitless = 0
    while True:
        before = part.size
        try:
            _attempt(address, part, expected, progress)
            break
        except (_InterruptedError, http.client.HTTPException, OSError) as fault:
            fruitless = 0 if part.size > before else fruitless + 1
            if fruitless >= ATTEMPTS:
                raise InputError(
                    f"download stopped: {_cause(fault)}",
                    source=address,
                    remedy="try again; it goes on where it stopped",
                ) from fault
            time.sleep(PAUSE_S * 2 ** (fruitless - 1) if fruitless else 0)
    return _accept(part, target, expected, address)


def _attempt(address: str, part: PartFile, expected: Expected, progress: Progress | None) -> None:
    """One connection: from where the part file ends to the end of the file."""
    start = part.size if part.validator else 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "omentum"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": part.validator}
    try:
        response = opener().open(urllib.request.Request(address, headers=headers), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as fault:
        _explain(fault, part, address)
        return
    with response:
        start = _resumed_at(response, start)
        total = _total(response, start)
        _check_size(total, expected, address)
        _check_room(part.path, (total or 0) - start)
        with part.opened(start, response.headers) as file:
            _copy(response, file, total, progress)


def _copy(response: Any, file: BinaryIO, total: int | None, progress: Progress | None) -> None:
    done = file.tell()
    while chunk := response.read(CHUNK_BYTES):
        _write(file, chunk)
        done += len(chunk)
        if done > (MAX_BYTES if total is None else total):
            raise InputError("the server sends more than it announced", source=response.url)
        if progress is not None:
            progress(done, total)
    if total is not None and done < total:
        raise _InterruptedError(f"the connection broke after {done} of {total} bytes")


def _write(file: BinaryIO, chunk: bytes) -> None:
    """Report failures of the disk here, where they cannot be confused with those of the network."""
    try:
        file.write(chunk)
        file.flush()
    except OSError as fault:
        raise OutputError(f"cannot be written: {fault.strerror}", source=file.name) from fault


def _explain(fault: urllib.error.HTTPError, part: PartFile, address: str) -> None:
    """A refusal: final for 4xx, perhaps passing for 5xx; 416 means that the part is already all of it, or stale."""
    with fault:
        if fault.code == NOT_SATISFIABLE:
            if fault.headers.get("Content-Range") != f"bytes */{part.size}":
                part.discard()
                raise _InterruptedError("the file has changed on the server") from fault
            return
        if fault.code >= 500 or fault.code == http.HTTPStatus.TOO_MANY_REQUESTS:
            raise _InterruptedError(f"the server answers {fault.code} {fault.reason}") from fault
        remedy = (
            "the file may have moved; see its publisher's page" if fault.code == http.HTTPStatus.NOT_FOUND else None
        )
        raise InputError(f"the server answers {fault.code} {fault.reason}", source=address, remedy=remedy) from fault


def _accept(part: PartFile, target: Path, expected: Expected, address: str) -> str:
    """Check the complete part file and put it in place."""
    sha256 = hashlib.sha256()
    algorithm, _, wanted = expected.digest.partition(":")
    known = hashlib.new(algorithm, usedforsecurity=False) if wanted else None
    with part.path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            sha256.update(chunk)
            if known is not None:
                known.update(chunk)
        os.fsync(file.fileno())
    size = part.size
    if expected.size_bytes not in (None, size):
        part.discard()
        raise InputError(f"expected {expected.size_bytes} bytes, got {size}", source=address)
    if known is not None and known.hexdigest() != wanted:
        part.discard()
        raise InputError(
            f"damaged or replaced: expected {algorithm} {wanted}, got {known.hexdigest()}",
            source=address,
            remedy="try again; if it persists and you trust the publisher, download it yourself and use "
            "`omentum weights import`",
        )
    part.path.replace(target)
    part.discard()
    return sha256.hexdigest()


def _resumed_at(response: Any, asked: int) -> int:
    """First byte of the response: a server may ignore the requested range and send everything."""
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        return 0
    if not response.headers.get("Content-Range", "").startswith(f"bytes {asked}-"):
        raise InputError("the server sends another part than was asked for", source=response.url)
    return asked


def _total(response: Any, start: int) -> int | None:
    length = response.headers.get("Content-Length")
    return start + int(length) if length and length.isdigit() else None


def _check_size(total: int | None, expected: Expected, address: str) -> None:
    if total is not None and expected.size_bytes not in (None, total):
        raise InputError(f"expected {expected.size_bytes} bytes, the server offers {total}", source=address)
    if total is not None and total > MAX_BYTES:
        raise InputError(f"{total} bytes are more than any weights have", source=address)


def _check_room(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise OutputError(
            f"no space left: {needed} bytes to come, {free} free", source=path.parent, remedy="or set OMENTUM_HOME"
        )


def _cause(fault: Exception) -> str:
    return str(fault.reason if isinstance(fault, urllib.error.URLError) else fault) or type(fault).__name__
