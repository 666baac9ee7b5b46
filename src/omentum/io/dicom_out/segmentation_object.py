"""Write masks as a DICOM segmentation (PS3.3 A.51, A.93) that refers to the images of a CT series.

highdicom makes the object for the first slice, and with it all that is common to its frames. Frames are packed and
written here, since highdicom needs an array with a byte for every structure and voxel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.boxes import Box
from omentum.errors import GeometryError, UsageError, silence_library_warnings
from omentum.io.dicom.maker import MODEL_NAME
from omentum.io.dicom.uids import DEFLATED, EXPLICIT
from omentum.io.dicom_out.coding import colour, concept, regions
from omentum.io.dicom_out.frames import Frame, bit_frames, joined, number_frames, slices_of
from omentum.io.dicom_out.identity import ObjectIdentity
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.source import ImageReference, SourceSeries
from omentum.io.dicom_out.stream import UTF_8, encoded, pixel_header, sequence, write_stream
from omentum.io.dicom_out.template import decimals
from omentum.segmentation import Segmentation, overlaps

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_PER_FRAME = (0x5200, 0x9230)


class SegmentationKind(StrEnum):
    """How pixels hold structures."""

    BINARY = "BINARY"
    """A frame of one bit a pixel for each structure and slice; structures may overlap."""
    LABELMAP = "LABELMAP"
    """A frame of one number a pixel for each slice; structures must not overlap."""


def write_segmentation_object(
    path: Path,
    seg: Segmentation,
    source: SourceSeries,
    identity: ObjectIdentity,
    producer: Producer,
    *,
    kind: SegmentationKind = SegmentationKind.BINARY,
    deflate: bool = False,
    overlapping: Iterable[frozenset[str]] | None = None,
) -> tuple[str, ...]:
    """Write the structures that have a voxel; frames without any are left out.

    Args:
        path: The file.
        seg: On the grid of the images, `source.grid`; at least one structure has a voxel.
        source: The series referred to.
        identity: UIDs and series of the object.
        producer: Software and weights.
        kind: BINARY or LABELMAP.
        deflate: Use the deflated transfer syntax.
        overlapping: Sets of keys with common voxels, if already known; see `overlaps`.

    Returns:
        Keys of the structures written, in the order of their segment numbers (from 1).

    Raises:
        GeometryError: The masks lie on another grid.
        UsageError: Structures overlap in a LABELMAP; the message names them.
        OutputError: The file cannot be written.
    """
    if not seg.grid.same_as(source.grid):
        raise GeometryError("the masks are not on the grid of the DICOM images", source=path)
    around = seg.boxes()
    shared = {frozenset(keys) for keys in (overlaps(seg) if overlapping is None else overlapping)}
    if kind is SegmentationKind.LABELMAP and shared:
        _refuse_overlap(shared, path)
    with silence_library_warnings():
        dataset = _common(tuple(around), source, identity, producer, kind)
        example = dataset.PerFrameFunctionalGroupsSequence[0]
        del dataset.PerFrameFunctionalGroupsSequence, dataset.PixelData
        frames, pixels, length = _frames(seg, around, dataset, kind)
        dataset.NumberOfFrames = len(frames)
        dataset.SegmentsOverlap = "YES" if shared else "NO"
        _refer(dataset, [source.images[k] for k in slices_of(frames)], source)
        identity.finish(dataset)
        groups = _per_frame(example, frames, source.images)
    padding = b"\0" * (length % 2)
    head = pixel_header(length + len(padding), b"OW" if dataset.BitsAllocated == 16 else b"OB", path)
    write_stream(path, dataset, _parts(groups, head, pixels, padding), syntax=DEFLATED if deflate else EXPLICIT)
    return tuple(around)


def _refuse_overlap(shared: Iterable[frozenset[str]], path: Path) -> None:
    one, other, *_ = min(sorted(keys) for keys in shared)
    names = f"{STRUCTURES[one].display} and {STRUCTURES[other].display}"
    remedy = "write dicom-seg, which holds overlaps, or fewer classes"
    raise UsageError(f"{names} overlap, which a LABELMAP cannot hold", source=path, remedy=remedy)


def _frames(
    seg: Segmentation, around: Mapping[str, Box], dataset: Dataset, kind: SegmentationKind
) -> tuple[list[Frame], Iterable[bytes], int]:
    """Frames, their pixels in file order, and the length of these in bytes."""
    pixels = dataset.Rows * dataset.Columns
    if kind is SegmentationKind.BINARY:
        frames = bit_frames(seg, around)
        return frames, joined(frames, pixels), -(-len(frames) * pixels // 8)
    size = dataset.BitsAllocated // 8
    frames = number_frames(seg, around, np.dtype(f"<u{size}"))
    return frames, (frame.pixels for frame in frames), len(frames) * pixels * size


def _parts(groups: bytes, head: bytes, pixels: Iterable[bytes], padding: bytes) -> Iterator[bytes]:
    yield groups
    yield head
    yield from pixels
    yield padding


def _common(
    keys: Sequence[str], source: SourceSeries, identity: ObjectIdentity, producer: Producer, kind: SegmentationKind
) -> Any:
    """The object for the first slice, with a frame of zeros for each segment."""
    import highdicom

    first = deepcopy(source.template)
    first.ImagePositionPatient = decimals(source.images[0].position_mm)
    first.ImageOrientationPatient = decimals(source.directions)
    (spacing,) = decimals([source.slice_distance_mm])
    measures = highdicom.PixelMeasuresSequence(
        [float(mm) for mm in first.PixelSpacing], slice_thickness=float(spacing), spacing_between_slices=float(spacing)
    )
    made = highdicom.seg.Segmentation(
        [first],
        np.zeros((1, first.Rows, first.Columns, len(keys)), np.uint8),
        kind.value,
        [described_segment(number, key, producer) for number, key in enumerate(keys, start=1)],
        **identity.arguments(),
        **producer.equipment(),
        content_description="Structures found in a CT",
        content_label=MODEL_NAME.upper(),
        content_creator_name=f"{MODEL_NAME}^",
        pixel_measures=measures,
        plane_positions=[highdicom.PlanePositionSequence("PATIENT", source.images[0].position_mm)],
        omit_empty_frames=False,
    )
    made.SpecificCharacterSet = UTF_8
    # highdicom writes 1 mm for a single slice, whatever it is given.
    made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].SpacingBetweenSlices = spacing
    for segment in made.SegmentSequence:
        if segment.SegmentNumber and (side := STRUCTURES[keys[segment.SegmentNumber - 1]].snomed_modifier):
            segment.SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [concept(side)]
    return made


def described_segment(number: int, key: str, producer: Producer) -> Any:
    """`highdicom.seg.SegmentDescription` of a structure."""
    import highdicom
    from pydicom.uid import generate_uid

    structure = STRUCTURES[key]
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=structure.display,
        segmented_property_category=concept(structure.snomed_category),
        segmented_property_type=concept(structure.snomed),
        algorithm_type="AUTOMATIC",
        algorithm_identification=producer.algorithm(),
        tracking_uid=generate_uid(),
        tracking_id=key,
        anatomic_regions=regions(structure),
        display_color=colour(structure),
    )


def _refer(dataset: Dataset, images: Sequence[ImageReference], source: SourceSeries) -> None:
    """Refer to every image that has a frame (Common Instance Reference)."""
    from pydicom.dataset import Dataset

    items = []
    for kind, uid in dict.fromkeys((image.sop_class, image.sop_instance) for image in images):
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = kind, uid
        items.append(item)
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedInstanceSequence = source.template.SeriesInstanceUID, items
    dataset.ReferencedSeriesSequence = [series]
    if "SourceImageSequence" in dataset:
        del dataset.SourceImageSequence


def _per_frame(example: Dataset, frames: Sequence[Frame], images: Sequence[ImageReference]) -> bytes:
    """The per-frame functional groups, encoded: what is alike for a slice or a segment is encoded once."""
    by_slice = {k: _slice_groups(example, images[k]) for k in slices_of(frames)}
    by_segment = {number: _segment_group(number) for number in {frame.segment for frame in frames}}
    items = []
    for frame in frames:
        derivation, position = by_slice[frame.slice]
        index = [frame.slice + 1] if frame.segment == 0 else [frame.segment, frame.slice + 1]
        items.append(derivation + _content(index) + position + by_segment[frame.segment])
    return sequence(_PER_FRAME, items)


def _slice_groups(example: Dataset, image: ImageReference) -> tuple[bytes, bytes]:
    """Derivation image and plane position of a slice."""
    from pydicom.dataset import Dataset

    derivation, position = Dataset(), Dataset()
    derivation.DerivationImageSequence = deepcopy(example.DerivationImageSequence)
    of_image = derivation.DerivationImageSequence[0].SourceImageSequence[0]
    of_image.ReferencedSOPClassUID, of_image.ReferencedSOPInstanceUID = image.sop_class, image.sop_instance
    if image.frame_number is not None:
        of_image.ReferencedFrameNumber = image.frame_number
    plane = Dataset()
    plane.ImagePositionPatient = decimals(image.position_mm)
    position.PlanePositionSequence = [plane]
    return encoded(derivation), encoded(position)


def _segment_group(number: int) -> bytes:
    from pydicom.dataset import Dataset

    if number == 0:
        return b""
    item, group = Dataset(), Dataset()
    item.ReferencedSegmentNumber = number
    group.SegmentIdentificationSequence = [item]
    return encoded(group)


def _content(index: Sequence[int]) -> bytes:
    """Frame content with its place along the dimensions: segment and slice."""
    values = b"".join(n.to_bytes(4, "little") for n in index)
    element = b"\x20\x00\x57\x91UL" + len(values).to_bytes(2, "little") + values
    return sequence((0x0020, 0x9111), [element])
