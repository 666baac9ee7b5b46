"""DICOM objects about a CT series: segmentations, structure sets, reports, parametric maps."""
