"""Write 8-bit greyscale PNG images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from omentum.atomic import replacing


def write_png(path: str | Path, rows: NDArray[np.uint8]) -> None:
    """Write grey values [row, column].

    Raises:
        OutputError: the file cannot be written.
    """
    from PIL import Image

    picture: Any = Image.fromarray(np.ascontiguousarray(rows))
    with replacing(path) as file:
        picture.save(file, format="PNG")
