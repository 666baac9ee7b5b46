"""Weights and an image from nothing but names and a seed, the same everywhere (numpy's legacy generator is frozen).

What the published networks compute with them is in `parity/`.
"""

from __future__ import annotations

import zlib
from math import prod

import numpy as np
from numpy.typing import NDArray


def tensor(name: str, shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    """The entry `name` (without `module.`) of a state dictionary, scaled so that signals neither vanish nor grow."""
    drawn = np.random.RandomState(zlib.crc32(f"{seed}:{name}".encode()) & 0x7FFFFFFF).standard_normal(shape)
    normal = drawn.astype(np.float32)
    if name.endswith("running_mean"):
        values = 0.1 * normal
    elif name.endswith("running_var"):
        values = 1 + 0.1 * np.abs(normal)
    elif len(shape) <= 1:
        values = 1 + 0.1 * normal if name.endswith("weight") else 0.05 * normal
    elif name == "organ_embedding":
        values = 0.4 * normal
    else:
        values = normal * (1.0 / np.sqrt(prod(shape[1:])))
    return np.asarray(values, np.float32).reshape(shape)


def image(seed: int, size: int = 96) -> NDArray[np.float32]:
    """[1, 1, size, size, size] in [0, 1): a preprocessed patch."""
    return np.random.RandomState(1000 + seed).rand(1, 1, size, size, size).astype(np.float32)
