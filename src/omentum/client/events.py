"""Server-sent events (WHATWG HTML, 9.2), as far as the service uses them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

MOST_EVENT_BYTES = 2**20
"""Of the lines of an event together; a job with all its results has a few kilobytes."""


def event_data(stream: Iterable[bytes]) -> Iterator[Any]:
    """JSON values of the events in a stream; comments, names and unknown fields are skipped.

    Args:
        stream: Its bytes, in parts of any length.

    Raises:
        ValueError: an event is not JSON, or is longer than `MOST_EVENT_BYTES`.
    """
    data: list[bytes] = []
    for line in _lines(stream):
        if line.startswith(b"data:"):
            data.append(line.removeprefix(b"data:").removeprefix(b" "))
            _check_length(sum(map(len, data)))
        elif not line and data:
            yield json.loads(b"\n".join(data).decode())
            data = []


def _lines(stream: Iterable[bytes]) -> Iterator[bytes]:
    begun = bytearray()
    for part in stream:
        *ended, rest = part.split(b"\n")
        for end in ended:
            _check_length(len(begun) + len(end))
            yield bytes(begun + end).removesuffix(b"\r")
            begun.clear()
        begun += rest
        _check_length(len(begun))


def _check_length(length: int) -> None:
    if length > MOST_EVENT_BYTES:
        raise ValueError(f"an event is longer than {MOST_EVENT_BYTES} bytes")
