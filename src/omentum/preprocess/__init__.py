"""From the CT's own grid to the model's and back: orientation, spacing, crop, intensity."""
