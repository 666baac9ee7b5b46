"""Names of the result files, shared by all modules that write, read or skip them."""

from pathlib import Path

LABEL_MAP = "segmentation.nii.gz"
MASKS = "segmentation.seg.nrrd"
"""Every mask, where structures overlap, too."""
SEGMENTATIONS = (MASKS, LABEL_MAP)
"""A case's segmentation: which of its files is read where both are there."""
MANIFEST = "manifest.json"
"""Written last: a case folder that has one is complete, and ours."""
MEASUREMENTS = "measurements.json"
LESIONS = "lesions.csv"
"""Of a case in its folder, and of all cases of a batch beside their folders."""
DICOM_SEG, DICOM_LABELMAP = "segmentation.dcm", "labelmap.dcm"
RTSTRUCT, DICOM_SR = "rtstruct.dcm", "measurements.dcm"
PROBABILITIES = "probabilities"
"""Folder with a map for each structure."""

BATCH_REPORT = "report.json"
BATCH_MEASUREMENTS, BATCH_PARQUET = "measurements.csv", "measurements.parquet"
BATCH_QUALITY = "quality.csv"
BATCH = (BATCH_REPORT, BATCH_MEASUREMENTS, BATCH_PARQUET, LESIONS, BATCH_QUALITY)
"""All files of a batch, beside its case folders."""


def segmentation_in(folder: Path) -> Path | None:
    """The segmentation of a case folder, the file that says most; None where there is none."""
    return next((file for name in SEGMENTATIONS if (file := folder / name).is_file()), None)
