"""Preprocessing from the CT grid to the model grid and back: orientation, spacing, crop, intensity."""
