"""Outlines read back from SVG."""

from __future__ import annotations

import re

import numpy as np


def polygons(path: str) -> list[np.ndarray]:
    """Corners of each closed line."""
    found = []
    for piece in re.findall(r"M(-?\d+) (-?\d+)l([-\d ]+)z", path):
        steps = np.array(piece[2].split(), int).reshape(-1, 2)
        start = np.array(piece[:2], int)
        found.append(np.concatenate([[start], start + np.cumsum(steps, axis=0)]))
    return found
