"""A segmented CT as its user gets it: masks, the CT, measurements and provenance, and how it is saved."""

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
        """Write the label map to a `.nii.gz`, or everything to a folder; complete or not at all.

        The folder gets segmentation.nii.gz (a label map), segmentation.seg.nrrd (all masks, where they overlap, too),
        labels_itksnap.txt, labels_slicer.ctbl, measurements.json, lesions.csv, manifest.json, preview.png, report.html,
        masks/<key>.nii.gz, meshes/<key>.<format> and, if they were kept, probabilities/<key>.nii.gz.

        Args:
            path: `.nii.gz` or `.nii` for the label map alone, else the folder.
            masks: Write a mask of every class, too; all zeros for one that was not found.
            preview: Write preview.png.
            statistics: Write statistics.json as TotalSegmentator does, too.
            report: Write report.html.
            meshes: Write the surface of every class found, too: stl, obj or glb, in mm.
            overwrite: Replace what is there; a folder only if it is an earlier result of ours.
            numbering: A dataset's numbers for the label map; the template's by default.
            step: Called with a few words when a part begins.

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
        save = SaveOptions(masks, preview, statistics, report, meshes, numbering=numbering)
        with replacing_folder(path) as folder:
            CaseFolder(self).write(folder, save, say)
        return path.resolve()
