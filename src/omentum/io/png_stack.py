"""Read a folder with one greyscale PNG per slice as a stack of integers, without geometry."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.errors import GeometryError, InputError

_GREY_MODES = {"1", "L", "I;16", "I", "P"}


def read_png_stack(folder: str | Path) -> NDArray[Any]:
    """Read all PNGs of a folder, ordered by the last number in their names.

    Returns:
        Stored values (1-bit images as 0 and 255), shape (columns, rows, images).

    Raises:
        InputError: There is no PNG, two have the same number, or one is damaged or in colour.
        GeometryError: Images differ in size.
    """
    folder = Path(folder)
    paths = [p for p in folder.iterdir() if p.suffix.lower() == ".png" and not p.name.startswith(".")]
    if not paths:
        raise InputError("holds no PNG pictures", source=folder)
    ordered = sorted(paths, key=_number)
    for one, other in pairwise(ordered):
        if _number(one) == _number(other):
            raise InputError(f"two pictures have the number {_number(one)}: {one.name} and {other.name}", source=folder)
    pictures = [_picture(path) for path in ordered]
    for path, picture in zip(ordered, pictures, strict=True):
        if picture.shape != pictures[0].shape:
            raise GeometryError(f"is {picture.shape} pixels, {ordered[0].name} is {pictures[0].shape}", source=path)
    out = np.empty((*pictures[0].shape, len(pictures)), pictures[0].dtype, order="F")
    for k, picture in enumerate(pictures):
        out[:, :, k] = picture
    return out


def _number(path: Path) -> int:
    numbers = re.findall(r"\d+", path.stem)
    if not numbers:
        raise InputError("has no number in its name, so that its slice is unknown", source=path)
    return int(numbers[-1])


def _picture(path: Path) -> NDArray[Any]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            if image.mode not in _GREY_MODES:
                raise InputError(f"is a coloured picture ({image.mode}), expected grey labels", source=path)
            return np.asarray(image.convert("L") if image.mode == "1" else image).T
    except UnidentifiedImageError as fault:
        raise InputError("is no PNG picture", source=path) from fault
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as fault:
        raise InputError(f"is a damaged picture: {fault}", source=path) from fault
