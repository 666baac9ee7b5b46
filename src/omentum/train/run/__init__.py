"""A run as a folder: identity, data, checkpoints, records, and resuming."""
