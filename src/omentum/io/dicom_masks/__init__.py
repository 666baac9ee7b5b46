"""Masks from DICOM segmentations and structure sets."""
