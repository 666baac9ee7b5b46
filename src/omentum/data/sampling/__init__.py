"""Training patches: which case, which position, and how intensities and geometry are augmented."""
