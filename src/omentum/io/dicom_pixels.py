"""The pixels of one DICOM slice: as stored, and in HU."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import InputError, warn_of_case

_INT16 = np.iinfo(np.int16)


def read_stored(path: Path) -> NDArray[Any]:
    """Stored numbers, shape (columns, rows).

    Raises:
        InputError: no image, cut short, or compressed in a way that cannot be decoded.
    """
    return _decoded(path)[1]


def read_hu(path: Path) -> NDArray[Any]:
    """HU, shape (columns, rows); int16 where slope and intercept are whole and the result fits, else float32.

    Raises:
        InputError: as `read_stored`, or a slope or intercept that is no number.
    """
    header, stored = _decoded(path)
    if "RescaleIntercept" not in header:
        warn_of_case("states no rescale intercept; stored numbers taken as HU", path, stacklevel=2)
    try:
        slope, intercept = float(header.get("RescaleSlope", 1)), float(header.get("RescaleIntercept", 0))
    except (TypeError, ValueError) as fault:
        raise InputError("its rescale slope or intercept is no number", source=path) from fault
    if not np.isfinite([slope, intercept]).all() or slope == 0:
        raise InputError(f"rescale slope {slope:g} and intercept {intercept:g} are impossible", source=path)
    if slope.is_integer() and intercept.is_integer():
        whole = stored.astype(np.int64) * int(slope) + int(intercept)
        if _INT16.min <= whole.min() and whole.max() <= _INT16.max:
            return whole.astype(np.int16)
    return (stored.astype(np.float64) * slope + intercept).astype(np.float32)


def _decoded(path: Path) -> tuple[Any, NDArray[Any]]:
    import pydicom

    try:
        # Damage is answered by an error below; what pydicom merely remarks on is of no use to a user.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = pydicom.dcmread(path, force=True)
            return header, np.asarray(header.pixel_array).T
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
    return "decompress it, e.g. with gdcmconv --raw"
