"""Multipart bodies (RFC 2046, 2387) as streams: split into parts, or made of files; nothing is kept in memory."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from email.message import Message
from pathlib import Path

DICOM = "application/dicom"
MOST_HEADER_BYTES = 16 * 1024
LONGEST_BOUNDARY = 70
_CHUNK_BYTES = 2**18


class MultipartError(ValueError):
    """A body is no valid multipart body; the message says why."""


def boundary_of(content_type: str) -> bytes:
    """The boundary of a body of type multipart/related.

    Raises:
        MultipartError: it has another type, or no valid boundary.
    """
    header = Message()
    header["content-type"] = content_type
    if header.get_content_type() != "multipart/related":
        raise MultipartError(f"answers with {header.get_content_type()[:60]}, expected multipart/related")
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str) or not 0 < len(boundary) <= LONGEST_BOUNDARY or not boundary.isascii():
        raise MultipartError("answers with parts that have no valid boundary")
    return boundary.encode()


class PartStream:
    """Splits a body into parts; every part must be read to its end before the next.

    Args:
        chunks: The body.
        boundary: See `boundary_of`.
    """

    def __init__(self, chunks: Iterator[bytes], boundary: bytes) -> None:
        self._chunks, self._delimiter = chunks, b"\r\n--" + boundary
        self._held = b"\r\n"  # the first delimiter may begin the body
        self._skip = 0  # bytes that were put before a content and are not part of it

    def parts(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Content type and content of each part.

        Raises:
            MultipartError: the body is damaged, or ends before its last delimiter.
        """
        for _ in self._until(self._delimiter):
            pass  # preamble
        while not self._is_last():
            content_type = self._content_type()
            content = self._until(self._delimiter)
            yield content_type, content
            for _ in content:
                pass
        for _ in self._chunks:
            pass  # what follows has no meaning, but a connection that breaks there was to send more

    def _is_last(self) -> bool:
        """Whether the delimiter that was just read closes the body; what follows one that does not is a line end."""
        line = self._line()
        if line.startswith(b"--"):
            return True
        if line.strip(b" \t"):
            raise MultipartError("has a damaged line between its parts")
        return False

    def _content_type(self) -> str:
        """Content type of a part, in lower case; "" where none is stated. Reads all headers of the part."""
        found, total = "", 0
        while line := self._line():
            total += len(line)
            if total > MOST_HEADER_BYTES:
                raise MultipartError(f"has more than {MOST_HEADER_BYTES} bytes of headers in a part")
            name, _, value = line.decode("latin-1").partition(":")
            if name.strip().lower() == "content-type":
                found = value.partition(";")[0].strip().lower()
        # the line end before a delimiter that follows an empty content is also that after the headers
        self._held = b"\r\n" + self._held
        self._skip = 2
        return found

    def _line(self) -> bytes:
        while b"\r\n" not in self._held[: MOST_HEADER_BYTES + 2]:
            if len(self._held) > MOST_HEADER_BYTES:
                raise MultipartError("has a line of its headers without end")
            if not self._more():
                if self._held.startswith(b"--"):  # the line end after the last delimiter is optional
                    return self._held
                raise MultipartError("ends in the middle of its parts")
        line, self._held = self._held.split(b"\r\n", 1)
        return line

    def _until(self, delimiter: bytes) -> Iterator[bytes]:
        """What comes before a delimiter, in chunks; the delimiter is read, too."""
        skip, self._skip = self._skip, 0
        while (at := self._held.find(delimiter)) < 0:
            keep = len(delimiter) - 1
            if len(self._held) > keep + skip:
                ready, self._held = self._held[:-keep], self._held[-keep:]
                yield ready[skip:]
                skip = 0
            if not self._more():
                raise MultipartError("ends in the middle of its parts")
        ready, self._held = self._held[:at], self._held[at + len(delimiter) :]
        yield ready[skip:]

    def _more(self) -> bool:
        """Read on; short chunks are joined, since what is held is searched again after each."""
        joined, size = [], 0
        while size < _CHUNK_BYTES and (chunk := next(self._chunks, b"")):
            joined.append(chunk)
            size += len(chunk)
        self._held += b"".join(joined)
        return size > 0


class FileParts:
    """A body of DICOM files, for sending.

    Args:
        paths: The files.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths, self._boundary = paths, secrets.token_hex(16)

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the request."""
        parts = sum(len(self._head(n)) + path.stat().st_size for n, path in enumerate(self._paths))
        return {
            "Content-Type": f'multipart/related; type="{DICOM}"; boundary={self._boundary}',
            "Content-Length": str(parts + len(self._tail)),
        }

    def chunks(self) -> Iterator[bytes]:
        """The body."""
        for number, path in enumerate(self._paths):
            yield self._head(number)
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    yield chunk
        yield self._tail

    def _head(self, number: int) -> bytes:
        start = "" if number == 0 else "\r\n"
        return f"{start}--{self._boundary}\r\nContent-Type: {DICOM}\r\n\r\n".encode()

    @property
    def _tail(self) -> bytes:
        return f"\r\n--{self._boundary}--\r\n".encode()
