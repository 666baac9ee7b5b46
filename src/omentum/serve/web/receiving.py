"""Request bodies written to a file as they come: counted, hashed, with a deadline and a minimum rate."""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from omentum.serve.documents import FileDocument
from omentum.serve.faults import ServiceError, not_found
from omentum.serve.state.uploads import Incoming, UploadStore
from omentum.temporary_names import remove, unfinished

BUFFER_BYTES = 256 * 1024
"""Written at a time: 200 slow senders take 50 MB."""


@dataclass(frozen=True)
class SlowestPace:
    """How slow a sender may be.

    Args:
        silence_s: Seconds without a byte.
        least_bytes_s: Bytes a second, on average, after `grace_s`.
        grace_s: Seconds before the average counts.
        whole_s: Seconds for the whole body.
    """

    silence_s: float = 30.0
    least_bytes_s: float = 1024.0
    grace_s: float = 60.0
    whole_s: float = 3600.0


def announced_bytes(headers: Mapping[str, str]) -> int | None:
    """The length that a request announces; None if it does not.

    Raises:
        ServiceError: the body is encoded, which would hide its size.
    """
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        reason = "a body is sent as it is, without Content-Encoding"
        raise ServiceError(
            415, "encoded", reason, remedy="files that are compressed themselves, like .nii.gz, are fine"
        )
    length = headers.get("content-length")
    return int(length) if length is not None and length.isdigit() else None


async def receive_file(
    uploads: UploadStore,
    upload: str,
    name: str,
    body: AsyncIterator[bytes],
    pace: SlowestPace,
    expected: int | None = None,
) -> FileDocument:
    """Write a body to an upload; all limits are checked before and while it comes.

    Args:
        uploads: The uploads.
        upload: The one that the file belongs to.
        name: Name of the file; an earlier one is replaced.
        body: Its parts.
        pace: How slow the sender may be.
        expected: Bytes that the sender announced; None if it did not.

    Raises:
        ServiceError: see `UploadStore.receiving` and `receive`.
    """
    receiving = uploads.receiving(upload, name, expected)
    place, incoming = await run_in_threadpool(receiving.__enter__)  # waits for the database
    try:
        sha256 = await receive(body, place, incoming, pace)
        file = FileDocument(name=name, bytes=incoming.bytes, sha256=sha256)
        await run_in_threadpool(uploads.add, upload, file, place)
    finally:
        await run_in_threadpool(receiving.__exit__, None, None, None)
    return file


async def receive(body: AsyncIterator[bytes], place: Path, incoming: Incoming, pace: SlowestPace) -> str:
    """Write a body to a file, which appears complete or not at all.

    Args:
        body: Its parts.
        place: The file; an earlier one is replaced.
        incoming: Counts its bytes.
        pace: How slow the sender may be.

    Returns:
        SHA-256 of the content.

    Raises:
        ServiceError: too large, no room, or too slow.
    """
    new, digest = unfinished(place), hashlib.sha256()
    try:
        descriptor = await run_in_threadpool(os.open, new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as file:

            def write(part: bytes) -> None:
                incoming.grow(len(part))
                file.write(part)
                digest.update(part)

            async for part in paced(body, pace):
                await run_in_threadpool(write, part)
            await run_in_threadpool(os.fsync, file.fileno())
        new.replace(place)
    except FileNotFoundError as fault:
        raise not_found("upload or job any more") from fault
    except OSError as fault:
        raise ServiceError(507, "no_room", f"cannot be written: {fault.strerror}") from fault
    finally:
        remove(new)
    return digest.hexdigest()


async def paced(body: AsyncIterator[bytes], pace: SlowestPace) -> AsyncIterator[bytes]:
    """Parts of a useful size, as long as they come fast enough."""
    began, total, waiting = time.monotonic(), 0, bytearray()
    parts = aiter(body)
    while True:
        try:
            async with asyncio.timeout(pace.silence_s):
                part = await anext(parts)
        except StopAsyncIteration:
            break
        except TimeoutError as fault:
            raise _too_slow(f"nothing came for {pace.silence_s:g} seconds") from fault
        total += len(part)
        waiting += part
        if len(waiting) >= BUFFER_BYTES:
            yield bytes(waiting)
            waiting.clear()
        passed = time.monotonic() - began
        if passed > pace.whole_s or (passed > pace.grace_s and total < pace.least_bytes_s * passed):
            raise _too_slow(f"{total} bytes in {passed:.0f} seconds are too few")
    if waiting:
        yield bytes(waiting)


def _too_slow(reason: str) -> ServiceError:
    return ServiceError(408, "too_slow", reason, headers={"Connection": "close"})
