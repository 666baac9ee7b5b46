"""A segmented CT with masks, measurements and provenance, and how it is saved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omentum.anatomy.numbering import Numbering
from omentum.atomic import replacing_folder
from omentum.io.nifti import write_labelmap
from omentum.pipeline.case_folder import CaseFolder
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
        """Write the label map to a `.nii.gz`, or all results to a folder; atomically.

        Files in the folder: segmentation.nii.gz (label map), segmentation.seg.nrrd (all masks, including overlaps),
        labels_itksnap.txt, labels_slicer.ctbl, measurements.json, lesions.csv, manifest.json, preview.png, report.html,
        masks/<key>.nii.gz, meshes/<key>.<format> and, if they were kept, probabilities/<key>.nii.gz.

        Args:
            path: `.nii.gz` or `.nii` for the label map alone, otherwise a folder.
            masks: Also write a mask of every class; all zeros for classes that were not found.
            preview: Write preview.png.
            statistics: Also write statistics.json in TotalSegmentator's format.
            report: Write report.html.
            meshes: Also write the surface of every class found, in mm: stl, obj or glb.
            overwrite: Replace existing output; a folder only if it is an earlier result of Omentum.
            numbering: Label values of the label map; those of the template by default.
            step: Called with a short description when a part of the work begins.

        Returns:
            Resolved path of the output.

        Raises:
            OutputError: the output exists, or cannot be written.
            UsageError: unknown mesh format, further outputs requested for a `.nii.gz`, or no class has a label value.
            MissingDependencyError: meshes are requested without the extra `[report]`.
        """
        path, say = Path(path), step or (lambda _: None)
        check_meshes(meshes)
        check_labels_alone(path, {"masks": masks, "statistics": statistics, "meshes": meshes})
        check_case_output(path, overwrite=overwrite)
        if is_single_file(path):
            say("writing")
            write_labelmap(path, self, numbering)
            return path.resolve()
        save = SaveOptions(masks, preview, statistics, report, meshes, numbering=numbering)
        with replacing_folder(path) as folder:
            CaseFolder(self).write(folder, save, say)
        return path.resolve()
