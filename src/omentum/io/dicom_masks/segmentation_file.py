"""Read masks from a DICOM segmentation: BINARY, LABELMAP, or FRACTIONAL by a rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import InputError, warn_of_case
from omentum.io.dicom.damage import damage_errors
from omentum.io.dicom.decoder import Decoder
from omentum.io.dicom.maker import is_ours
from omentum.io.dicom.open import storage_class
from omentum.io.dicom.uids import UNCOMPRESSED
from omentum.io.dicom_masks.codes import key_by_codes
from omentum.io.dicom_masks.frame_grid import FramePlaces, place_frames
from omentum.io.dicom_masks.open_object import SEGMENTATIONS, damaged, open_object
from omentum.io.nifti_header import refuse_bomb
from omentum.io.seg_nrrd.segments import Segment
from omentum.segmentation import BITS_PER_PLANE, Bits, no_bits
from omentum.volume import Grid

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

BINARY, FRACTIONAL, LABELMAP = "BINARY", "FRACTIONAL", "LABELMAP"
HALF = 0.5
"""Of FRACTIONAL segmentations, pixels with at least this share of the maximum are inside."""
FRACTION_BITS = 8
"""PS3.3 C.8.20.2."""


@dataclass(frozen=True, eq=False)
class DicomSegments:
    """A segmentation object before its segments are matched with structures.

    Args:
        segments: In file order; `value` is the segment number.
        grid: Grid of all frames, with slices that have none.
        is_ours: Whether this package wrote it.
    """

    segments: tuple[Segment, ...]
    grid: Grid
    is_ours: bool
    _places: FramePlaces = field(repr=False)
    _pixels: _FramePixels = field(repr=False)
    _segment_of: tuple[int, ...] = field(repr=False)
    """Number of the segment of each frame; 0 for a frame of all."""

    @property
    def is_labelmap(self) -> bool:
        """Whether a pixel belongs to one segment at most, so that a lesion is not part of its organ."""
        return 0 in self._segment_of

    def bits(self, segments: Sequence[Segment]) -> Bits:
        """Packed masks [plane, i, j, k] of some segments, the n-th in bit n."""
        columns, rows, slices = self.grid.shape
        # Slices are contiguous in memory, since they come one by one.
        bits = no_bits(len(segments), (slices, rows, columns))
        place = {segment.value: n for n, segment in enumerate(segments)}
        for frame, (number, k) in enumerate(zip(self._segment_of, self._places.slices, strict=True)):
            if number in place:
                _put(bits, place[number], k, self._pixels.inside(frame))
            elif number == 0:
                values = self._pixels.values(frame)
                for value in set(np.unique(values).tolist()) & place.keys():
                    _put(bits, place[value], k, values == value)
        return bits.transpose(0, 3, 2, 1)

    def mask(self, segment: Segment) -> NDArray[np.bool_]:
        """Mask [i, j, k] of one segment."""
        return np.asarray(self.bits([segment])[0] != 0)


def read_dicom_segments(path: Path, dataset: Dataset | None = None, grid: Grid | None = None) -> DicomSegments:
    """Read a segmentation object with any segment names; frames are placed by position, missing ones are zeros.

    Args:
        path: The file.
        dataset: Its content, if already read.
        grid: Grid of its CT, if known.

    Raises:
        InputError: It is no segmentation, damaged, or declares more pixels than it holds; a segment number is declared
            twice, or a frame belongs to none that is declared.
        GeometryError: Its frames form no grid.
    """
    dataset = open_object(path) if dataset is None else dataset
    if storage_class(dataset) not in SEGMENTATIONS:
        raise InputError("is a DICOM object, but no segmentation", source=path)
    try:
        _check_kind(dataset, path)
        segments = tuple(_segment(item) for item in dataset.SegmentSequence if int(item.SegmentNumber) > 0)
        segment_of = tuple(_segments_of_frames(dataset))
        _check_numbers(segments, segment_of, str(dataset.SegmentationType), path)
        pixels = _pixels(dataset, path)
        if dataset.SegmentationType == LABELMAP:
            _check_values(pixels, len(segment_of), {0, *(one.value for one in segments)}, path)
        places = place_frames(dataset, path, grid)
        return DicomSegments(
            segments,
            places.grid,
            is_ours(dataset),
            places,
            pixels,
            segment_of,
        )
    except damage_errors() as fault:
        raise damaged(fault, path) from fault


def _segment(item: Dataset) -> Segment:
    region = item.get("AnatomicRegionSequence")
    by_codes = key_by_codes(item.get("SegmentedPropertyTypeCodeSequence"), region)
    word = str(item.get("TrackingID") or "")
    return Segment(by_codes or word, str(item.get("SegmentLabel") or ""), 0, int(item.SegmentNumber))


def _segments_of_frames(dataset: Dataset) -> Iterator[int]:
    if dataset.SegmentationType == LABELMAP:
        yield from [0] * int(dataset.NumberOfFrames)
        return
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [{}])[0]
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        items = frame.get("SegmentIdentificationSequence") or shared.get("SegmentIdentificationSequence")
        yield int(items[0].ReferencedSegmentNumber)


def _check_kind(dataset: Dataset, path: Path) -> None:
    """Refuse an unknown type, and fractions of which nobody can say what is half."""
    kind, bits = str(dataset.SegmentationType), int(dataset.BitsAllocated)
    if kind not in (BINARY, FRACTIONAL, LABELMAP):
        kinds = f"{BINARY}, {FRACTIONAL} or {LABELMAP}"
        raise InputError(f"is a segmentation of an unknown type, expected {kinds}", source=path)
    if kind != FRACTIONAL:
        return
    most = int(dataset.MaximumFractionalValue)
    if bits != FRACTION_BITS or not 0 < most < 1 << bits:
        raise InputError(f"holds fractions of {bits} bits with a maximum of {most}, expected 1 to 255", source=path)


def _check_values(pixels: _FramePixels, frames: int, declared: set[int], path: Path) -> None:
    """Refuse a label map with values of no segment."""
    present = np.zeros(1 << (8 * pixels.stored.itemsize), np.bool_)
    for frame in range(frames):
        present[pixels.values(frame)] = True
    if unknown := sorted(set(np.flatnonzero(present).tolist()) - declared):
        more = f" and {len(unknown) - 1} more values" if len(unknown) > 1 else ""
        raise InputError(f"has pixels of segments that it does not declare: {unknown[0]}{more}", source=path)


def _check_numbers(segments: Sequence[Segment], segment_of: Sequence[int], kind: str, path: Path) -> None:
    numbers = [segment.value for segment in segments]
    if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
        remedy = "nobody can say which of them its frames belong to"
        raise InputError(f"declares segment number {twice[0]} twice", source=path, remedy=remedy)
    if kind != LABELMAP and (unknown := sorted(set(segment_of) - set(numbers))):
        count = sum(number in unknown for number in segment_of)
        raise InputError(f"has {count} frame(s) of segments that it does not declare, e.g. {unknown[0]}", source=path)


@dataclass(frozen=True, eq=False)
class _FramePixels:
    """Pixels of all frames.

    Args:
        stored: Bytes of one-bit frames without gaps, or an array (frame, row, column).
        shape: Rows and columns.
        least: Smallest value that is inside.
    """

    stored: NDArray[Any]
    shape: tuple[int, int]
    least: int = 1

    def values(self, frame: int) -> NDArray[Any]:
        """Values [row, column] of a frame."""
        if self.stored.ndim == 3:
            return self.stored[frame]  # type: ignore[no-any-return]
        count = self.shape[0] * self.shape[1]
        first, skipped = divmod(frame * count, 8)
        needed = self.stored[first : first + -(-(skipped + count) // 8)]
        return np.unpackbits(needed, bitorder="little")[skipped : skipped + count].reshape(self.shape)

    def inside(self, frame: int) -> NDArray[np.bool_]:
        """Pixels [row, column] of a frame that belong to its segment."""
        return np.asarray(self.values(frame) >= self.least)


def _pixels(dataset: Dataset, path: Path) -> _FramePixels:
    rows, columns, frames = int(dataset.Rows), int(dataset.Columns), int(dataset.NumberOfFrames)
    bits, kind = int(dataset.BitsAllocated), str(dataset.SegmentationType)
    if bits not in (1, 8, 16) or min(rows, columns, frames) < 1:
        raise InputError(f"declares {frames} frames of {rows} x {columns} pixels of {bits} bits", source=path)
    least = 1
    if kind == FRACTIONAL:
        least = int(np.ceil(HALF * int(dataset.MaximumFractionalValue)))
        text = f"holds fractions ({str(dataset.get('SegmentationFractionalType') or '').lower()})"
        warn_of_case(f"{text}; pixels of at least half of the maximum are inside", path)
    shape = (frames, rows, columns)
    if str(dataset.file_meta.TransferSyntaxUID) not in UNCOMPRESSED:
        refuse_bomb(rows * columns * frames, 1, max(1, bits // 8), 0, 1 << 62, path)
        with Decoder() as decoder:
            return _FramePixels(decoder.pixels(path).reshape(shape), shape[1:], least)
    content = np.frombuffer(dataset.PixelData, np.uint8)
    needed = -(-rows * columns * frames * bits // 8)
    if len(content) < needed:
        remedy = "the file was cut short or its header is wrong"
        raise InputError(f"declares {needed} bytes of pixels, holds {len(content)}", source=path, remedy=remedy)
    if bits == 1:
        return _FramePixels(content, shape[1:], least)
    order = ">" if str(dataset.file_meta.TransferSyntaxUID).endswith(".1.2.2") else "<"
    return _FramePixels(content[:needed].view(f"{order}u{bits // 8}").reshape(shape), shape[1:], least)


def _put(bits: Bits, n: int, k: int, drawn: NDArray[np.bool_]) -> None:
    """Set bit n in the pixels [row, column] of slice k."""
    plane = bits[n // BITS_PER_PLANE, k]
    plane[drawn] |= bits.dtype.type(1 << (n % BITS_PER_PLANE))
