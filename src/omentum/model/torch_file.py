"""Tensors by name out of a file that `torch.save` wrote, without running anything in it."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from omentum.errors import CheckpointError
from omentum.model.safetensors_file import HOSTILE, refuse_disguise, starts_with


def read_torch_file(path: Path, containers: Sequence[str]) -> Mapping[str, Tensor]:
    """The tensors of a network, on the CPU, by the names in the file.

    Args:
        path: Written by `torch.save`: a dictionary of tensors, or one that holds it under one of `containers`.
        containers: Entries that may hold the dictionary of tensors, tried in this order, at any depth.

    Raises:
        CheckpointError: unsafe, damaged, not a PyTorch file, or without a network.
    """
    content = _unpickled(path)
    while isinstance(content, dict) and (found := [key for key in containers if isinstance(content.get(key), dict)]):
        content = content[found[0]]
    if not isinstance(content, dict) or not content:
        raise CheckpointError("holds no network: no tensors by name", source=path)
    strangers = [name for name, value in content.items() if not isinstance(value, Tensor) or not isinstance(name, str)]
    if strangers:
        raise CheckpointError(
            f"holds no network: {len(strangers)} entries are not tensors, first {str(strangers[0])!r}", source=path
        )
    return content


def is_torch_file(path: Path) -> bool:
    """Whether the first bytes are those of a PyTorch file or another pickle.

    Raises:
        CheckpointError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as fault:
        raise CheckpointError(f"cannot be read: {fault.strerror}", source=path) from fault
    return _is_hostile(start)


def _is_hostile(start: bytes) -> bool:
    return any(starts_with(start, signature) for signature in HOSTILE)


def _unpickled(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            start = file.read(64)
        if not _is_hostile(start):
            refuse_disguise(start, path)
            raise CheckpointError("not a PyTorch file", source=path, remedy="safetensors files need no import")
        _check_archive(start, path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as fault:
        raise CheckpointError(
            "not a safe checkpoint: it asks for code to be run, or is damaged", source=path
        ) from fault
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, AttributeError, TypeError) as fault:
        if isinstance(fault, OSError) and fault.filename is not None:
            raise CheckpointError(f"cannot be read: {fault.strerror}", source=path) from fault
        raise CheckpointError("damaged or incomplete PyTorch file", source=path, remedy="download it again") from fault


def _check_archive(start: bytes, path: Path) -> None:
    """PyTorch stores its entries uncompressed; an archive that would grow when opened is refused."""
    if not start.startswith(b"PK"):
        return
    try:
        entries = zipfile.ZipFile(path).infolist()
    except zipfile.BadZipFile as fault:
        raise CheckpointError("damaged or incomplete PyTorch file", source=path, remedy="download it again") from fault
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries) or (
        sum(entry.file_size for entry in entries) > path.stat().st_size
    ):
        raise CheckpointError("not a safe checkpoint: a compressed archive", source=path)
