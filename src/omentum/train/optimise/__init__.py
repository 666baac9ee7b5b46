"""Optimisation: optimisers, learning rates, weight averaging, and trainable parameters."""
