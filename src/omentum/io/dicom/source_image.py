"""The image that a slice of a volume was read from, kept so that results can refer to it in DICOM."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Any

from omentum.io.dicom.open import dataset_of


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

    def dataset(self) -> Any:
        """Parse the header: a `pydicom.Dataset` with `file_meta` and without pixel data, new at each call."""
        return dataset_of(zlib.decompress(self.header))
