"""What a DICOM file holds, from its header: slices of a CT, or an object that is none."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from omentum.errors import InputError
from omentum.io.dicom.attributes import Attributes, n_frames_of
from omentum.io.dicom.damage import DamagedHeaderError
from omentum.io.dicom.open import ParsedHeader, storage_class
from omentum.io.dicom.phases import KINDS
from omentum.io.dicom.slices import AGAIN, Encoding, Other, Rescale, Slice, SliceIdentity
from omentum.io.dicom.source_image import SourceImage
from omentum.io.dicom.uids import DEFLATED, DICOMDIR

MAX_SIDE = 4096
"""No CT has more rows or columns; a header with more is damaged or hostile."""
MAX_FRAMES = 20_000
"""No CT has more slices."""
MOST_MM = 1e6
"""No slice lies so far away."""

BESIDE = {
    DICOMDIR: "DICOMDIR",
    "1.2.840.10008.5.1.4.1.1.7": "secondary capture",
    "1.2.840.10008.5.1.4.1.1.9": "waveform",
    "1.2.840.10008.5.1.4.1.1.11": "presentation state",
    "1.2.840.10008.5.1.4.1.1.66": "segmentation or registration",
    "1.2.840.10008.5.1.4.1.1.88": "report",
    "1.2.840.10008.5.1.4.1.1.104": "document",
    "1.2.840.10008.5.1.4.1.1.481": "radiotherapy object",
}
"""What may lie beside a series, by prefix of its storage class."""
QUIET = frozenset({*BESIDE.values(), "localizer"})
"""So usual beside a series that it needs no warning, unless it claims to be of the series."""
NOT_HU = {
    "OD": "optical density",
    "MGML": "mg/ml",
    "Z_EFF": "effective atomic numbers",
    "ED": "electron density",
    "EDW": "electron density",
    "PCT": "percent",
}
"""Rescale types (PS3.3 C.11.1.1.2) of images that are not in HU."""
HU_UNIT = "[hnsf'U]"
"""Hounsfield units in UCUM."""
BITS = (8, 16, 32)


def slices_or_other(header: ParsedHeader, path: Path) -> Sequence[Slice] | Other:
    """The slices in a file, or another possibly relevant object; nothing if it is certainly irrelevant.

    Raises:
        DamagedHeaderError, and what pydicom raises: The header is damaged.
    """
    dataset = header.dataset
    kind = storage_class(dataset)
    if not (kind or dataset.get("Rows") or dataset.get("Modality")):
        return Other(
            path, "file without an image", InputError("is a DICOM file without an image", source=path, remedy=AGAIN)
        )
    if what := next((what for prefix, what in BESIDE.items() if kind.startswith(prefix)), None):
        remedy = "give its folder" if kind == DICOMDIR else None
        return Other(path, what, InputError(f"is a {what}, not a CT", source=path, remedy=remedy), "")
    if refusal := _refusal(dataset):
        what, reason, remedy = refusal
        fault, is_placed = InputError(reason, source=path, remedy=remedy), bool(dataset.get("ImagePositionPatient"))
        return Other(path, what, fault, str(dataset.get("SeriesInstanceUID") or "") or None, is_placed)
    return list(_slices(header, path))


def _refusal(dataset: Any) -> tuple[str, str, str | None] | None:
    """Name of what is no CT slice, why it is none, and the remedy."""
    if "LOCALIZER" in (dataset.get("ImageType") or ()):
        return "localizer", "is a localizer, not a slice", None
    if (modality := str(dataset.get("Modality") or "CT")) != "CT":
        return f"image of modality {modality}", f"is an image of modality {modality}, expected CT", None
    if not dataset.get("Rows") or not dataset.get("Columns"):
        return "file without an image", "is a DICOM file without an image", AGAIN
    if max(shape := (int(dataset.Columns), int(dataset.Rows))) > MAX_SIDE:
        return "image too large for a CT", f"would be {shape[0]} x {shape[1]} pixels, no CT is so large", None
    if int(dataset.get("SamplesPerPixel") or 1) != 1:
        return "colour image", "is a colour image, not a CT slice", None
    if (bits := int(dataset.get("BitsAllocated") or 0)) not in BITS:
        return "image of odd pixels", f"has {bits} bits for each pixel, expected 8, 16 or 32", AGAIN
    return _refusal_of_frames(dataset) or _refusal_of_values(Attributes(dataset, _first_frame(dataset)))


def _refusal_of_frames(dataset: Any) -> tuple[str, str, str | None] | None:
    count, stated = n_frames_of(dataset), len(dataset.get("PerFrameFunctionalGroupsSequence") or ())
    if count == 1 and stated <= 1:
        return None
    what = "multi-frame image"
    if count > MAX_FRAMES:
        return what, f"would be {count} frames, no CT has so many", None
    if stated != count:
        reason = f"is an image of {count} frames, but states for {stated} of them where they are"
        return what, reason, "export it as single slices"
    return None


def _refusal_of_values(attributes: Attributes) -> tuple[str, str, str | None] | None:
    unit = NOT_HU.get(str(attributes.get("RescaleType", "")))
    mapping = attributes.get("RealWorldValueMappingSequence")
    codes = (
        mapping[0].get("MeasurementUnitsCodeSequence") if mapping else attributes.get("MeasurementUnitsCodeSequence")
    )
    stated = str(codes[0].get("CodeValue", "")) if codes else ""
    if stated not in ("", "1", HU_UNIT):
        unit = stated
    if unit is None:
        return None
    return "image of other values than HU", f"holds values in {unit}, not HU", "give the CT that it was computed from"


def _first_frame(dataset: Any) -> int | None:
    return 0 if dataset.get("PerFrameFunctionalGroupsSequence") else None


def _slices(header: ParsedHeader, path: Path) -> Iterator[Slice]:
    dataset = header.dataset
    compressed = zlib.compress(header.content, 1)
    count, is_framed = n_frames_of(dataset), _first_frame(dataset) is not None
    whole = Attributes(dataset)
    encoding = _encoding(header, count)
    identity = SliceIdentity(
        uid=str(dataset.get("SOPInstanceUID") or ""),
        series=str(dataset.get("SeriesInstanceUID") or ""),
        patient=whole.hashed("patient", "PatientID", "PatientName") or "",
        frame_of_reference=whole.hashed("frame of reference", "FrameOfReferenceUID"),
        series_number=whole.whole("SeriesNumber"),
        description=whole.description("SeriesDescription"),
    )
    for frame in range(count):
        attributes = Attributes(dataset, frame) if is_framed else whole
        spacing = _lengths(attributes, "PixelSpacing", 2)
        image_type = attributes.get("FrameType") or attributes.get("ImageType") or ["ORIGINAL"]
        yield Slice(
            path=path,
            identity=identity,
            image=SourceImage(compressed, frame + 1 if is_framed else None),
            instance_number=frame + 1 if is_framed else whole.whole("InstanceNumber"),
            position_mm=_lengths(attributes, "ImagePositionPatient", 3),
            directions=_lengths(attributes, "ImageOrientationPatient", 6),
            spacing_mm=spacing and spacing[::-1],  # stored as (between rows, between columns)
            thickness_mm=attributes.number("SliceThickness"),
            is_inverted=dataset.get("PhotometricInterpretation") == "MONOCHROME1",
            is_original=image_type[0] == "ORIGINAL",
            encoding=encoding,
            rescale=_rescale(attributes),
            kinds=tuple(_kind(attributes, kind.keywords) for kind in KINDS),
        )


def _lengths(attributes: Attributes, name: str, count: int) -> tuple[float, ...] | None:
    """Numbers; None if missing, or if one is none or larger than anything in a scanner."""
    numbers = attributes.numbers(name, count)
    return None if numbers is None or not all(abs(number) <= MOST_MM for number in numbers) else numbers


def _encoding(header: ParsedHeader, n_frames: int) -> Encoding:
    dataset = header.dataset
    bits = int(dataset.BitsAllocated)
    stored = int(dataset.get("BitsStored") or bits)
    high = int(dataset.get("HighBit") or stored - 1)
    if not 0 < stored <= high + 1 <= bits:
        raise DamagedHeaderError(f"{stored} bits stored up to bit {high} of {bits}")
    return Encoding(
        syntax=DEFLATED if header.is_deflated else str(dataset.file_meta.TransferSyntaxUID),
        shape=(int(dataset.Columns), int(dataset.Rows)),
        n_frames=n_frames,
        bits_allocated=bits,
        bits_stored=stored,
        high_bit=high,
        is_signed=bool(dataset.get("PixelRepresentation") or 0),
        is_little=bool(dataset.original_encoding[1]),
        at=header.pixels_at,
        length=header.pixels_length,
    )


def _rescale(attributes: Attributes) -> Rescale:
    slope, intercept = attributes.number("RescaleSlope"), attributes.number("RescaleIntercept")
    padding, limit = attributes.get("PixelPaddingValue"), attributes.get("PixelPaddingRangeLimit")
    return Rescale(
        slope=1.0 if slope is None else slope,
        intercept=intercept or 0.0,
        is_stated=intercept is not None,
        padding=(padding, limit if isinstance(limit, int) else padding) if isinstance(padding, int) else None,
    )


def _kind(attributes: Attributes, keywords: Sequence[str]) -> str:
    value = next((value for name in keywords if (value := attributes.get(name)) is not None), "")
    return str(value) if isinstance(value, (str, int, float)) else "/".join(map(str, value))
