"""Patches for training: which case, where, and how its appearance and shape are varied."""
