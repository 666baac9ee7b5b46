"""The DICOM objects of one case, which refer to the same series and to each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from omentum.io.dicom_out.earlier import Segments
from omentum.io.dicom_out.identity import ObjectIdentity
from omentum.io.dicom_out.measurement_report import ReportedLesion, ReportedStructure, write_measurement_report
from omentum.io.dicom_out.on_images import nearest, on_images
from omentum.io.dicom_out.parametric_map import write_parametric_map
from omentum.io.dicom_out.producer import Producer
from omentum.io.dicom_out.segmentation_object import SegmentationKind, write_segmentation_object
from omentum.io.dicom_out.source import SourceSeries
from omentum.io.dicom_out.structure_set import write_structure_set
from omentum.segmentation import Segmentation


@dataclass(frozen=True, eq=False)
class ObjectSet:
    """Writes the objects of one case.

    Args:
        folder: Folder of the files.
        seg: The masks, on the grid of the CT.
        source: The series that the CT was read from.
        producer: Software and weights.
        overlapping: Sets of keys with common voxels; None if not known.
        deflate: Whether segmentations are compressed.
        is_deidentified: Whether the objects must not tell whose they are; `source` has new UIDs then.
    """

    folder: Path
    seg: Segmentation = field(repr=False)
    source: SourceSeries = field(repr=False)
    producer: Producer
    overlapping: Iterable[frozenset[str]] | None = None
    deflate: bool = False
    is_deidentified: bool = False

    @cached_property
    def found(self) -> tuple[str, ...]:
        """Keys of the structures that have a voxel."""
        return tuple(self._masks.boxes())

    @cached_property
    def segmentation(self) -> ObjectIdentity:
        """Identity of the segmentation object, to which others may refer."""
        return self._identity(901, "Omentum segmentation")

    @property
    def segments(self) -> Segments | None:
        """The segmentation object and its segments; None if no structure was found."""
        numbers = {key: number for number, key in enumerate(self.found, start=1)}
        return (self.segmentation, numbers) if numbers else None

    def write_segmentation(self, name: str) -> list[str]:
        """Write a BINARY segmentation; return the structures in it."""
        return self._write_masks(name, self.segmentation, SegmentationKind.BINARY)

    def write_labelmap(self, name: str) -> list[str]:
        """Write a LABELMAP segmentation; return the structures in it.

        Raises:
            UsageError: Structures overlap.
        """
        return self._write_masks(name, self._identity(902, "Omentum label map"), SegmentationKind.LABELMAP)

    def write_structure_set(self, name: str) -> list[str]:
        """Write contours; return the structures that have any."""
        if not self.found:
            return []
        identity, path = self._identity(903, "Omentum structure set"), self.folder / name
        return list(write_structure_set(path, self._masks, self.source, identity, self.producer))

    def write_report(
        self,
        name: str,
        structures: Sequence[ReportedStructure],
        lesions: Sequence[ReportedLesion],
        segments: Segments | None = None,
    ) -> list[str]:
        """Write measurements; return the structures in it.

        Args:
            name: The file.
            structures: Measurements of structures.
            lesions: Measurements of lesions.
            segments: The BINARY segmentation that the report refers to: `segments`, or that of an earlier run.
        """
        identity = self._identity(904, "Omentum measurements")
        measured = structures, lesions
        write_measurement_report(self.folder / name, measured, self.source, identity, self.producer, segments)
        return [one.key for one in structures]

    def write_probability(self, name: str, key: str, steps: NDArray[Any]) -> None:
        """Write the map of a structure's probability; see `write_parametric_map`."""
        identity = self._identity(905, f"Omentum probability: {key}")
        if not self.seg.grid.same_as(self.source.grid):
            steps = nearest(steps, self.seg.grid, self.source.grid)
        write_parametric_map(self.folder / name, steps, key, self.source, identity, self.producer)

    @cached_property
    def _masks(self) -> Segmentation:
        return on_images(self.seg, self.source.grid)

    def _identity(self, number: int, description: str) -> ObjectIdentity:
        return ObjectIdentity(number, description, is_deidentified=self.is_deidentified)

    def _write_masks(self, name: str, identity: ObjectIdentity, kind: SegmentationKind) -> list[str]:
        if not self.found:
            return []
        how = {"kind": kind, "deflate": self.deflate, "overlapping": self.overlapping}
        path = self.folder / name
        return list(write_segmentation_object(path, self._masks, self.source, identity, self.producer, **how))  # type: ignore[arg-type]
