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
from typing import Any

import numpy as np
from isal import igzip, igzip_lib, isal_zlib
from numpy.typing import NDArray

from omentum.errors import InputError

GZIP_MAGIC = b"\x1f\x8b"
MAX_DEFLATE_RATIO = 1032
"""No deflate stream expands further than this (RFC 1951: 258 bytes from two bits)."""

TRAILING_BYTES = 1 << 20
"""So much may follow the last voxel in a compressed file; more is a bomb, not a tail."""

_HEAD_BYTES = 512
_CHUNK_BYTES = 1 << 24
_DEFLATED_BYTES, _INFLATED_BYTES = 1 << 16, 1 << 20
_GZIP_OR_ZLIB = 47
"""Window bits by which zlib tells the two by their first bytes."""


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

    def gunzipped(self) -> InputStream:
        """The gzip data that begin at the present position, decompressed."""
        return InputStream(igzip.IGzipFile(fileobj=self.stream), self.most_bytes * MAX_DEFLATE_RATIO, compressed=True)

    def inflated(self) -> InputStream:
        """The zlib (RFC 1950) or gzip data that begin at the present position, decompressed."""
        content = io.BufferedReader(_Inflated(self.stream), _INFLATED_BYTES)
        return InputStream(content, self.most_bytes * MAX_DEFLATE_RATIO, compressed=True)

    def read_voxels(self, n_bytes: int, path: Path) -> NDArray[np.uint8]:
        """Read the voxels, which are the rest of the content, to its end, so that a wrong checksum shows.

        Args:
            n_bytes: Size of all voxels; checked against `most_bytes` by the caller, see `refuse_bomb`.
            path: File name for messages.

        Raises:
            InputError: There are fewer bytes, or far more.
        """
        buffer = np.empty(n_bytes, np.uint8)
        if (got := self.fill(buffer.data)) < n_bytes:
            reason = f"expected {n_bytes} bytes of voxels, got {got}"
            raise InputError(reason, source=path, remedy="the file was cut short")
        self.read_tail(n_bytes, path)
        return buffer

    def read_tail(self, n_bytes: int, path: Path) -> None:
        """Read what follows the last voxel.

        Args:
            n_bytes: What the header declares, for the message.
            path: File name for messages.

        Raises:
            InputError: It is more than a tail.
        """
        if self.skip(TRAILING_BYTES + 1) > TRAILING_BYTES:
            raise InputError(f"holds far more data than the {n_bytes} bytes its header declares", source=path)

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


class _Inflated(io.RawIOBase):
    """Deflated data, decompressed piece by piece; never more at once than is asked for."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream, self._inflate = stream, isal_zlib.decompressobj(_GZIP_OR_ZLIB)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._inflate.eof:
            data = self._inflate.unconsumed_tail or self._stream.read(_DEFLATED_BYTES)
            if not data:
                raise EOFError
            piece = self._inflate.decompress(data, len(buffer))
            if piece:
                buffer[: len(piece)] = piece
                return len(piece)
        return 0


@contextmanager
def open_source(path: str | Path, *, gunzip: bool = True) -> Iterator[InputStream]:
    """Open a file for reading, decompressing gzip under any name.

    Errors raised while reading inside the block are translated too.

    Args:
        path: The file.
        gunzip: False for a file of voxels alone, whose first ones may look like gzip.

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
            if gunzip and head.startswith(GZIP_MAGIC):
                yield InputStream(igzip.IGzipFile(fileobj=file), size * MAX_DEFLATE_RATIO, compressed=True)
            else:
                yield InputStream(file, size, compressed=False)
    except EOFError as fault:
        raise InputError(
            "the compressed data ends too early or is followed by something else",
            source=path,
            remedy="the file was probably cut short; copy or download it again",
        ) from fault
    except (gzip.BadGzipFile, igzip_lib.IsalError, isal_zlib.error) as fault:  # type: ignore[misc]  # typed as an instance in its stub
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
