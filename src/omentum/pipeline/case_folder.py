"""Writer of a case folder: masks, measurements, pictures, report, and the manifest last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omentum.anatomy.numbering import Numbering
from omentum.atomic import replacing, write_json, write_text
from omentum.infer.maps import STEPS
from omentum.io.label_names import ITK_SNAP, SLICER, itk_snap_labels, slicer_labels
from omentum.io.label_table import label_rows
from omentum.io.nifti import write_fractions, write_labelmap, write_mask
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.measure import StructureMeasure, lesions_csv, lesions_json, measures_json, statistics_json
from omentum.pipeline.dicom_outputs import write_dicom_outputs
from omentum.pipeline.manifest import sha256_of
from omentum.pipeline.measured_case import MeasuredCase
from omentum.pipeline.options import SaveOptions, Step
from omentum.pipeline.outputs import LABEL_MAP_SHA256, MASKS_SHA256
from omentum.pipeline.run_record import RunRecord
from omentum.report.meshes import FILE, mesh_file, surface_mesh
from omentum.result_files import LABEL_MAP, LESIONS, MANIFEST, MASKS, MEASUREMENTS, PROBABILITIES
from omentum.schemas import Schema, stamped

if TYPE_CHECKING:
    from omentum.report.case_pictures import CasePictures


class CaseFolder:
    """Writes the files of a case.

    Args:
        case: Case to write.
    """

    def __init__(self, case: MeasuredCase) -> None:
        self._case = case

    def write(self, folder: Path, save: SaveOptions, say: Step) -> None:
        """Write all outputs to a new folder.

        Args:
            folder: Empty folder.
            save: Requested outputs.
            say: Called when a part of the work begins.
        """
        case, numbering = self._case, save.numbering
        record = RunRecord(dict(case.manifest.get("timings_s", {})))
        self._fill(folder, save, say, record)
        if case.probabilities:
            say("writing probabilities")
            self._write_probabilities(folder / PROBABILITIES)
        objects = write_dicom_outputs(folder, case, save, say)
        written = {LABEL_MAP_SHA256: sha256_of(folder / LABEL_MAP), MASKS_SHA256: sha256_of(folder / MASKS)}
        made = {"outputs": save.outputs(), "quality": case.quality().summary(), **written}
        if objects:
            made["dicom"] = objects
        if numbering is not None:
            made["not_looked_for"] = {str(value): keys for value, keys in numbering.lacking(case.classes).items()}
            made["never_written"] = {str(value): why for value, why in numbering.never.items()}
        content = {**case.manifest, "timings_s": record.seconds, **made}
        write_json(folder / MANIFEST, stamped(Schema.MANIFEST, content))

    def write_beside(self, folder: Path, wanted: SaveOptions, say: Step, earlier: Path) -> dict[str, list[str]]:
        """Write the outputs that can be added to a finished case, whose folder is `earlier`.

        Returns:
            See `write_dicom_outputs`.
        """
        if wanted.masks:
            say("writing masks")
            self._write_each_mask(folder / "masks")
        objects = write_dicom_outputs(folder, self._case, wanted, say, earlier)
        if wanted.preview or wanted.report:
            say("drawing")
        self._write_measured(folder, wanted, self._draw(folder, wanted, self._case.measures()), say)
        return objects

    def _fill(self, folder: Path, wanted: SaveOptions, say: Step, record: RunRecord) -> None:
        """Write everything except probabilities and manifest.

        Masks and pictures are written in a thread while the quality is assessed; both take about the same time.
        """
        say("writing masks and measuring")
        shared = self._case.overlap_voxels  # used by masks and measurements
        with ThreadPoolExecutor(1) as thread:
            written = thread.submit(self._write_masks, folder, wanted.masks, wanted.numbering, shared)
            with record.stage("measure"):
                drawn = thread.submit(self._draw, folder, wanted, self._case.unscored_measures)
                self._write_numbers(folder, wanted.numbering)
            say("drawing")
            with record.stage("draw"):
                written.result()
                pictures = drawn.result()
        with record.stage("write"):
            self._write_measured(folder, wanted, pictures, say)

    def _draw(self, folder: Path, wanted: SaveOptions, measures: Sequence[StructureMeasure]) -> CasePictures | None:
        """Write the preview; return the pictures of the report."""
        if wanted.preview:
            self._draw_preview(folder / "preview.png", measures)
        if not wanted.report:
            return None
        from omentum.report.case_pictures import draw_case

        return draw_case(self._case.ct, self._case, self._case.lesions())

    def _write_measured(self, folder: Path, wanted: SaveOptions, pictures: CasePictures | None, say: Step) -> None:
        """Write the outputs that need the measurements."""
        if wanted.statistics:
            write_json(folder / "statistics.json", statistics_json(self._case.measures()))
        if wanted.meshes:
            say("making surfaces")
            self._write_meshes(folder / "meshes", wanted.meshes)
        if wanted.report:
            say("writing the report")
            self._write_report(folder / "report.html", wanted.numbering, pictures)

    def _write_numbers(self, folder: Path, numbering: Numbering | None) -> None:
        measured = measures_json(self._case.measures(numbering), self._case.grid, self._case.aorta_profile)
        measured |= lesions_json(self._case.lesions(), self._case.grid)
        measured |= {"quality": self._case.quality().to_json()}
        write_json(folder / MEASUREMENTS, stamped(Schema.MEASUREMENTS, self._head(numbering) | measured))
        write_text(folder / ITK_SNAP, itk_snap_labels(self._case.classes, numbering))
        write_text(folder / SLICER, slicer_labels(self._case.classes, numbering))
        write_text(folder / LESIONS, lesions_csv({self._case.case_name: self._case.lesions()}))

    def _head(self, numbering: Numbering | None) -> dict[str, Any]:
        """First entries of measurements.json."""
        return {
            "software": f"omentum {version('omentum')}",
            "notice": "Not a medical device. Not for clinical use.",
            "case": self._case.case_name,
            "coordinates": "RAS+ mm: x to the patient's right, y to the front, z to the head",
            "labels": {str(number): name for number, name, _ in label_rows(self._case.classes, numbering)},
        }

    def _write_masks(
        self, folder: Path, masks: bool, numbering: Numbering | None, shared: Iterable[frozenset[str]]
    ) -> None:
        write_labelmap(folder / LABEL_MAP, self._case, numbering)
        write_seg_nrrd(folder / MASKS, self._case, shared)
        if masks:
            self._write_each_mask(folder / "masks")

    def _write_each_mask(self, folder: Path) -> None:
        for key in sorted(self._case.annotated or ()):  # a structure that was not found gets a mask of zeros
            write_mask(folder / f"{key}.nii.gz", self._case.mask(key), self._case, key)

    def _write_probabilities(self, folder: Path) -> None:
        # One at a time, because each needs the memory of the CT, or half of it.
        for key, compressed in self._case.probabilities.items():
            steps = compressed.to_array()
            write_fractions(folder / f"{key}.nii.gz", steps, STEPS[str(steps.dtype)], self._case)

    def _write_meshes(self, folder: Path, file_type: str) -> None:
        for key, box in self._case.boxes().items():
            with replacing(folder / f"{key}.{file_type}") as file:
                file.write(mesh_file(surface_mesh(self._case, key, box, FILE), key, file_type))

    def _draw_preview(self, path: Path, measures: Sequence[StructureMeasure]) -> None:
        from omentum.report.preview import preview_png  # matplotlib is slow to import

        with replacing(path) as file:
            file.write(preview_png(self._case.ct, self._case, case=self._case.case_name, measures=measures))

    def _write_report(self, path: Path, numbering: Numbering | None, pictures: CasePictures | None) -> None:
        from omentum.report.html import CaseReport, case_html

        case = self._case
        page = case_html(
            CaseReport(
                *(case.case_name, case.ct, case, case.measures(numbering), case.lesions()),
                *(case.manifest, case.quality().flags),
                class_trust=case.class_trust,
                aorta=case.aorta_profile,
                score=case.quality().score,
                pictures=pictures,
            )
        )
        with replacing(path) as file:
            file.write(page)
