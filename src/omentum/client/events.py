"""Server-sent events (WHATWG HTML, 9.2), as far as the service uses them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any


def event_data(lines: Iterable[str]) -> Iterator[Any]:
    """JSON values of the events in the lines of a stream; comments, names and unknown fields are skipped.

    Raises:
        ValueError: an event is not JSON.
    """
    data: list[str] = []
    for line in lines:
        if line.startswith("data:"):
            data.append(line.removeprefix("data:").removeprefix(" "))
        elif not line and data:
            yield json.loads("\n".join(data))
            data = []
