"""Provenance of a result as JSON values: what is needed to reproduce or question it, and nothing about the patient."""

from __future__ import annotations

import hashlib
import os
import platform
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from omentum.errors import InputError, printable
from omentum.infer.device import describe_device
from omentum.io.case_names import case_name
from omentum.model import UniversalModel
from omentum.model.state import state_sha256
from omentum.volume import Volume


@dataclass(frozen=True)
class CaseName:
    """Name of a CT in all of its results.

    Args:
        case: Case name; "" for a volume in memory.
        file: Name of its file or folder; None if it must not be disclosed.
    """

    case: str
    file: str | None

    @classmethod
    def of_image(cls, image: Any) -> CaseName:
        """Name of an image after its file; "" for an image in memory."""
        if not isinstance(image, (str, os.PathLike)):
            return cls("", None)
        return cls(case_name(os.fspath(image)), printable(Path(os.path.normpath(Path(image).absolute())).name))


def describe_input(image: str | os.PathLike[str] | Volume, ct: Volume, name: CaseName) -> dict[str, Any]:
    """Describe the CT: name, hash, grid, and of DICOM the frame of reference and what was left out.

    The hash is that of the file, or of the voxels of a volume in memory. The frame of reference is a hash that is equal
    for images in the same space.
    """
    order = ct.header.get("dicom")
    frame, left_out = getattr(order, "frame", None), getattr(order, "left_out", {})
    where = {"shape": ct.shape, "spacing_mm": ct.spacing_mm, "orientation": ct.orientation, "frame_of_reference": frame}
    if isinstance(image, Volume):
        sha256 = hashlib.sha256(np.ascontiguousarray(image.voxels).view(np.uint8).data).hexdigest()
    else:
        sha256 = sha256_of(Path(image))
    beside = {"left_out": dict(left_out)} if left_out else {}
    return {"case": name.case, "file": name.file, "sha256": sha256, **where, **beside}


def sha256_of(path: Path) -> str:
    """SHA-256 of a file; for a folder, the hash of the sorted hashes of its files, independent of names and order.

    Raises:
        InputError: the path does not exist, cannot be read, or is a pipe or device.
    """
    if path.is_dir():
        return sha256_of_files(file for file in path.rglob("*") if file.is_file())
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError("is a pipe or device, not a file", source=path)
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as fault:
        raise InputError(fault.strerror or str(fault), source=path) from fault


def sha256_of_files(files: Iterable[Path]) -> str:
    """The hash of a folder with these files; see `sha256_of`."""
    return hashlib.sha256("".join(sorted(map(sha256_of, files))).encode()).hexdigest()


def describe_weights(weights: str | Path | UniversalModel, model: UniversalModel) -> dict[str, Any]:
    """Identify weights by a hash of their values, not only by name."""
    state = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
    return {
        "name": Path(weights).name if isinstance(weights, (str, Path)) else None,
        "sha256": state_sha256(state),
        "classes_sha256": model.spec.classes_sha256,
        "backbone": model.spec.model.backbone,
        "licence": model.spec.licence,
        "citation": model.spec.citation,
        **({"structures": dict(model.spec.structures)} if model.spec.structures else {}),
    }


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Software versions, date and device."""
    return {
        "versions": {
            "omentum": version("omentum"),
            "python": platform.python_version(),
            **{name: version(name) for name in ("torch", "monai", "numpy")},
        },
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": {"type": device.type, "name": describe_device(device)},
    }
