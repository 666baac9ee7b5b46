"""A run as a folder: what it began with, what it learns from, checkpoints, records, and going on."""
