"""Write masks as contours in a radiotherapy structure set (RTSTRUCT, PS3.3 A.19) on the slices of a CT series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.boxes import Box
from omentum.errors import GeometryError, silence_library_warnings
from omentum.io.dicom.maker import MANUFACTURER, MODEL_NAME
from omentum.io.dicom.uids import IMPLICIT, STRUCTURE_SET
from omentum.io.dicom_out.coding import type_concept
from omentum.io.dicom_out.contours import Points, outlines
from omentum.io.dicom_out.identity import ObjectIdentity
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.source import ImageReference, SourceSeries
from omentum.io.dicom_out.stream import UTF_8, encoded, write_stream
from omentum.segmentation import Segmentation
from omentum.volume import LPS_FROM_RAS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_STUDY_COMPONENT = "1.2.840.10008.3.1.2.3.1"
"""Class of a study in references of structure sets (retired elsewhere)."""
DECIMALS = 4
"""Of coordinates in mm; a contour keeps a third of a pixel from every centre."""
_ITEM = b"\xfe\xff\x00\xe0"


def write_structure_set(
    path: Path, seg: Segmentation, source: SourceSeries, identity: ObjectIdentity, producer: Producer
) -> tuple[str, ...]:
    """Write the structures that have a voxel, each as a region of interest with contours on the slices.

    Args:
        path: The file.
        seg: On the grid of the images, `source.grid`; at least one structure has a voxel.
        source: The series referred to.
        identity: UIDs and series of the object.
        producer: Software and weights.

    Returns:
        Keys of the structures written, in the order of their numbers (from 1).

    Raises:
        GeometryError: The masks lie on another grid.
        OutputError: The file cannot be written.
    """
    if not seg.grid.same_as(source.grid):
        raise GeometryError("the masks are not on the grid of the DICOM images", source=path)
    around = seg.boxes()
    with silence_library_warnings():
        head, tail = _head(tuple(around), source, identity, producer), _tail(tuple(around))
        identity.finish(head)
        contours = _sequence((0x3006, 0x0039), list(_regions(seg, around, source)))
        write_stream(path, head, [contours, encoded(tail, implicit=True)], syntax=IMPLICIT)
    return tuple(around)


def _regions(seg: Segmentation, around: dict[str, Box], source: SourceSeries) -> Iterator[bytes]:
    """Encoded items of the ROI contour sequence."""
    images = [_image(image) for image in source.images]
    for number, (key, box) in enumerate(around.items(), start=1):
        mask, corner = seg.mask(key, box), np.array([box[0].start, box[1].start])
        items = []
        for k in np.flatnonzero(mask.any(axis=(0, 1))).tolist():
            at = box[2].start + k
            for points in outlines(mask[:, :, k]):
                index = np.column_stack([points + corner, np.full(len(points), at)])
                items.append(_contour(source.grid.to_world(index) * LPS_FROM_RAS, images[at]))
        colour = "\\".join(map(str, STRUCTURES[key].colour)).encode()
        yield (
            _element((0x3006, 0x002A), colour)
            + _sequence((0x3006, 0x0040), items)
            + _element((0x3006, 0x0084), str(number).encode())
        )


def _contour(points_mm: Points, image: bytes) -> bytes:
    """One closed contour; points in LPS."""
    numbers = np.round(points_mm, DECIMALS) + 0.0
    data = "\\".join(f"{number:.{DECIMALS}f}".rstrip("0").rstrip(".") for number in numbers.ravel().tolist())
    return (
        _sequence((0x3006, 0x0016), [image])
        + _element((0x3006, 0x0042), b"CLOSED_PLANAR")
        + _element((0x3006, 0x0046), str(len(points_mm)).encode())
        + _element((0x3006, 0x0050), data.encode())
    )


def _head(keys: Sequence[str], source: SourceSeries, identity: ObjectIdentity, producer: Producer) -> Dataset:
    """Everything before the contours."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID

    now, made = datetime.now(), Dataset()
    made.update({element.tag: deepcopy(element) for element in source.template if element.tag.group != 0x0028})
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID, made.file_meta.MediaStorageSOPInstanceUID = (
        UID(STRUCTURE_SET),
        UID(identity.instance),
    )
    made.SpecificCharacterSet = UTF_8
    made.SOPClassUID, made.SOPInstanceUID, made.Modality = STRUCTURE_SET, identity.instance, "RTSTRUCT"
    made.SeriesInstanceUID, made.SeriesNumber = identity.series, identity.series_number
    made.SeriesDescription, made.InstanceNumber, made.OperatorsName = identity.description, 1, ""
    made.Manufacturer, made.ManufacturerModelName = MANUFACTURER, MODEL_NAME
    made.SoftwareVersions = producer.equipment()["software_versions"]
    made.StructureSetLabel, made.StructureSetName = MODEL_NAME, identity.description
    made.StructureSetDate, made.StructureSetTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    made.InstanceCreationDate, made.InstanceCreationTime = made.StructureSetDate, made.StructureSetTime
    for name in ("SliceThickness", "BurnedInAnnotation"):
        if name in made:
            delattr(made, name)
    made.ReferencedFrameOfReferenceSequence = [_references(source)]
    made.StructureSetROISequence = [_region(n, key, source) for n, key in enumerate(keys, start=1)]
    return made


