"""A CT series in DICOM: which files are its slices, where they lie, their pixels; and writing one."""
