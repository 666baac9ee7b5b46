"""Corrections by clicks inside and outside a structure."""
