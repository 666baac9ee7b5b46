"""3D Slicer's segmentation format (`.seg.nrrd`): every mask, overlapping, in one file."""
