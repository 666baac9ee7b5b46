"""Addresses of DICOMweb resources: dicomweb://host[:port]/path/studies/<uid>[/series/<uid>]; dicomwebs:// is https."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from omentum.errors import UsageError
from omentum.pacs.uids import is_uid

SCHEMES = {"dicomweb": "http", "dicomwebs": "https"}
_FORM = "dicomweb://host[:port]/path/studies/UID[/series/UID]"
_RESOURCE = re.compile(r"(?P<root>.*)/studies/(?P<study>[^/]*)(?:/series/(?P<series>[^/]*))?/?")


@dataclass(frozen=True)
class DicomWebAddress:
    """A study or series on a DICOMweb server.

    Args:
        base: Address of the service, http or https.
        shown: Address of the service for messages; UIDs are never shown.
        study: Study instance UID.
        series: Series instance UID; None for a whole study.
    """

    base: str
    shown: str
    study: str
    series: str | None = None


def is_address(text: str) -> bool:
    """Whether an input is an address, perhaps with slashes too few, and not a path."""
    scheme, _, rest = text.partition(":")
    return scheme.lower() in SCHEMES and (rest.startswith("/") or "/studies/" in rest)


def parse_address(text: str) -> DicomWebAddress:
    """Parse and check an address.

    Raises:
        UsageError: it is not of this form, holds credentials, or a UID is none.
    """
    try:
        parts = urlsplit(text)
    except ValueError as fault:  # its text quotes the address
        raise UsageError("is no address of a study or series", source="dicomweb://", remedy=f"give {_FORM}") from fault
    shown = f"{parts.scheme}://{parts.hostname or ''}"
    try:
        port = parts.port
    except ValueError as fault:
        raise UsageError("its port is no number from 0 to 65535", source=shown) from fault
    if parts.username is not None or parts.password is not None:
        remedy = "a token comes from --token-file or the environment variable OMENTUM_DICOMWEB_TOKEN"
        raise UsageError("an address holds no user name or password", source=shown, remedy=remedy)
    resource = _RESOURCE.fullmatch(parts.path)
    if not parts.hostname or parts.query or parts.fragment or resource is None:
        raise UsageError("is no address of a study or series", source=shown, remedy=f"give {_FORM}")
    if not all(is_uid(uid) for uid in (resource["study"], resource["series"] or "0")) or resource["series"] == "":
        raise UsageError("its study or series is no UID (digits and dots, at most 64)", source=shown)
    # The zone of a link-local address follows "%25" in an address (RFC 6874), "%" where it is looked up.
    host = f"[{parts.hostname.replace('%25', '%')}]" if ":" in parts.hostname else parts.hostname
    place = host if port is None else f"{host}:{port}"
    base = f"{SCHEMES[parts.scheme.lower()]}://{place}{resource['root']}"
    return DicomWebAddress(
        base, f"{parts.scheme.lower()}://{place}{resource['root']}", resource["study"], resource["series"]
    )
