"""Limits of the connections of a storage service, which pynetdicom does not set or sets too late.

pynetdicom trusts its peers with memory: lengths of PDUs, messages of many fragments, and requests that do not wait for
answers are counted here, before it reads them. It also counts connections that have not asked for anything yet, such as
those of a port scanner or a load balancer, among the associations, and keeps them after they were closed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

MOST_PDU_BYTES = 2**20
MOST_IMAGE_BYTES = 2**30
MOST_UNANSWERED = 4
MOST_ASSOCIATIONS = 8
MOST_WAITING = 32
"""Connections that have not asked for an association; of more, the oldest is closed."""
TIMEOUT_S, REQUEST_TIMEOUT_S = 60.0, 10.0
"""Longest silence, and time from the connection to its request."""
_LIMIT_EXCEEDED = (0x02, 0x03, 0x02)
"""Rejected, transient, by the provider: local limit exceeded (PS3.8, table 9-21)."""


class ConnectionLimits:
    """Handlers of the events of all connections; they are called in the threads of these.

    Args:
        full: Called with an association that is rejected because there are too many.
    """

    def __init__(self, full: Callable[[Any], None]) -> None:
        self._full, self._lock = full, threading.Lock()
        self._waiting: list[Any] = []
        self._asked: list[Any] = []

    def opened(self, event: Any) -> None:
        """A connection is open, and has sent nothing yet."""
        _count_what_is_kept(event.assoc)
        with self._lock:
            self._waiting.append(event.assoc)
            oldest = self._waiting.pop(0) if len(self._waiting) > MOST_WAITING else None
        if oldest is not None:
            _end_waiting(oldest)
            oldest.dul.socket.close()

    def requested(self, event: Any) -> None:
        """A connection asks for an association."""
        with self._lock:
            self._waiting = [one for one in self._waiting if one is not event.assoc]
            is_full = sum(one.is_established for one in self._asked) >= MOST_ASSOCIATIONS
            self._asked.append(event.assoc)
        if is_full:
            event.assoc.acse.send_reject(*_LIMIT_EXCEEDED)
            self._full(event.assoc)
            event.assoc.kill()

    def closed(self, event: Any) -> None:
        """A connection is closed, by either side."""
        with self._lock:
            was_waiting = event.assoc in self._waiting
            self._waiting = [one for one in self._waiting if one is not event.assoc]
            self._asked = [one for one in self._asked if one is not event.assoc]
        if was_waiting:
            _end_waiting(event.assoc)


def _end_waiting(association: Any) -> None:
    """Let the thread of an association end that waits for a request which will not come."""
    association.dul.to_user_queue.put(None)


def _count_what_is_kept(association: Any) -> None:
    """Count what a connection makes pynetdicom keep in memory, before it is read; too much closes the connection."""
    connection = association.dul.socket
    plain = connection.recv
    connection.socket.settimeout(TIMEOUT_S)  # also in the middle of a PDU, where pynetdicom has no time limit

    def recv(n_bytes: int) -> bytearray:
        message = association.dimse.message
        kept = 0 if message is None else message.data_set.tell() + message.encoded_command_set.tell()
        if n_bytes > MOST_PDU_BYTES or kept > MOST_IMAGE_BYTES or association.dimse.msg_queue.qsize() > MOST_UNANSWERED:
            raise OSError("sends too much")
        received: bytearray = plain(n_bytes)
        return received

    connection.recv = recv
