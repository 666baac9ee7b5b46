"""Forms with files (multipart/form-data, RFC 7578), read part by part: no file is held in memory or written twice."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from omentum.serve.faults import ServiceError
from omentum.serve.web.receiving import paced

MOST_FIELD_BYTES = 256 * 1024
"""Of a field that is no file."""
MOST_PARTS = 6000
_MOST_HEADER_BYTES = 8 * 1024
_MOST_BOUNDARY_BYTES = 70
"""RFC 2046, 5.1.1."""


@dataclass(frozen=True)
class FormPart:
    """A part of a form.

    Args:
        name: Name of the field.
        filename: Name of the file; None for a plain field.
        content: Its bytes, to be read before the next part.
    """

    name: str
    filename: str | None
    content: AsyncIterator[bytes]

    async def text(self) -> str:
        """The value of a plain field.

        Raises:
            ServiceError: it is too long or no UTF-8.
        """
        found = bytearray()
        async for piece in self.content:
            found += piece
            if len(found) > MOST_FIELD_BYTES:
                raise ServiceError(413, "too_large", f"a field has at most {MOST_FIELD_BYTES} bytes")
        try:
            return found.decode()
        except UnicodeDecodeError as fault:
            raise _bad("a field is not UTF-8") from fault


async def form_parts(request: Request) -> AsyncIterator[FormPart]:
    """The parts of a form; what is left unread of one is skipped.

    Raises:
        ServiceError: the body is not such a form.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise ServiceError(415, "no_form", "the body is not multipart/form-data")
    if len(options[b"boundary"]) > _MOST_BOUNDARY_BYTES:
        raise _bad(f"its boundary has more than {_MOST_BOUNDARY_BYTES} bytes")
    events = _Events(request, options[b"boundary"])
    count = 0
    while (headers := await events.next_part()) is not None:
        count += 1
        if count > MOST_PARTS:
            raise ServiceError(413, "too_many_files", f"a form has at most {MOST_PARTS} parts")
        _, disposition = parse_options_header(headers.get("content-disposition", ""))
        name, filename = disposition.get(b"name", b""), disposition.get(b"filename")
        shown = None if filename is None else filename.decode("utf-8", "replace")
        yield FormPart(name.decode("utf-8", "replace"), shown, events.content())
        async for _ in events.content():
            pass


class _Events:
    """What the parser finds in the body, in order."""

    def __init__(self, request: Request, boundary: bytes) -> None:
        self._body = paced(request.stream(), request.app.state.pace)
        self._found: deque[dict[str, str] | bytes | None] = deque()
        self._headers: dict[str, str] = {}
        self._name, self._value, self._is_within = bytearray(), bytearray(), False
        self._is_over, self._is_complete = False, False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._headers.clear,
                "on_header_field": lambda data, start, end: self._grow(self._name, data[start:end]),
                "on_header_value": lambda data, start, end: self._grow(self._value, data[start:end]),
                "on_header_end": self._header,
                "on_headers_finished": lambda: self._found.append(dict(self._headers)),
                "on_part_data": lambda data, start, end: self._found.append(data[start:end]),
                "on_part_end": lambda: self._found.append(None),
                "on_end": self._complete,
            },
        )

    async def next_part(self) -> dict[str, str] | None:
        """Headers of the next part; None after the last."""
        while (found := await self._next()) is not _END:
            if isinstance(found, dict):
                self._is_within = True
                return found
        return None

    async def content(self) -> AsyncIterator[bytes]:
        """The rest of the part."""
        while self._is_within:
            found = await self._next()
            if not isinstance(found, bytes):
                self._is_within = False
                return
            yield found

    async def _next(self) -> dict[str, str] | bytes | object | None:
        while not self._found:
            if self._is_over:
                return _END
            try:
                self._parser.write(await anext(self._body))
            except StopAsyncIteration:
                self._is_over = True
                if not self._is_complete:
                    raise _bad("the form is cut off") from None
            except FormParserError as fault:
                raise _bad(str(fault)) from fault
        return self._found.popleft()

    def _grow(self, text: bytearray, more: bytes) -> None:
        text += more
        if len(text) > _MOST_HEADER_BYTES:
            raise _bad("a header is too long")

    def _header(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._name.clear()
        self._value.clear()

    def _complete(self) -> None:
        self._is_complete = True


_END = object()


def _bad(reason: str) -> ServiceError:
    return ServiceError(400, "bad_form", f"the form cannot be read: {reason}")
