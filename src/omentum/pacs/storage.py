"""Storage service (C-STORE SCP, PS3.4 annex B) that takes CT images, and C-ECHO; built on pynetdicom.

What pynetdicom logs about peers is silenced: it would name patients.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

from omentum.errors import MissingDependencyError, OutputError
from omentum.io.dicom import uids
from omentum.pacs.connections import MOST_ASSOCIATIONS, REQUEST_TIMEOUT_S, TIMEOUT_S, ConnectionLimits
from omentum.pacs.intake import Connection
from omentum.pacs.options import ListenOptions
from omentum.pacs.peers import shown_title
from omentum.pacs.spool import NoRoomError, NotAnImageError, Spool, SpooledSeries
from omentum.pacs.uids import is_uid

CT_STORAGE = (uids.CT_IMAGE, uids.ENHANCED_CT_IMAGE, uids.LEGACY_CONVERTED_ENHANCED_CT_IMAGE)
VERIFICATION = "1.2.840.10008.1.1"
TRANSFER_SYNTAXES = (
    *(uids.EXPLICIT, uids.IMPLICIT, uids.BIG_ENDIAN, uids.DEFLATED),
    *(f"{uids.JPEG}{n}" for n in (0, 1, 7)),
    uids.JPEG_LOSSLESS,
    *(f"{family}{n}" for family in (uids.JPEG_LS, uids.JPEG_2000) for n in (0, 1)),
    uids.RLE,
)
"""Uncompressed and deflated; JPEG, JPEG-LS, JPEG 2000; RLE."""
SUCCESS, OUT_OF_RESOURCES, MISMATCH, CANNOT_UNDERSTAND = 0x0000, 0xA700, 0xA900, 0xC000

Say = Callable[[str], None]


class StorageService:
    """The service, listening until it is closed.

    Args:
        options: See `ListenOptions`.
        spool: Takes the images.
        note: Called after every image with its series and connection.
        say: Takes lines for the log.

    Raises:
        OutputError: the address is in use, or must not be used.
        MissingDependencyError: pynetdicom is not installed.
    """

    def __init__(
        self, options: ListenOptions, spool: Spool, note: Callable[[SpooledSeries, Connection], None], say: Say
    ) -> None:
        try:
            from pynetdicom import AE, evt
        except ImportError as fault:
            raise MissingDependencyError("receiving needs pynetdicom", remedy="pip install 'omentum[pacs]'") from fault
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
        logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)
        self._spool, self._note, self._say = spool, note, say
        self._sent: dict[Any, set[SpooledSeries]] = {}  # by association, each in a thread of its own
        service: Any = AE(options.aet)
        for kind in CT_STORAGE:
            service.add_supported_context(kind, list(TRANSFER_SYNTAXES))
        service.add_supported_context(VERIFICATION)
        service.require_calling_aet = list(options.allow)
        service.require_called_aet = True
        service.maximum_associations = sys.maxsize  # counted by `limits`
        service.dimse_timeout = service.network_timeout = TIMEOUT_S
        service.acse_timeout = REQUEST_TIMEOUT_S
        limits = ConnectionLimits(self._full)
        handlers = [
            (evt.EVT_CONN_OPEN, limits.opened),
            (evt.EVT_REQUESTED, limits.requested),
            (evt.EVT_CONN_CLOSE, limits.closed),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_RELEASED, self._released),
            (evt.EVT_CONN_CLOSE, self._closed),
            (evt.EVT_C_ECHO, lambda _: SUCCESS),
            (evt.EVT_REJECTED, self._rejected),
        ]
        try:
            self._server = service.start_server((options.host, options.port), block=False, evt_handlers=handlers)
        except OSError as fault:
            where = f"{options.host}:{options.port}"
            raise OutputError(f"cannot listen: {fault.strerror or fault}", source=where) from fault
        self._service = service

    @property
    def port(self) -> int:
        """The port it listens at."""
        return int(self._server.socket.getsockname()[1])

    def close(self) -> None:
        """Stop listening and end all connections."""
        self._server.shutdown()
        for association in self._server.active_associations:
            association.abort()
        self._server.server_close()

    def _store(self, event: Any) -> int:
        request, sender = event.request, str(event.assoc.requestor.ae_title)
        sop_instance = str(request.AffectedSOPInstanceUID or "")
        try:
            if str(request.AffectedSOPClassUID) not in CT_STORAGE or not is_uid(sop_instance):
                raise NotAnImageError("is no CT image, or has no valid UID")
            series = self._spool.add(event.encoded_dataset(), sop_instance, sender)
        except NotAnImageError as fault:
            self._say(f"refused an image from {shown_title(sender)}: it {fault}")
            return MISMATCH
        except NoRoomError as fault:
            self._say(f"refused an image from {shown_title(sender)}: {fault.reason}")
            return OUT_OF_RESOURCES
        except Exception as fault:  # of pydicom or pynetdicom about what was sent; its text may hold values
            self._say(f"refused an image from {shown_title(sender)}: {type(fault).__name__}")
            return CANNOT_UNDERSTAND
        self._sent.setdefault(event.assoc, set()).add(series)
        self._note(series, event.assoc)
        return SUCCESS

    def _released(self, event: Any) -> None:
        for series in self._sent.get(event.assoc, ()):
            self._spool.mark_whole(series)

    def _closed(self, event: Any) -> None:
        broken = self._sent.pop(event.assoc, set())
        for series in () if event.assoc.is_released else broken:
            self._say(f"{series.name}: its transfer broke off; waiting for the rest")

    def _full(self, association: Any) -> None:
        where = association.requestor.address
        self._say(f"rejected a connection from {where}: there are {MOST_ASSOCIATIONS} already")

    def _rejected(self, event: Any) -> None:
        called, calling = (str(peer.ae_title) for peer in (event.assoc.acceptor, event.assoc.requestor))
        allowed = self._service.require_calling_aet
        reason = "is not in the allow-list" if allowed and calling not in allowed else f"did not call {called}"
        self._say(f"rejected a connection from {event.assoc.requestor.address}: {shown_title(calling)} {reason}")
