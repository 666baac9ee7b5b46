"""What the first pass finds in the training cases; computed once and kept beside the run."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from omentum.atomic import replacing
from omentum.model import UniversalModel
from omentum.pipeline import Segmenter, SegmentOptions
from omentum.segmentation import Segmentation
from omentum.volume import Volume


class OrganFinder:
    """Finds organs in CTs as the first pass does before a second one.

    Args:
        model: The first pass.
        sha256: Of its weights.
        organs: Keys of the organs.
        kept: Folder for results; one file per CT, whose name says what it was made from.
    """

    def __init__(self, model: UniversalModel, sha256: str, organs: Sequence[str], kept: Path) -> None:
        options = SegmentOptions(classes=tuple(organs), postprocess="none", locate=False)
        self._segmenter = Segmenter(model, options)
        self._of = f"{sha256} {' '.join(organs)}".encode()
        self._organs, self._kept = tuple(organs), kept

    def find(self, ct: Volume) -> Segmentation:
        """Masks of the organs on the grid of a CT.

        Args:
            ct: HU, finite.

        Raises:
            OutputError: The masks cannot be kept.
        """
        hu = np.ascontiguousarray(ct.voxels)
        told = hashlib.blake2b(self._of + ct.affine.tobytes() + str(hu.dtype).encode(), digest_size=16)
        told.update(hu.reshape(-1).data)
        file = self._kept / f"{told.hexdigest()}.npz"
        try:
            with file.open("rb") as stream, np.load(stream, allow_pickle=False) as found:
                return Segmentation(found["bits"], ct.affine, self._organs)
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            file.unlink()  # damaged: computed again
        made = self._segmenter.segment(ct).subset(self._organs)
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as new:
            np.savez_compressed(new, bits=made.bits)
        return Segmentation(made.bits, ct.affine, self._organs)
