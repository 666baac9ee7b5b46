"""A segmentation object of an earlier run, to which a report that is written later refers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from omentum.io.dicom.damage import damage_errors
from omentum.io.dicom.open import open_dicom
from omentum.io.dicom.uids import SEGMENTATION
from omentum.io.dicom_out.identity import ObjectIdentity
from omentum.io.dicom_out.source import SourceSeries

Segments = tuple[ObjectIdentity, Mapping[str, int]]
"""A segmentation object, and its segment numbers by structure."""


def earlier_segments(path: Path, source: SourceSeries) -> Segments | None:
    """Identity and segments of a segmentation object.

    Args:
        path: Where an earlier run may have written it.
        source: The series that it must be of.

    Returns:
        None if there is none, or if it is of another series: then nothing can be referred to.
    """
    if not path.is_file():
        return None
    try:
        dataset = open_dicom(path, pixels=False)
        (series,) = dataset.ReferencedSeriesSequence
        theirs = dataset.SOPClassUID, dataset.StudyInstanceUID, series.SeriesInstanceUID
        if theirs != (SEGMENTATION, source.template.StudyInstanceUID, source.template.SeriesInstanceUID):
            return None
        about = ObjectIdentity(
            int(dataset.SeriesNumber),
            str(dataset.SeriesDescription),
            series=str(dataset.SeriesInstanceUID),
            instance=str(dataset.SOPInstanceUID),
        )
        return about, {str(one.TrackingID): int(one.SegmentNumber) for one in dataset.SegmentSequence}
    except OSError:
        return None
    except damage_errors():
        return None
