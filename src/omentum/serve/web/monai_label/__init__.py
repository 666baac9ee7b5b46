"""Routes of MONAI Label, as far as its module for 3D Slicer uses them to segment: docs/how-to/slicer.md."""
