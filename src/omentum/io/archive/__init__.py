"""Zip files: which entries may be part of an image, and how these are unpacked."""
