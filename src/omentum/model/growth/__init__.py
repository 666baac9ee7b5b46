"""Trained models with more capacity, or with specialists for some classes."""
