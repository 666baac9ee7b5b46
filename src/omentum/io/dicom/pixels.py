"""Pixels of DICOM slices, as stored or in HU."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import InputError
from omentum.io.dicom.codecs import DECOMPRESS, name_of
from omentum.io.dicom.damage import told
from omentum.io.dicom.decoder import Decoder
from omentum.io.dicom.native import NativeReader, is_native
from omentum.io.dicom.slices import AGAIN, Rescale, Slice
from omentum.volume import PADDING_HU

LEAST_TISSUE_HU, MOST_TISSUE_HU = -950.0, 3071.0
"""What is called padding and lies between is left alone: it may be tissue."""

MOST_RESCALE = 1e6
"""Beyond, no slope or intercept gives HU; below, products with any stored value are finite."""

_INT16 = np.iinfo(np.int16)


class PixelReader:
    """Reads the pixels of slices, one at a time; use it as a context manager."""

    def __init__(self) -> None:
        self._native, self._decoder = NativeReader(), Decoder()

    def __enter__(self) -> PixelReader:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._decoder.close()

    def stored(self, one: Slice) -> NDArray[Any]:
        """Stored values, shape (columns, rows).

        Raises:
            InputError: The image is damaged or cannot be decoded; the message names the file.
        """
        try:
            return (self._native if is_native(one.encoding) else self._decoder).stored(one).T
        except OSError as fault:
            raise InputError(fault.strerror or "ends too early", source=one.path) from fault
        except (ValueError, zlib.error) as fault:
            reason = f"its image is missing or damaged: {told(fault)}"
            raise InputError(reason, source=one.path, remedy=AGAIN) from fault
        except RuntimeError as fault:
            reason = f"its image ({name_of(one.encoding.syntax)}) cannot be decoded"
            remedy = f"{DECOMPRESS}; if that fails, it is damaged: copy it again"
            raise InputError(reason, source=one.path, remedy=remedy) from fault

    def hu(self, one: Slice) -> NDArray[Any]:
        """HU, shape (columns, rows); int16 if slope and intercept are integers and the result fits, otherwise float32.

        Raises:
            InputError: As for `stored`.
        """
        return in_hu(self.stored(one), one.rescale)


def check_rescale(slices: Sequence[Slice]) -> None:
    """Check that slopes and intercepts can give HU.

    Raises:
        InputError: Those of one slice cannot.
    """
    for one in slices:
        slope, intercept = one.rescale.slope, one.rescale.intercept
        if not (0 < slope <= MOST_RESCALE and abs(intercept) <= MOST_RESCALE):
            reason = f"{one.frame_words}rescale slope {slope:g} and intercept {intercept:g} are impossible"
            remedy = "a negative slope would invert the CT; export the series again" if slope < 0 else AGAIN
            raise InputError(reason, source=one.path, remedy=remedy)


def in_hu(stored: NDArray[Any], rescale: Rescale) -> NDArray[Any]:
    """Stored values in HU; pixels outside the field of view become air."""
    slope, intercept = rescale.slope, rescale.intercept
    padding = _padding(stored, rescale)
    if padding is not None:
        first = float(stored[padding][0]) * slope + intercept
        # Some headers declare a padding value that also occurs in tissue, e.g. 0 where that means 0 HU.
        padding = None if LEAST_TISSUE_HU < first < MOST_TISSUE_HU else padding
    if padding is not None:
        stored = np.where(padding, stored[~padding].min() if not padding.all() else 0, stored)
    hu = _linear(stored, slope, intercept)
    if padding is not None:
        hu[padding] = PADDING_HU
    return hu


def _linear(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    ends = [float(end) * slope + intercept for end in (stored.min(), stored.max())]
    if slope.is_integer() and intercept.is_integer() and _INT16.min <= min(ends) and max(ends) <= _INT16.max:
        if slope == 1 and stored.dtype.itemsize == 2:
            # Exact modulo 2**16, and the result is known to fit.
            shifted = stored.view(np.uint16) + np.uint16(int(intercept) % (1 << 16))
            return shifted.view(np.int16)
        return (stored.astype(np.int64) * int(slope) + int(intercept)).astype(np.int16)
    return (stored.astype(np.float64) * slope + intercept).astype(np.float32)


def _padding(stored: NDArray[Any], rescale: Rescale) -> NDArray[np.bool_] | None:
    """Mask of pixels outside the field of view; None if there are none.

    The padding value may be stored with another signedness than the pixels, so the stored bits are compared.
    """
    if rescale.padding is None or stored.dtype.kind not in "iu":
        return None
    low, high = sorted(_as_stored(value, stored.dtype) for value in rescale.padding)
    mask = np.asarray((stored >= low) & (stored <= high))
    return mask if mask.any() else None


def _as_stored(value: int, dtype: np.dtype[Any]) -> int:
    bits = dtype.itemsize * 8
    value %= 1 << bits
    return value - (1 << bits) if dtype.kind == "i" and value >> (bits - 1) else value
