"""DICOM CT series: slice selection, geometry, pixels, and writing."""
