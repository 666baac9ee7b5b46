"""Files that a segmentation would write."""

from __future__ import annotations

from omentum.io.label_names import ITK_SNAP, SLICER
from omentum.pipeline.dicom_outputs import DICOM_FILES
from omentum.pipeline.options import OutputFormat, SaveOptions, SegmentOptions
from omentum.result_files import LABEL_MAP, LESIONS, MANIFEST, MASKS, MEASUREMENTS, PROBABILITIES


def expected_outputs(options: SegmentOptions, save: SaveOptions) -> tuple[str, ...]:
    """Names of the files in a case folder."""
    names = [MASKS, LABEL_MAP, ITK_SNAP, SLICER, MEASUREMENTS, LESIONS, MANIFEST]
    names += ["report.html"] if save.report else []
    names += ["preview.png"] if save.preview else []
    names += ["masks/<structure>.nii.gz"] if save.masks else []
    names += [f"meshes/<structure>.{save.meshes}"] if save.meshes else []
    names += ["statistics.json"] if save.statistics else []
    names += [f"{PROBABILITIES}/<structure>.nii.gz"] if options.probabilities else []
    names += [DICOM_FILES[wanted] for wanted in save.dicom_formats if wanted in DICOM_FILES]
    names += [f"{PROBABILITIES}/<structure>.dcm"] if OutputFormat.DICOM_PM in save.dicom_formats else []
    return tuple(names)
