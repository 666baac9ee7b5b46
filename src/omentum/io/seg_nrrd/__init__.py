"""3D Slicer segmentation format (`.seg.nrrd`): all masks, including overlapping ones, in one file."""
