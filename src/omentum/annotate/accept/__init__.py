"""Corrections: files matched with the cases of a round, compared with the proposals, and merged into the labels."""
