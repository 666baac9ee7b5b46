"""Names of the result files, shared by all modules that write, read or skip them."""

LABEL_MAP = "segmentation.nii.gz"
OVERLAPS = "overlaps.nii.gz"
"""What the label map hides, where it hides anything."""
MANIFEST = "manifest.json"
"""Written last: a case folder that has one is complete, and ours."""
MEASUREMENTS = "measurements.json"
LESIONS = "lesions.csv"
"""Of a case in its folder, and of all cases of a batch beside their folders."""
PROBABILITIES = "probabilities"
"""Folder with a map for each structure."""

BATCH_REPORT = "report.json"
BATCH_MEASUREMENTS, BATCH_PARQUET = "measurements.csv", "measurements.parquet"
BATCH_QUALITY = "quality.csv"
BATCH = (BATCH_REPORT, BATCH_MEASUREMENTS, BATCH_PARQUET, LESIONS, BATCH_QUALITY)
"""All files of a batch, beside its case folders."""
