"""Synthetic CTs with exact truth."""
