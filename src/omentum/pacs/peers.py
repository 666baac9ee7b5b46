"""Application entities that Omentum talks to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from omentum.errors import UsageError, printable

LONGEST_TITLE = 16
_DESTINATION = re.compile(r"(?P<ae>[^@]+)@(?P<host>\[[0-9a-fA-F:.]+(?:%[\w.-]+)?\]|[^@:/\s]+):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True)
class Destination:
    """Where results are sent to.

    Args:
        ae: Its AE title.
        host: Name or address.
        port: Of its storage service.
    """

    ae: str
    host: str
    port: int

    def __str__(self) -> str:
        """As on the command line."""
        return f"{self.ae}@{self.host}:{self.port}"


def shown_title(title: str) -> str:
    """An AE title that a peer states, for messages."""
    return printable(title[:LONGEST_TITLE], ascii_only=True)


def check_title(title: str) -> str:
    """An AE title without surrounding spaces (PS3.5, table 6.2-1: at most 16 printable ASCII characters, no backslash).

    Raises:
        UsageError: it is none.
    """
    title = title.strip()
    if not 0 < len(title) <= LONGEST_TITLE or not (title.isascii() and title.isprintable()) or "\\" in title:
        raise UsageError(f"{title[:40]!r} is no AE title", remedy="1 to 16 printable ASCII characters")
    return title


def parse_destination(text: str) -> Destination:
    """A destination written as AE@host:port.

    Raises:
        UsageError: it is not.
    """
    parts = _DESTINATION.fullmatch(text.strip())
    if parts is None or not 0 < int(parts["port"]) < 65536:
        raise UsageError(f"{text[:60]!r} is no destination", remedy="write AE@host:port")
    return Destination(check_title(parts["ae"]), parts["host"].strip("[]"), int(parts["port"]))


def destinations_for(sender: str, known: Sequence[Destination]) -> list[Destination]:
    """Where the results of a sender's series go: back to it where it is a destination, else to all destinations.

    Those of an unknown sender ("") go nowhere.
    """
    if not sender:
        return []
    return [one for one in known if one.ae == sender] or list(known)
