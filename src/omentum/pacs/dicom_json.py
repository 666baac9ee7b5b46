"""What a DICOMweb service says in DICOM JSON (PS3.18 F): series it has, instances it refused to store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from omentum.pacs.uids import is_uid

SERIES_FIELDS = {"modality": "00080060", "uid": "0020000E", "number": "00200011", "images": "00201209"}
"""Tags of what is asked about a series."""
_FAILED_SOP_SEQUENCE = "00081198"


@dataclass(frozen=True)
class RemoteSeries:
    """A series on the server.

    Args:
        uid: Series instance UID.
        number: Series number; None if missing.
        modality: e.g. CT.
        images: Number of images; None if the server does not say.
    """

    uid: str
    number: int | None
    modality: str
    images: int | None

    @classmethod
    def of_json(cls, described: dict[str, Any]) -> RemoteSeries:
        """A series as an entry of a QIDO-RS answer.

        Raises:
            KeyError, TypeError, ValueError, AttributeError, IndexError: the entry is not DICOM JSON of a series.
        """

        def value(field: str) -> Any:
            values = described.get(SERIES_FIELDS[field], {}).get("Value") or [None]
            return values[0]

        uid = value("uid")
        if not isinstance(uid, str) or not is_uid(uid):
            raise ValueError("no UID")
        number, images = (None if value(field) in (None, "") else int(value(field)) for field in ("number", "images"))
        return cls(uid, number, str(value("modality") or "?")[:16], images)


def number_refused(text: bytes) -> int:
    """Number of instances that a STOW-RS answer says were refused; 0 if the answer cannot be read."""
    try:
        told = json.loads(text)
        answer = told[0] if isinstance(told, list) else told
        return len(answer.get(_FAILED_SOP_SEQUENCE, {}).get("Value", ()))
    except (ValueError, TypeError, AttributeError, IndexError, RecursionError):
        return 0
