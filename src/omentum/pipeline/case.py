"""A segmented CT as its user holds it: masks, the CT, measurements, and how all of it came about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from omentum.anatomy.numbering import Numbering
from omentum.atomic import replacing, replacing_folder, write_json, write_text
from omentum.errors import UsageError
from omentum.infer.maps import STEPS
from omentum.io.label_names import ITK_SNAP, SLICER, itk_snap_labels, slicer_labels
from omentum.io.label_table import label_rows
from omentum.io.nifti import write_fractions, write_labelmap, write_mask
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.measure import (
    AorticProfile,
    ClassTrust,
    Lesion,
    StructureMeasure,
    aortic_profile,
    find_lesions,
    lesions_csv,
    lesions_json,
    measure,
    measures_json,
    statistics_json,
)
from omentum.measure.aorta import AORTA
from omentum.measure.label_map import with_label_map
from omentum.pipeline.compressed_array import CompressedSparseArray
from omentum.pipeline.manifest import sha256_of
from omentum.pipeline.options import SaveOptions, Step
from omentum.pipeline.outputs import (
    LABEL_MAP_SHA256,
    MASKS_SHA256,
    check_case_output,
    check_labels_alone,
    is_single_file,
)
from omentum.pipeline.run_record import RunRecord
from omentum.quality import Confidence, Quality, assess_quality
from omentum.report.meshes import FILE, check_meshes, mesh_file, surface_mesh
from omentum.result_files import LABEL_MAP, LESIONS, MANIFEST, MASKS, MEASUREMENTS, PROBABILITIES
from omentum.schemas import Schema, stamped
from omentum.segmentation import Segmentation, overlaps
from omentum.volume import Volume

if TYPE_CHECKING:
    from omentum.report.case_pictures import CasePictures


@dataclass(frozen=True, eq=False, repr=False)
class CaseSegmentation(Segmentation):
    """A segmentation together with its CT.

    Args:
        ct: As read (after mending, see `omentum.io.sanity`), on the same grid.
        manifest: Versions, weights, options, device, timings, peak memory, warnings; JSON values only.
        confidence: How sure the network was of each structure, by key.
        lesion_probability: See `find_lesions`; an array by its `to_array`, None where no lesion was looked for.
        probabilities: By key, in steps (see `omentum.infer.maps.STEPS`), if they were to be kept: see `probability`.
    """

    ct: Volume = field(kw_only=True, repr=False)
    manifest: Mapping[str, Any] = field(kw_only=True, repr=False)
    confidence: Mapping[str, Confidence] = field(kw_only=True, repr=False, default_factory=dict)
    lesion_probability: CompressedSparseArray | None = field(kw_only=True, repr=False, default=None)
    probabilities: Mapping[str, CompressedSparseArray] = field(kw_only=True, repr=False, default_factory=dict)

    def measures(self, numbering: Numbering | None = None) -> list[StructureMeasure]:
        """Volume in ml, HU statistics, place, size, border contact and score of every class, in class order.

        Args:
            numbering: Whose numbers the label map has that each volume is held against; the template's by default.
        """
        scores = {key: q.score for key, q in self.quality().structures.items()}
        judged = [replace(m, score=scores.get(m.key), trust=self.class_trust.of(m.key)) for m in self._measures]
        return with_label_map(judged, self.grid, self._overlaps, numbering)

    @cached_property
    def class_trust(self) -> ClassTrust:
        """How far the weights can be trusted with each structure."""
        return ClassTrust.of_options(self.manifest.get("options", {}))

    def quality(self) -> Quality:
        """Flags with reasons, worst first, and how likely each mask is good."""
        return self._quality

    def lesions(self) -> list[Lesion]:
        """Every lesion with its organ, diameters, HU statistics and depth, by type and then by size.

        Those that are only candidates (see `omentum.measure.class_trust`) say so.
        """
        return self._lesions

    def probability(self, name: str) -> NDArray[np.float32]:
        """Probability of a structure in every voxel, as the network said, before cleaning.

        Args:
            name: Key or synonym.

        Returns:
            float32 [i, j, k] on the CT's grid, 0 to 1, rounded to whole steps; 0 outside the body.

        Raises:
            UsageError: the structure is not among the classes, or probabilities were not kept.
        """
        key = self.classes[self._position(name)]
        if key not in self.probabilities:
            raise UsageError("no probabilities were kept", remedy='segment with probabilities="uint8"')
        steps = self.probabilities[key].to_array()
        fractions: NDArray[np.float32] = np.multiply(steps, 1 / STEPS[str(steps.dtype)], dtype=np.float32)
        return fractions

    def aorta(self) -> AorticProfile | None:
        """Diameters along the aorta; None where none was found.

        Raises:
            UsageError: the aorta was not looked for.
        """
        self._position(AORTA)
        return self._aorta

    @cached_property
    def _aorta(self) -> AorticProfile | None:
        return aortic_profile(self)

    @cached_property
    def _overlaps(self) -> dict[frozenset[str], int]:
        return overlaps(self)

    @cached_property
    def _measures(self) -> list[StructureMeasure]:
        return measure(self.ct, self)

    @cached_property
    def _lesions(self) -> list[Lesion]:
        likely = self.lesion_probability
        return find_lesions(self.ct, self, None if likely is None else likely.to_array(), self.class_trust)

    @cached_property
    def _quality(self) -> Quality:
        input_warnings, mirror = self.manifest.get("warnings", ()), self.manifest.get("mirror", {})
        told = {"confidence": self.confidence, "input_warnings": input_warnings}
        told["clearer_mirrored"] = mirror.get("clearer_mirrored", {}) if mirror.get("mirrored") else {}
        return assess_quality(self.ct, self, self._measures, self._lesions, **told)

    def save(
        self,
        path: str | Path,
        *,
        masks: bool = False,
        preview: bool = True,
        statistics: bool = False,
        report: bool = True,
        meshes: str | None = None,
        overwrite: bool = False,
        numbering: Numbering | None = None,
        step: Step | None = None,
    ) -> Path:
        """Write the label map to a `.nii.gz`, or everything to a folder; complete or not at all.

        The folder gets segmentation.nii.gz (a label map), segmentation.seg.nrrd (all masks, where they overlap, too),
        labels_itksnap.txt, labels_slicer.ctbl, measurements.json, lesions.csv, manifest.json, preview.png, report.html,
        masks/<key>.nii.gz, meshes/<key>.<format> and, if they were kept, probabilities/<key>.nii.gz.

        Args:
            path: `.nii.gz` or `.nii` for the label map alone, else the folder.
            masks: Write a mask of every class, too; of one that was not found, one of zeros.
            preview: Draw the picture.
            statistics: Write statistics.json as TotalSegmentator does, too.
            report: Write the page.
            meshes: Write the surface of every class found, too: stl, obj or glb, in mm.
            overwrite: Replace what is there; a folder only if it is an earlier result of ours.
            numbering: A dataset's numbers for the label map; the template's by default.
            step: Told what is begun.

        Returns:
            What was written, resolved.

        Raises:
            OutputError: it is in the way, or cannot be written.
            UsageError: an unknown mesh format, more than the label map for a `.nii.gz`, or nothing that has a number.
            MissingDependencyError: meshes without the extra `[report]`.
        """
        path, say = Path(path), step or (lambda _: None)
        check_meshes(meshes)
        check_labels_alone(path, {"masks": masks, "statistics": statistics, "meshes": meshes})
        check_case_output(path, overwrite=overwrite)
        if is_single_file(path):
            say("writing")
            write_labelmap(path, self, numbering)
            return path.resolve()
        beside = SaveOptions(masks, preview, statistics, report, meshes, numbering=numbering)
        record = RunRecord(dict(self.manifest.get("timings_s", {})))
        with replacing_folder(path) as folder:
            self._fill(folder, beside, say, record)
            if self.probabilities:
                say("writing probabilities")
                self._write_probabilities(folder / PROBABILITIES)
            written = {LABEL_MAP_SHA256: sha256_of(folder / LABEL_MAP), MASKS_SHA256: sha256_of(folder / MASKS)}
            made = {"outputs": beside.outputs(), "quality": self.quality().summary(), **written}
            if numbering is not None:
                made["not_looked_for"] = {str(value): keys for value, keys in numbering.lacking(self.classes).items()}
                made["never_written"] = {str(value): why for value, why in numbering.never.items()}
            content = {**self.manifest, "timings_s": record.seconds, **made}
            write_json(folder / MANIFEST, stamped(Schema.MANIFEST, content))
        return path.resolve()

    @property
    def _name(self) -> str:
        return str(self.manifest["input"]["case"])

    def write_beside(self, folder: Path, wanted: SaveOptions, say: Step) -> None:
        """Write what is wanted beside the label map and the measurements to a folder."""
        if wanted.masks:
            say("writing masks")
            self._write_each_mask(folder / "masks")
        if wanted.preview or wanted.report:
            say("drawing")
        self._write_told(folder, wanted, self._draw(folder, wanted, self.measures()), say)

    def _fill(self, folder: Path, wanted: SaveOptions, say: Step, record: RunRecord) -> None:
        """Everything but probabilities and manifest.

        What has to be written and drawn is, in a thread, while the quality is judged: about as much work.
        """
        say("writing masks and measuring")
        shared = self._overlaps  # needed by the masks and the measurements
        with ThreadPoolExecutor(1) as thread:
            written = thread.submit(self._write_masks, folder, wanted.masks, wanted.numbering, shared)
            with record.stage("measure"):
                drawn = thread.submit(self._draw, folder, wanted, self._measures)
                self._write_numbers(folder, wanted.numbering)
            say("drawing")
            with record.stage("draw"):
                written.result()
                pictures = drawn.result()
        with record.stage("write"):
            self._write_told(folder, wanted, pictures, say)

    def _draw(self, folder: Path, wanted: SaveOptions, measures: Sequence[StructureMeasure]) -> CasePictures | None:
        """The preview, and what is to be seen in a report."""
        if wanted.preview:
            self._draw_preview(folder / "preview.png", measures)
        if not wanted.report:
            return None
        from omentum.report.case_pictures import draw_case

        return draw_case(self.ct, self, self.lesions())

    def _write_told(self, folder: Path, wanted: SaveOptions, pictures: CasePictures | None, say: Step) -> None:
        """What needs the measurements."""
        if wanted.statistics:
            write_json(folder / "statistics.json", statistics_json(self.measures()))
        if wanted.meshes:
            say("making surfaces")
            self._write_meshes(folder / "meshes", wanted.meshes)
        if wanted.report:
            say("writing the report")
            self._write_report(folder / "report.html", wanted.numbering, pictures)

    def _write_numbers(self, folder: Path, numbering: Numbering | None) -> None:
        measured = measures_json(self.measures(numbering), self.grid, self._aorta)
        measured |= lesions_json(self.lesions(), self.grid)
        measured |= {"quality": self.quality().to_json()}
        write_json(folder / MEASUREMENTS, stamped(Schema.MEASUREMENTS, self._head(numbering) | measured))
        write_text(folder / ITK_SNAP, itk_snap_labels(self.classes, numbering))
        write_text(folder / SLICER, slicer_labels(self.classes, numbering))
        write_text(folder / LESIONS, lesions_csv({self._name: self.lesions()}))

    def _head(self, numbering: Numbering | None) -> dict[str, Any]:
        """What a reader of the numbers has to know first."""
        return {
            "software": f"omentum {version('omentum')}",
            "notice": "Not a medical device. Not for clinical use.",
            "case": self._name,
            "coordinates": "RAS+ mm: x to the patient's right, y to the front, z to the head",
            "labels": {str(number): name for number, name, _ in label_rows(self.classes, numbering)},
        }

    def _write_masks(
        self, folder: Path, masks: bool, numbering: Numbering | None, shared: Iterable[frozenset[str]]
    ) -> None:
        write_labelmap(folder / LABEL_MAP, self, numbering)
        write_seg_nrrd(folder / MASKS, self, shared)
        if masks:
            self._write_each_mask(folder / "masks")

    def _write_each_mask(self, folder: Path) -> None:
        for key in sorted(self.annotated or ()):  # what was not found gets a mask of zeros
            write_mask(folder / f"{key}.nii.gz", self.mask(key), self)

    def _write_probabilities(self, folder: Path) -> None:
        for key, compressed in self.probabilities.items():  # one after another: each is as large as the CT, or half
            steps = compressed.to_array()
            write_fractions(folder / f"{key}.nii.gz", steps, STEPS[str(steps.dtype)], self)

    def _write_meshes(self, folder: Path, file_type: str) -> None:
        for key, box in self.boxes().items():
            with replacing(folder / f"{key}.{file_type}") as file:
                file.write(mesh_file(surface_mesh(self, key, box, FILE), key, file_type))

    def _draw_preview(self, path: Path, measures: Sequence[StructureMeasure]) -> None:
        from omentum.report.preview import preview_png  # matplotlib is slow to import

        with replacing(path) as file:
            file.write(preview_png(self.ct, self, case=self._name, measures=measures))

    def _write_report(self, path: Path, numbering: Numbering | None, pictures: CasePictures | None) -> None:
        from omentum.report.html import CaseReport, case_html

        page = case_html(
            CaseReport(
                *(self._name, self.ct, self, self.measures(numbering), self.lesions()),
                *(self.manifest, self.quality().flags),
                class_trust=self.class_trust,
                aorta=self._aorta,
                score=self.quality().score,
                pictures=pictures,
            )
        )
        with replacing(path) as file:
            file.write(page)
