"""Send DICOM files to another application entity (C-STORE SCU)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omentum.errors import MissingDependencyError, OutputError
from omentum.io.dicom.open import open_dicom
from omentum.pacs.peers import Destination

ATTEMPTS, PAUSE_S = 3, 2.0
TIMEOUT_S = 60.0
WARNINGS = (0xB000, 0xB006, 0xB007)
"""Stored, but not everything was kept as it is (PS3.4, B.2.3)."""


def send_files(files: Sequence[Path], destination: Destination, own_title: str) -> None:
    """Send files in one connection; repeated if the destination is not reached.

    Raises:
        OutputError: the destination is not reached, or refuses a file.
    """
    for pause in range(ATTEMPTS):
        try:
            return _sent(files, destination, own_title)
        except _NotReachedError:
            if pause == ATTEMPTS - 1:
                raise
            time.sleep(PAUSE_S * 2**pause)
    raise AssertionError("the last attempt returns or raises")


def _sent(files: Sequence[Path], destination: Destination, own_title: str) -> None:
    try:
        from pynetdicom import AE
    except ImportError as fault:
        raise MissingDependencyError("sending needs pynetdicom", remedy="pip install 'omentum[pacs]'") from fault
    entity: Any = AE(own_title)
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = entity.connection_timeout = TIMEOUT_S
    kinds = {_kind(path) for path in files}
    for sop_class, syntax in kinds:
        entity.add_requested_context(sop_class, syntax)
    association = entity.associate(destination.host, destination.port, ae_title=destination.ae)
    if not association.is_established:
        reason = "refuses the connection" if association.is_rejected else "cannot be reached"
        raise _NotReachedError(reason, source=str(destination))
    try:
        accepted = {context.abstract_syntax for context in association.accepted_contexts}
        if any(sop_class not in accepted for sop_class, _ in kinds):
            raise OutputError("does not take DICOM segmentations or reports", source=str(destination))
        for path in files:
            status = association.send_c_store(path)
            if "Status" not in status:
                raise _NotReachedError("broke off", source=str(destination))
            if status.Status not in (0x0000, *WARNINGS):
                raise OutputError(f"refuses {path.name} (status {status.Status:04X})", source=str(destination))
    finally:
        association.release()


def _kind(path: Path) -> tuple[str, str]:
    header = open_dicom(path, pixels=False, tags=["SOPClassUID"])
    return str(header.SOPClassUID), str(header.file_meta.TransferSyntaxUID)


class _NotReachedError(OutputError):
    """The destination is not reached; another attempt may succeed."""