def _references(source: SourceSeries) -> Dataset:
    from pydicom.dataset import Dataset

    frame, study, series = Dataset(), Dataset(), Dataset()
    series.SeriesInstanceUID = source.template.SeriesInstanceUID
    images: dict[str, Any] = {}
    for image in source.images:
        item = images.setdefault(image.sop_instance, Dataset())
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.sop_class, image.sop_instance
    series.ContourImageSequence = list(images.values())
    study.ReferencedSOPClassUID = _STUDY_COMPONENT
    study.ReferencedSOPInstanceUID = source.template.StudyInstanceUID
    study.RTReferencedSeriesSequence = [series]
    frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = source.template.FrameOfReferenceUID, [study]
    return frame


def _region(number: int, key: str, source: SourceSeries) -> Dataset:
    from pydicom.dataset import Dataset

    region = Dataset()
    region.ROINumber, region.ROIName, region.ROIGenerationAlgorithm = number, STRUCTURES[key].display, "AUTOMATIC"
    region.ReferencedFrameOfReferenceUID = source.template.FrameOfReferenceUID
    return region


def _tail(keys: Sequence[str]) -> Dataset:
    """Everything after the contours: what each region of interest is."""
    from pydicom.dataset import Dataset

    tail, observed = Dataset(), []
    for number, key in enumerate(keys, start=1):
        one = Dataset()
        one.ObservationNumber, one.ReferencedROINumber = number, number
        one.RTROIIdentificationCodeSequence = [type_concept(STRUCTURES[key])]
        one.RTROIInterpretedType = "" if STRUCTURES[key].is_lesion else "ORGAN"
        one.ROIInterpreter = ""
        observed.append(one)
    tail.RTROIObservationsSequence, tail.ApprovalStatus = observed, "UNAPPROVED"
    return tail


def _image(image: ImageReference) -> bytes:
    from pydicom.dataset import Dataset

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.sop_class, image.sop_instance
    if image.frame_number is not None:
        item.ReferencedFrameNumber = image.frame_number
    return encoded(item, implicit=True)


def _element(tag: tuple[int, int], value: bytes) -> bytes:
    """An element of text in implicit little endian: the explicit form limits contours to 64 KB."""
    value += b" " * (len(value) % 2)
    group, element = tag
    return group.to_bytes(2, "little") + element.to_bytes(2, "little") + len(value).to_bytes(4, "little") + value


def _sequence(tag: tuple[int, int], items: Sequence[bytes]) -> bytes:
    return _element(tag, b"".join(_ITEM + len(item).to_bytes(4, "little") + item for item in items))
