"""Checks of output paths before any work: formats, and protection of existing files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from omentum.errors import OutputError, UsageError
from omentum.output_checks import check_output
from omentum.result_files import MANIFEST

NOT_WRITTEN = tuple(
    f".{kind}"
    for kind in (
        *("nrrd", "nhdr", "mha", "mhd", "mgz", "mgh", "img", "hdr", "nia", "mnc"),
        *("h5", "bz2", "xz", "gz"),
    )
)
"""Suffixes of unsupported formats; no folder of such a name is created."""
LABEL_MAP_SHA256, MASKS_SHA256 = "label_map_sha256", "masks_sha256"
"""Hashes in the manifest that detect masks changed since they were written."""


def is_single_file(path: str | Path) -> bool:
    """Whether an output path is a single file for the label map."""
    return Path(path).name.lower().endswith((".nii", ".nii.gz"))


def check_labels_alone(path: str | Path, asked: Mapping[str, object]) -> None:
    """Refuse outputs that a single file cannot hold, and unsupported formats.

    Args:
        path: Output path.
        asked: Name of an output other than the label map -> whether it was requested.

    Raises:
        UsageError: the path is a single file but outputs that need a folder are requested; or its suffix is an
            unsupported format.
    """
    if Path(path).name.lower().endswith(NOT_WRITTEN) and not is_single_file(path) and not Path(path).is_dir():
        kind = Path(path).suffix.lstrip(".")
        remedy = "use .nii.gz, which every viewer reads, or give a folder"
        raise UsageError(f"label maps are not written as {kind}", source=path, remedy=remedy)
    wanted = [name for name, on in asked.items() if on]
    if wanted and is_single_file(path):
        raise UsageError(
            f"is one file for the labels alone, no place for {', '.join(wanted)}",
            source=path,
            remedy="give a folder as the output",
        )


def check_case_output(path: str | Path, *, inputs: Iterable[str | Path] = (), overwrite: bool = False) -> None:
    """Refuse an output before the work, see `check_output`; a folder is only replaced if it is an earlier result.

    Raises:
        OutputError: with reason and remedy.
    """
    path = Path(path)
    check_output(path, inputs=inputs, overwrite=overwrite)
    if not os.path.lexists(path):
        return
    if is_single_file(path) == path.is_dir():
        raise OutputError("is a folder" if path.is_dir() else "is not a folder", source=path)
    if path.is_dir() and any(path.iterdir()) and not (path / MANIFEST).is_file():
        raise OutputError("is a folder that holds something else", source=path, remedy="choose another output")
