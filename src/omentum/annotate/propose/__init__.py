"""Proposals: predictions, how much they agree, in which order to correct them, and files for the viewers."""
