"""Pixels of one DICOM slice, as stored or in HU."""

from __future__ import annotations

import importlib.util
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import InputError, silence_library_warnings, warn_of_case
from omentum.io.dicom.decoder import FOREIGN, Decoder
from omentum.io.dicom.open import open_dicom
from omentum.volume import PADDING_HU

LEAST_TISSUE_HU, MOST_TISSUE_HU = -950.0, 3071.0
"""What is called padding and lies between is left alone: it may be tissue."""

_INT16 = np.iinfo(np.int16)


def read_stored(path: Path, decoder: Decoder | None = None) -> NDArray[Any]:
    """Stored values, shape (columns, rows).

    Args:
        path: The file.
        decoder: Decoder for compressed images; a new one by default.

    Raises:
        InputError: There is no image, it is truncated, or its compression is not supported.
    """
    return _decoded(path, decoder)[1]


def read_hu(path: Path, decoder: Decoder | None = None) -> NDArray[Any]:
    """Read one slice in HU.

    Args:
        path: DICOM file.
        decoder: See `read_stored`.

    Returns:
        Shape (columns, rows); int16 if slope and intercept are integers and the result fits, otherwise float32.

    Raises:
        InputError: As for `read_stored`, or slope or intercept is not a number.
    """
    header, stored = _decoded(path, decoder)
    if "RescaleIntercept" not in header:
        warn_of_case("states no rescale intercept; stored numbers taken as HU", path, stacklevel=2)
    try:
        slope, intercept = float(header.get("RescaleSlope", 1)), float(header.get("RescaleIntercept", 0))
    except (TypeError, ValueError) as fault:
        raise InputError("its rescale slope or intercept is no number", source=path) from fault
    if not np.isfinite([slope, intercept]).all() or slope == 0:
        raise InputError(f"rescale slope {slope:g} and intercept {intercept:g} are impossible", source=path)
    return _rescaled(stored, slope, intercept, padding_of(header, stored))


def _rescaled(stored: NDArray[Any], slope: float, intercept: float, padding: NDArray[np.bool_] | None) -> NDArray[Any]:
    is_padding: Any = np.False_
    if padding is not None and padding.any():
        first = float(stored[padding][0]) * slope + intercept
        # Some headers declare a padding value that also occurs in tissue, e.g. 0 where that means 0 HU.
        is_padding = padding if not LEAST_TISSUE_HU < first < MOST_TISSUE_HU else is_padding
    if slope.is_integer() and intercept.is_integer():
        whole = np.where(is_padding, PADDING_HU, stored.astype(np.int64) * int(slope) + int(intercept))
        if _INT16.min <= whole.min() and whole.max() <= _INT16.max:
            return whole.astype(np.int16)
    return np.where(is_padding, PADDING_HU, stored.astype(np.float64) * slope + intercept).astype(np.float32)


def padding_of(header: Any, stored: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Mask of pixels outside the field of view, from the padding value in the header; None if there is none.

    The padding value may be stored with another signedness than the pixels, so the stored bits are compared.
    """
    value, limit = header.get("PixelPaddingValue"), header.get("PixelPaddingRangeLimit")
    if not isinstance(value, int) or stored.dtype.kind not in "iu":
        return None
    low, high = sorted(_as_stored(v, stored.dtype) for v in (value, value if not isinstance(limit, int) else limit))
    return np.asarray((stored >= low) & (stored <= high))


def _as_stored(value: int, dtype: np.dtype[Any]) -> int:
    bits = dtype.itemsize * 8
    value %= 1 << bits
    return value - (1 << bits) if dtype.kind == "i" and value >> (bits - 1) else value


def _decoded(path: Path, decoder: Decoder | None) -> tuple[Any, NDArray[Any]]:
    try:
        # Damage raises an error below; pydicom's warnings are of no use to a user.
        with silence_library_warnings():
            header = open_dicom(path)
            if not str(header.file_meta.TransferSyntaxUID).startswith(FOREIGN) or "PixelData" not in header:
                return header, np.asarray(header.pixel_array).T
        with Decoder() if decoder is None else nullcontext(decoder) as ready:
            return header, ready.pixels(path).T
    except OSError as fault:
        raise InputError(fault.strerror or "ends too early", source=path) from fault
    except (ValueError, TypeError, AttributeError, KeyError, IndexError, EOFError) as fault:
        reason = f"its image is missing or damaged: {fault}"
        raise InputError(reason, source=path, remedy="copy or download the series again") from fault
    except (RuntimeError, NotImplementedError) as fault:
        syntax = _syntax(header)
        raise InputError(f"its image ({syntax}) cannot be decoded", source=path, remedy=_codec_remedy()) from fault


def _syntax(header: Any) -> str:
    uid = getattr(header, "file_meta", {}).get("TransferSyntaxUID")
    return getattr(uid, "name", None) or "transfer syntax not stated"


def _codec_remedy() -> str:
    if importlib.util.find_spec("gdcm") is None:
        return "pip install 'omentum[dicom]', which brings the decoders"
    return "decompress it, e.g. with gdcmconv --raw; if that fails, it is damaged: copy it again"
