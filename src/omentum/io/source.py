"""Open untrusted files: the type is detected from the first bytes, and every kind of damage has a clear message.

Declared sizes are never trusted: a reader gets an upper limit of the bytes that the file can contain.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isal import igzip, igzip_lib

from omentum.errors import InputError

GZIP_MAGIC = b"\x1f\x8b"
MAX_DEFLATE_RATIO = 1032
"""No deflate stream expands further than this (RFC 1951: 258 bytes from two bits)."""

_HEAD_BYTES = 512
_CHUNK_BYTES = 1 << 24


@dataclass(frozen=True)
class InputStream:
    """An open file, decompressed if it is gzip.

    Args:
        stream: The (decompressed) content, from its beginning.
        most_bytes: Upper limit of the content in bytes, independent of its header.
        compressed: Whether the file is gzip.
    """

    stream: io.BufferedIOBase
    most_bytes: int
    compressed: bool

    def read_up_to(self, n_bytes: int) -> bytes:
        """Read `n_bytes`, or fewer at the end of the content."""
        parts = []
        while n_bytes and (part := self.stream.read(min(n_bytes, _CHUNK_BYTES))):
            parts.append(part)
            n_bytes -= len(part)
        return b"".join(parts)

    def fill(self, buffer: memoryview) -> int:
        """Fill a byte buffer; returns the number of bytes read."""
        done = 0
        while done < len(buffer):
            n = self.stream.readinto(buffer[done : done + _CHUNK_BYTES])
            if not n:
                break
            done += n
        return done

    def skip(self, n_bytes: int) -> int:
        """Skip up to `n_bytes`; returns the number of bytes skipped."""
        done = 0
        while done < n_bytes and (part := self.stream.read(min(n_bytes - done, _CHUNK_BYTES))):
            done += len(part)
        return done


@contextmanager
def open_source(path: str | Path) -> Iterator[InputStream]:
    """Open a file for reading, decompressing gzip under any name.

    Errors raised while reading inside the block are translated too.

    Raises:
        InputError: The file is missing, unreadable, not a regular file, empty, a Git LFS pointer, a web page, or
            damaged gzip data (truncated, bad block, wrong checksum).
    """
    path = Path(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError("is a folder or device, not a file", source=path)
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            _refuse_impostor(head, path)
            file.seek(0)
            size = os.fstat(file.fileno()).st_size
            if head.startswith(GZIP_MAGIC):
                yield InputStream(igzip.IGzipFile(fileobj=file), size * MAX_DEFLATE_RATIO, compressed=True)
            else:
                yield InputStream(file, size, compressed=False)
    except EOFError as fault:
        raise InputError(
            "the compressed data ends too early or is followed by something else",
            source=path,
            remedy="the file was probably cut short; copy or download it again",
        ) from fault
    except (gzip.BadGzipFile, igzip_lib.IsalError) as fault:  # type: ignore[misc]  # typed as an instance in its stub
        raise InputError(
            f"the compressed data is damaged: {fault}", source=path, remedy="copy or download the file again"
        ) from fault
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path) from fault


def _refuse_impostor(head: bytes, path: Path) -> None:
    """Refuse content that is often found under a wrong file name."""
    if not head:
        raise InputError("file is empty", source=path)
    if head.startswith(b"version https://git-lfs"):
        raise InputError("this is a Git LFS pointer, not the data itself", source=path, remedy="run git lfs pull")
    if head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise InputError("this is a web page, not data", source=path, remedy="the download failed; repeat it")
