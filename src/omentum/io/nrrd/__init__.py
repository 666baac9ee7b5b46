"""NRRD images (`.nrrd`), header and voxels in one file."""
