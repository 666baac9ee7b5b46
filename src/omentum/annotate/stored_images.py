"""CTs of a store as files, for the commands that predict files."""

from __future__ import annotations

import json
from pathlib import Path

from omentum.atomic import write_json
from omentum.data.store.store import Store
from omentum.errors import OmentumError
from omentum.io.nifti import write_volume
from omentum.progress import ProgressListener
from omentum.volume import Volume

KEPT = "made_from.json"
"""Hashes of the stored cases beside their files."""


def write_images(store: Store, images: Path, progress: ProgressListener) -> dict[str, str]:
    """Write the CT of each case on the grid of the store, as `stored_image`; those of the same stored case are kept.

    A case that was prepared again is written again: the store may lie on another grid now.

    Returns:
        Case name -> error, for cases that cannot be read or written.
    """
    failed: dict[str, str] = {}
    kept = _kept(images)
    for number, case in enumerate(store.cases, start=1):
        target = stored_image(images, case.name)
        if target.is_file() and kept.get(case.name) == case.key.text:
            continue
        progress.begin(f"{case.name}: reading", number, len(store.cases))
        try:
            write_volume(target, Volume(store.read(case).hu, case.grid.affine))
            kept[case.name] = case.key.text
            write_json(images / KEPT, kept)
        except OmentumError as fault:
            failed[case.name] = str(fault)
            progress.say("error", str(fault))
    return failed


def _kept(images: Path) -> dict[str, str]:
    """Case name -> hashes of what its file was made from; one that cannot be read keeps nothing."""
    try:
        found = json.loads((images / KEPT).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def stored_image(images: Path, case: str) -> Path:
    """File of the CT of a case."""
    return images / f"{case}.nii.gz"
