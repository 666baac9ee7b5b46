"""Storage service (C-STORE SCP, PS3.4 annex B) that takes CT images, and C-ECHO; built on pynetdicom.

pynetdicom trusts its peers with memory: lengths of PDUs, messages of many fragments, and requests that do not wait for
answers are counted here, before it reads them. What it logs about peers is silenced: it would name patients.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from omentum.errors import MissingDependencyError, OutputError
from omentum.io.dicom import uids
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
MOST_PDU_BYTES = 2**20
MOST_IMAGE_BYTES = 2**30
MOST_UNANSWERED = 4
MOST_ASSOCIATIONS = 8
TIMEOUT_S = 60.0
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
        service: Any = AE(options.aet)
        for kind in CT_STORAGE:
            service.add_supported_context(kind, list(TRANSFER_SYNTAXES))
        service.add_supported_context(VERIFICATION)
        service.require_calling_aet = list(options.allow)
        service.require_called_aet = True
        service.maximum_associations = MOST_ASSOCIATIONS
        service.acse_timeout = service.dimse_timeout = service.network_timeout = TIMEOUT_S
        handlers = [
            (evt.EVT_CONN_OPEN, _guard),
            (evt.EVT_C_STORE, self._store),
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
        self._note(series, event.assoc)
        return SUCCESS

    def _rejected(self, event: Any) -> None:
        called, calling = (str(peer.ae_title) for peer in (event.assoc.acceptor, event.assoc.requestor))
        allowed = self._service.require_calling_aet
        reason = "is not in the allow-list" if allowed and calling not in allowed else f"did not call {called}"
        self._say(f"rejected a connection from {event.assoc.requestor.address}: {shown_title(calling)} {reason}")


def _guard(event: Any) -> None:
    """Count what a connection makes pynetdicom keep in memory, before it is read; too much closes the connection."""
    connection, association = event.assoc.dul.socket, event.assoc
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
