"""Files that a segmentation would write, and how much room they take."""

from __future__ import annotations

from omentum.io.label_names import ITK_SNAP, SLICER
from omentum.pipeline.options import SaveOptions, SegmentOptions
from omentum.result_files import LABEL_MAP, LESIONS, MANIFEST, MASKS, MEASUREMENTS, PROBABILITIES

CASE_BYTES = 40_000_000
"""Of masks, measurements, report and preview; 512 x 512 x 300 with 32 structures writes about half of it."""
MASK_BYTES = 500_000
"""Of a compressed mask."""
PROBABILITY_SHARE = 0.1
"""Of the bytes of probability maps, what compression leaves."""


def expected_outputs(options: SegmentOptions, save: SaveOptions) -> tuple[str, ...]:
    """Names of the files in a case folder."""
    names = [MASKS, LABEL_MAP, ITK_SNAP, SLICER, MEASUREMENTS, LESIONS, MANIFEST]
    names += ["report.html"] if save.report else []
    names += ["preview.png"] if save.preview else []
    names += ["masks/<structure>.nii.gz"] if save.masks else []
    names += [f"meshes/<structure>.{save.meshes}"] if save.meshes else []
    names += ["statistics.json"] if save.statistics else []
    names += [f"{PROBABILITIES}/<structure>.nii.gz"] if options.probabilities else []
    return tuple(names)


def expected_bytes(options: SegmentOptions, save: SaveOptions, voxels: int, classes: int) -> int:
    """Room that the files take, generously."""
    room = CASE_BYTES + (MASK_BYTES * classes if save.masks else 0)
    if options.probabilities is not None:
        room += int(PROBABILITY_SHARE * voxels * classes * (2 if options.probabilities == "uint16" else 1))
    return room
