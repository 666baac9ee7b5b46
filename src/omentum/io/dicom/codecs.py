"""Which compressed images can be decoded here, found out from headers before any is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omentum.errors import InputError, MissingDependencyError
from omentum.io.dicom import uids
from omentum.io.dicom.native import is_native, lacking_bytes
from omentum.io.dicom.slices import AGAIN, Slice

INSTALL = "pip install 'omentum[dicom]'"
DECOMPRESS = "decompress it, e.g. with gdcmconv --raw"

_PACKAGES = {
    uids.JPEG: "python-gdcm",
    uids.JPEG_LOSSLESS: "python-gdcm",
    uids.JPEG_LS: "python-gdcm or pyjpegls",
    uids.JPEG_2000: "pylibjpeg with pylibjpeg-openjpeg, or python-gdcm",
    uids.HIGH_THROUGHPUT_JPEG_2000: "pylibjpeg with pylibjpeg-openjpeg",
}
"""Packages by prefix of the transfer syntax."""
_FASTEST = {
    uids.RLE: "pylibjpeg",
    uids.JPEG_2000: "pylibjpeg",
    uids.JPEG_LS: "pyjpegls",
}
"""Decoder to try first, by prefix of the transfer syntax."""


def check_decodable(slices: Sequence[Slice]) -> None:
    """Check that all images are there and can be decoded.

    Raises:
        InputError: A file has no or not enough pixel data, or an unknown transfer syntax.
        MissingDependencyError: A package is not installed.
    """
    for one in slices:
        if one.encoding.at is None:
            raise InputError("its image is missing or damaged: it has no pixel data", source=one.path, remedy=AGAIN)
        if is_native(one.encoding) and (lack := lacking_bytes(one)):
            raise InputError(f"its image is missing or damaged: {lack}", source=one.path, remedy=AGAIN)
    for syntax in {one.encoding.syntax for one in slices if not is_native(one.encoding)}:
        _check_syntax(syntax, [one for one in slices if one.encoding.syntax == syntax])


def decoders_of(syntax: str) -> tuple[Any, list[str]]:
    """Decoder of pydicom for a transfer syntax, and the names of the installed plugins, the fastest first.

    Raises:
        NotImplementedError: pydicom knows none.
    """
    from pydicom.config import IGNORE
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    decoder: Any = get_decoder(UID(syntax, validation_mode=IGNORE))  # an impossible one is just unknown
    first = _by_prefix(_FASTEST, syntax)
    return decoder, sorted(decoder.available_plugins, key=lambda name: name != first)


def name_of(syntax: str) -> str:
    """Name of a transfer syntax, for messages; private UIDs may identify a site and are not shown."""
    from pydicom.config import IGNORE
    from pydicom.uid import UID

    name = UID(syntax, validation_mode=IGNORE).name
    return name if name != syntax else "unknown transfer syntax"


def _check_syntax(syntax: str, slices: Sequence[Slice]) -> None:
    try:
        plugins = decoders_of(syntax)[1]
    except NotImplementedError as fault:
        reason = f"its image ({name_of(syntax)}) cannot be decoded"
        raise InputError(reason, source=slices[0].path, remedy=DECOMPRESS) from fault
    if not plugins:
        package = _by_prefix(_PACKAGES, syntax) or "another decoder"
        reason = f"its image and {len(slices) - 1} more ({name_of(syntax)}) need {package}"
        raise MissingDependencyError(reason, source=slices[0].path, remedy=INSTALL)


def _by_prefix(table: dict[str, str], syntax: str) -> str | None:
    return next((value for prefix, value in table.items() if syntax.startswith(prefix)), None)
