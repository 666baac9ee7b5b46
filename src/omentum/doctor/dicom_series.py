"""The series of a DICOM file or folder, as `omentum.io.dicom.choice` chooses from them, described for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from omentum.io.dicom.files import find_slices
from omentum.io.dicom.open import storage_class
from omentum.io.dicom.subseries import Subseries, subseries_of
from omentum.io.dicom.uids import registered_name


@dataclass(frozen=True)
class SeriesFacts:
    """What a CT series, or a phase of it, is, without anything that identifies a patient.

    Args:
        number: Series number; None if missing.
        code: Stands for it on the command line (`--series CODE`).
        phase: Which of several images at each position, e.g. "cardiac phase 40 %"; None for a whole series.
        description: Words of CT in its description.
        kind: Name of the storage class.
        files: Number of files.
        images: Number of images; a multi-frame file has several.
        matrix: Columns and rows; None if they differ.
        spacing_mm: Between columns, rows and slices; None where not stated.
        transfer_syntaxes: Names of how the files are encoded.
    """

    number: int | None
    code: str
    phase: str | None
    description: str
    kind: str
    files: int
    images: int
    matrix: tuple[int, int] | None
    spacing_mm: tuple[float | None, float | None, float | None]
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True)
class DicomContents:
    """What a file or folder holds for the reader of CT series.

    Args:
        series: CT series by number; a series with several images at each position as one for each phase.
        others: What else there is, as in the reader's warnings -> number of files.
    """

    series: tuple[SeriesFacts, ...]
    others: Mapping[str, int]


def list_series(place: Path) -> DicomContents:
    """Read the headers of a file, or of all files in a folder and its subfolders, as for reading a CT.

    Raises:
        InputError: The path does not exist, or a file cannot be read.
        MissingDependencyError: pydicom is not installed.
    """
    slices, others = find_slices(place)
    return DicomContents(tuple(map(_facts, subseries_of(slices))), Counter(other.what for other in others))


def _facts(one: Subseries) -> SeriesFacts:
    shapes = {image.shape for image in one.slices}
    spacing = [round(mm, 4) for mm in one.spacing_mm]
    column_mm, row_mm, slice_mm = [*spacing, None, None, None][:3]
    return SeriesFacts(
        number=one.number,
        code=one.code,
        phase=one.phase.words if one.phase else None,
        description=one.description,
        kind=registered_name(storage_class(one.slices[0].image.dataset())),
        files=len({image.path for image in one.slices}),
        images=len(one.slices),
        matrix=shapes.pop() if len(shapes) == 1 else None,
        spacing_mm=(column_mm, row_mm, slice_mm),
        transfer_syntaxes=tuple(sorted({registered_name(image.encoding.syntax) for image in one.slices})),
    )
