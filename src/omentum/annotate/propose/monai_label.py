"""A round as the local data store of MONAI Label: CTs beside `labels/original/` with the proposals.

MONAI Label reads images from the folder it is started with, labels that a person finished from `labels/final/` and
those a model made from `labels/original/`; each is named after its image. It makes an index of its own when it starts.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from omentum.annotate.propose.proposals import CaseProposal
from omentum.annotate.round_folder import CASES, MONAI_LABEL
from omentum.atomic import replacing, replacing_by_name
from omentum.errors import OutputError
from omentum.io.case_names import is_nifti_name
from omentum.io.detect import load_volume
from omentum.io.nifti import write_volume

ORIGINAL, FINAL = "labels/original", "labels/final"


def write_monai_label(folder: Path, proposals: Iterable[CaseProposal]) -> Path:
    """Write the data store; CTs are linked where the file system can, else copied.

    Args:
        folder: Folder of the round.
        proposals: Finished proposals.

    Returns:
        The data store.

    Raises:
        OutputError: something cannot be written.
    """
    place = folder / MONAI_LABEL
    for name in (ORIGINAL, FINAL):
        (place / name).mkdir(parents=True, exist_ok=True)
    for proposal in proposals:
        _put_image(Path(proposal.ct), place / f"{proposal.case}.nii.gz")
        with replacing(place / ORIGINAL / f"{proposal.case}.nii.gz") as file:
            file.write((folder / CASES / proposal.case / "labels.nii.gz").read_bytes())
    return place


def _put_image(source: Path, target: Path) -> None:
    if target.exists():
        return
    if not is_nifti_name(source) or not source.name.endswith(".gz"):
        write_volume(target, load_volume(source))
        return
    try:
        with replacing_by_name(target) as temporary:
            try:
                os.link(source, temporary)
            except OSError:
                shutil.copyfile(source, temporary)
    except OSError as fault:
        raise OutputError(f"cannot be written: {fault.strerror or fault}", source=target) from fault
