"""CTs of a store as files, for the commands that predict files."""

from __future__ import annotations

from pathlib import Path

from omentum.data.store.store import Store
from omentum.errors import OmentumError
from omentum.io.nifti import write_volume
from omentum.progress import ProgressListener
from omentum.volume import Volume


def write_images(store: Store, images: Path, progress: ProgressListener) -> dict[str, str]:
    """Write the CT of each case on the grid of the store, as `stored_image`; those that are there already are kept.

    Returns:
        Case name -> error, for cases that cannot be read or written.
    """
    failed = {}
    for number, case in enumerate(store.cases, start=1):
        target = stored_image(images, case.name)
        if target.is_file():
            continue
        progress.begin(f"{case.name}: reading", number, len(store.cases))
        try:
            write_volume(target, Volume(store.read(case).hu, case.grid.affine))
        except OmentumError as fault:
            failed[case.name] = str(fault)
            progress.say("error", str(fault))
    return failed


def stored_image(images: Path, case: str) -> Path:
    """File of the CT of a case."""
    return images / f"{case}.nii.gz"
