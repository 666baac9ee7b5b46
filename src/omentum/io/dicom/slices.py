"""What is known of a CT slice (an image of its own or a frame of a multi-frame image) before its pixels are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from omentum.errors import InputError
from omentum.io.dicom.source_image import SourceImage

AGAIN = "copy or download the series again"
"""The remedy for a damaged file."""


@dataclass(frozen=True)
class Encoding:
    """How the pixels of an image are stored.

    Args:
        syntax: UID of the transfer syntax.
        shape: Columns and rows.
        n_frames: Images in the file.
        bits_allocated, bits_stored, high_bit: See PS3.5 8.1.1.
        is_signed: Whether stored values are two's complement.
        is_little: Whether the least significant byte comes first.
        at, length: Position and length of the pixel data, see `omentum.io.dicom.open.ParsedHeader`.
    """

    syntax: str
    shape: tuple[int, int]
    n_frames: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool
    is_little: bool
    at: int | None
    length: int | None

    @property
    def frame_bytes(self) -> int:
        """Bytes of one image, uncompressed."""
        return self.shape[0] * self.shape[1] * self.bits_allocated // 8


@dataclass(frozen=True)
class Rescale:
    """From stored values to HU.

    Args:
        slope, intercept: HU = stored * slope + intercept.
        is_stated: Whether the file states an intercept.
        padding: Stored values outside the field of view, first and last of a range; None without.
    """

    slope: float = 1.0
    intercept: float = 0.0
    is_stated: bool = True
    padding: tuple[int, int] | None = None


@dataclass(frozen=True)
class SliceIdentity:
    """What an image belongs to; UIDs and the patient are only compared, never shown.

    Args:
        uid: SOP instance UID.
        series: Series instance UID; "" if removed.
        patient: Hash of name and id.
        frame_of_reference: Hash of its UID (the UID itself may identify a patient); None if missing.
        series_number: As stored; None if missing.
        description: Series description without what identifies the patient; "" if missing.
    """

    uid: str
    series: str
    patient: str
    frame_of_reference: str | None
    series_number: int | None
    description: str


@dataclass(frozen=True)
class Slice:
    """Header of one CT slice.

    Args:
        path: The file.
        identity: What it belongs to.
        image: Kept for outputs that refer to the image; its `frame_number` is None for a file with one image.
        instance_number: As stored, of a frame its number; None if missing.
        position_mm: Centre of the first pixel in mm, LPS; None if missing or impossible.
        directions: Unit vectors along a row and down a column, LPS (six numbers); None if missing or impossible.
        spacing_mm: Distance between columns and between rows; None if missing or impossible.
        thickness_mm: As stored; None if missing.
        is_inverted: Whether low values are displayed bright (MONOCHROME1).
        is_original: Whether it is an original image, not derived from others.
        kinds: Values that may tell images at one position apart; see `omentum.io.dicom.phases`.
        encoding: How its pixels are stored.
        rescale: From stored values to HU.
    """

    path: Path
    identity: SliceIdentity
    image: SourceImage
    instance_number: int | None
    position_mm: tuple[float, ...] | None
    directions: tuple[float, ...] | None
    spacing_mm: tuple[float, ...] | None
    thickness_mm: float | None
    is_inverted: bool
    is_original: bool
    encoding: Encoding
    rescale: Rescale
    kinds: tuple[str, ...] = field(default=(), repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Columns and rows."""
        return self.encoding.shape

    @property
    def frame_words(self) -> str:
        """Begins what is said of a frame of a file, "frame 3 "; "" for a file with one image."""
        number = self.image.frame_number
        return "" if number is None else f"frame {number} "

    @property
    def frame_index(self) -> int:
        """Which image of its file, counted from 0."""
        return (self.image.frame_number or 1) - 1


@dataclass(frozen=True)
class Other:
    """A file that is not a CT slice but may belong to a series.

    Args:
        path: The file.
        what: Description for messages, e.g. "image of modality PT".
        fault: Message if it should have been a slice.
        series: As for `SliceIdentity`; None if not stated.
        is_placed: Whether it states its position in the patient.
    """

    path: Path
    what: str
    fault: InputError
    series: str | None = None
    is_placed: bool = False
