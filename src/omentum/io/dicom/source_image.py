"""The image that a slice of a volume was read from, kept so that results can refer to it in DICOM."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from omentum.io.dicom.open import dataset_without_pixels, header_bytes

_FAST = 1
"""Level of zlib: a header shrinks to about a third of its size at any."""


@dataclass(frozen=True)
class SourceImage:
    """Header of the image that one slice came from.

    It does not depend on the file, which may lie in a temporary folder, and is small enough to be kept and pickled for
    every slice. It identifies the patient: it is for DICOM outputs alone, never for logs or JSON.

    Args:
        header: DICOM file up to, but without, the pixel data, compressed with zlib.
        frame_number: Frame of a multi-frame image, counted from 1; None for an image of its own.
    """

    header: bytes = field(repr=False)
    frame_number: int | None = None

    @classmethod
    def of_file(cls, path: Path) -> SourceImage:
        """Source image of a file with one image.

        Raises:
            OSError, ValueError, EOFError and other errors of pydicom: The file is damaged.
        """
        return cls(zlib.compress(header_bytes(path), _FAST))

    def dataset(self) -> Any:
        """Parse the header: a `pydicom.Dataset` with `file_meta` and without pixel data, new at each call."""
        return dataset_without_pixels(BytesIO(zlib.decompress(self.header)))
