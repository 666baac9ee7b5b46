"""Write measurements as a structured report by template TID 1500 (PS3.16), in a Comprehensive 3D SR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.anatomy.structure import SnomedCode
from omentum.errors import silence_library_warnings
from omentum.io.dicom.maker import MODEL_NAME
from omentum.io.dicom.uids import SEGMENTATION
from omentum.io.dicom_out.coding import concept
from omentum.io.dicom_out.identity import ObjectIdentity
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.source import SourceSeries
from omentum.io.dicom_out.stream import UTF_8, write_stream
from omentum.volume import LPS_FROM_RAS

Point = tuple[float, float, float]
VOLUME, LONG_AXIS, SHORT_AXIS = (
    SnomedCode("118565006", "Volume"),
    SnomedCode("103339001", "Long Axis"),
    SnomedCode("103340004", "Short Axis"),
)
"""Quantities of CID 7469 and CID 7470."""
MEAN = SnomedCode("373098007", "Mean")
_ATTENUATION = ("112031", "DCM", "Attenuation Coefficient")
_MM, _ML, _HU = ("mm", "UCUM", "millimeter"), ("mL", "UCUM", "milliliter"), ("[hnsf'U]", "UCUM", "Hounsfield unit")
_DECIMALS = 3


@dataclass(frozen=True)
class ReportedStructure:
    """What is reported of a structure that was found.

    Args:
        key: Structure key.
        volume_ml: Volume.
        mean_hu: Mean HU; None if not measured.
    """

    key: str
    volume_ml: float
    mean_hu: float | None


@dataclass(frozen=True)
class ReportedLesion:
    """What is reported of a lesion.

    Args:
        name: Name of the lesion in all results, such as "Liver tumour 1".
        key: Key of its type.
        host: Key of the organ it is in; None if there is none.
        volume_ml: Volume.
        mean_hu: Mean HU; None if not measured.
        longest_mm, perpendicular_mm: End points, RAS+ mm, of the diameters in the axial slice (RECIST 1.1).
        is_candidate: Whether it is a place to look at, not a finding.
    """

    name: str
    key: str
    host: str | None
    volume_ml: float
    mean_hu: float | None
    longest_mm: tuple[Point, Point]
    perpendicular_mm: tuple[Point, Point]
    is_candidate: bool = False


def write_measurement_report(
    path: Path,
    measured: tuple[Sequence[ReportedStructure], Sequence[ReportedLesion]],
    source: SourceSeries,
    identity: ObjectIdentity,
    producer: Producer,
    segments: tuple[ObjectIdentity, Mapping[str, int]] | None = None,
) -> None:
    """Write volumes and mean HU of structures, and size and place of lesions.

    Args:
        path: The file.
        measured: Structures and lesions.
        source: The series referred to.
        identity: UIDs and series of the report.
        producer: Software and weights.
        segments: The segmentation object and its segment numbers by structure, if one is written with the report.

    Raises:
        OutputError: The file cannot be written.
    """
    import highdicom

    structures, lesions = measured
    with silence_library_warnings():
        groups = [_structure_group(one, segments, source) for one in structures]
        groups += [_lesion_group(one, source) for one in lesions]
        observer = highdicom.sr.DeviceObserverIdentifyingAttributes(
            uid=identity.series, name=MODEL_NAME, manufacturer_name=producer.equipment()["manufacturer"]
        )
        device = highdicom.sr.ObserverContext(_code("121007", "DCM", "Device"), observer)
        report = highdicom.sr.MeasurementReport(
            observation_context=highdicom.sr.ObservationContext(observer_device_context=device),
            procedure_reported=_code("25045-6", "LN", "CT unspecified body region"),
            imaging_measurements=groups or None,
            title=_code("126000", "DCM", "Imaging Measurement Report"),
        )
        document = highdicom.sr.Comprehensive3DSR(
            evidence=_evidence(source, segments),
            content=report[0],
            is_complete=True,
            **identity.arguments(),
            **producer.equipment(),
        )
        document.SpecificCharacterSet = UTF_8
        identity.finish(document)
        write_stream(path, document, ())


def _structure_group(
    one: ReportedStructure, segments: tuple[ObjectIdentity, Mapping[str, int]] | None, source: SourceSeries
) -> Any:
    import highdicom

    structure = STRUCTURES[one.key]
    common: dict[str, Any] = {
        "tracking_identifier": highdicom.sr.TrackingIdentifier(identifier=structure.display),
        "finding_type": concept(structure.snomed),
        "measurements": _sizes(one.volume_ml, one.mean_hu),
        "finding_sites": _sites(one.key),
    }
    if segments is None or one.key not in segments[1]:
        return highdicom.sr.MeasurementsAndQualitativeEvaluations(**common)
    identity, numbers = segments
    reference = highdicom.sr.ReferencedSegment(
        SEGMENTATION,
        identity.instance,
        numbers[one.key],
        source_series=highdicom.sr.SourceSeriesForSegmentation(source.template.SeriesInstanceUID),
    )
    return highdicom.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=reference, **common)


def _lesion_group(one: ReportedLesion, source: SourceSeries) -> Any:
    import highdicom

    axes = [(LONG_AXIS, one.longest_mm), (SHORT_AXIS, one.perpendicular_mm)]
    diameters = [_diameter(kind, ends, source) for kind, ends in axes]
    name = f"{one.name} (candidate)" if one.is_candidate else one.name
    return highdicom.sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=highdicom.sr.TrackingIdentifier(identifier=name),
        finding_type=concept(STRUCTURES[one.key].snomed),
        measurements=[*_sizes(one.volume_ml, one.mean_hu), *diameters],
        finding_sites=_sites(one.host) or _sites(one.key),
    )


def _sizes(volume_ml: float, mean_hu: float | None) -> list[Any]:
    import highdicom

    found = [highdicom.sr.Measurement(concept(VOLUME), round(volume_ml, _DECIMALS), _code(*_ML))]
    if mean_hu is not None and np.isfinite(mean_hu):
        hu = highdicom.sr.Measurement(
            _code(*_ATTENUATION), round(mean_hu, _DECIMALS), _code(*_HU), derivation=concept(MEAN)
        )
        found.append(hu)
    return found


def _diameter(kind: SnomedCode, ends_mm: tuple[Point, Point], source: SourceSeries) -> Any:
    """A diameter with its end points as a polyline in the patient (TID 300, inferred from)."""
    import highdicom

    line = np.round(np.array(ends_mm) * LPS_FROM_RAS, _DECIMALS) + 0.0
    place = highdicom.sr.CoordinatesForMeasurement3D("POLYLINE", line, source.template.FrameOfReferenceUID)
    length_mm = round(float(np.linalg.norm(np.subtract(*ends_mm))), _DECIMALS)
    return highdicom.sr.Measurement(concept(kind), length_mm, _code(*_MM), referenced_coordinates=[place])


def _sites(key: str | None) -> list[Any] | None:
    """Finding site with its side: the organ itself, or the region of a lesion."""
    import highdicom

    if key is None:
        return None
    structure = STRUCTURES[key]
    place = structure.snomed_region or (None if structure.is_lesion else structure.snomed)
    if place is None:
        return None
    side = structure.snomed_modifier
    return [highdicom.sr.FindingSite(concept(place), laterality=None if side is None else concept(side))]


def _evidence(source: SourceSeries, segments: tuple[ObjectIdentity, Mapping[str, int]] | None) -> list[Any]:
    """One data set for each image and for the segmentation: what identifies it, and whose it is."""
    found: list[Any] = []
    for kind, uid in dict.fromkeys((image.sop_class, image.sop_instance) for image in source.images):
        one = deepcopy(source.template) if not found else deepcopy(found[0])
        one.SOPClassUID, one.SOPInstanceUID = kind, uid
        found.append(one)
    if segments is not None:
        one = deepcopy(source.template)
        one.SOPClassUID, one.SOPInstanceUID = SEGMENTATION, segments[0].instance
        one.SeriesInstanceUID, one.Modality = segments[0].series, "SEG"
        found.append(one)
    return found


def _code(value: str, scheme: str, meaning: str) -> Any:
    from highdicom.sr import CodedConcept

    return CodedConcept(value, scheme, meaning)
