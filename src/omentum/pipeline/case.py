"""A segmented CT with masks, measurements and provenance, and how it is saved."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from omentum.atomic import replacing_folder
from omentum.io.nifti import write_labelmap
from omentum.pipeline.case_folder import CaseFolder
from omentum.pipeline.dicom_outputs import check_dicom_formats
from omentum.pipeline.measured_case import MeasuredCase
from omentum.pipeline.options import SaveOptions, Step
from omentum.pipeline.outputs import check_case_output, check_labels_alone, is_single_file
from omentum.report.meshes import check_meshes


@dataclass(frozen=True, eq=False, repr=False)
class CaseSegmentation(MeasuredCase):
    """A segmented CT that can be saved; see `MeasuredCase` for its fields and measurements."""

    def save(
        self,
        path: str | Path,
        save: SaveOptions | None = None,
        *,
        step: Step | None = None,
        **outputs: Any,
    ) -> Path:
        """Write the label map to a `.nii.gz`, or all results to a folder; atomically.

        Files in the folder: segmentation.nii.gz (label map), segmentation.seg.nrrd (all masks, including overlaps),
        labels_itksnap.txt, labels_slicer.ctbl, measurements.json, lesions.csv, manifest.json, preview.png, report.html,
        masks/<key>.nii.gz, meshes/<key>.<format>, DICOM objects (`omentum.pipeline.dicom_outputs`) and, if they were
        kept, probabilities/<key>.nii.gz.

        Args:
            path: `.nii.gz` or `.nii` for the label map alone, otherwise a folder.
            save: What is written.
            step: Called with a short description when a part of the work begins.
            **outputs: Fields of `SaveOptions` that differ from `save`, such as `masks=True`. `overwrite` replaces
                a folder only if it is an earlier result of Omentum.

        Returns:
            Resolved path of the output.

        Raises:
            OutputError: the output exists, or cannot be written.
            UsageError: unknown format, further outputs requested for a `.nii.gz`, no class has a label value, or a
                DICOM format is requested for a CT that was not read from DICOM.
            MissingDependencyError: meshes are requested without the extra `[report]`, or DICOM without `[dicom]`.
        """
        path, say = Path(path), step or (lambda _: None)
        save = replace(save or SaveOptions(), **outputs)
        check_meshes(save.meshes)
        beside = {"masks": save.masks, "statistics": save.statistics, "meshes": save.meshes}
        check_labels_alone(path, beside | dict.fromkeys(save.dicom_formats, True))
        check_dicom_formats(save, self.ct.header, has_probabilities=bool(self.probabilities))
        check_case_output(path, overwrite=save.overwrite)
        if is_single_file(path):
            say("writing")
            write_labelmap(path, self, save.numbering)
            return path.resolve()
        with replacing_folder(path) as folder:
            CaseFolder(self).write(folder, save, say)
        return path.resolve()
