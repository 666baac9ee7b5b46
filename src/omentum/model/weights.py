"""Weights by name or path: found, downloaded once, opened."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch
from filelock import FileLock

from omentum.atomic import write_json
from omentum.errors import CheckpointError, OutputError, UsageError
from omentum.model.catalogue import CatalogueEntry, catalogue, find
from omentum.model.checkpoint import load_checkpoint, save_checkpoint
from omentum.model.downloads.download import Expected, Progress, download
from omentum.model.published import import_published
from omentum.model.universal import UniversalModel


@dataclass(frozen=True)
class Receipt:
    """What was downloaded, from where and when; kept beside the weights.

    Args:
        address: Where from.
        sha256: Of the publisher's file.
        date: ISO 8601, UTC.
        licence: What its user accepted.
    """

    address: str
    sha256: str
    date: str
    licence: str


def load_model(name_or_path: str | Path = "default", device: str | torch.device = "cpu") -> UniversalModel:
    """The model ready to predict, in evaluation mode.

    Args:
        name_or_path: A name of the catalogue (`omentum weights list`) or a `.safetensors` file.
        device: Where its tensors go.

    Raises:
        UsageError: neither a known name nor a file, or weights that have not been pulled yet.
        CheckpointError: see `load_checkpoint`.
    """
    return load_checkpoint(locate(name_or_path)).to(device)


def locate(name_or_path: str | Path) -> Path:
    """The file behind a name or a path; see `load_model` for the errors. No network access."""
    if str(name_or_path) not in catalogue():
        path = Path(name_or_path)
        return path if path.exists() else _neither(path)
    entry = find(str(name_or_path))
    if entry.here:
        return entry.path
    if entry.resource:
        raise CheckpointError(
            "the bundled weights are missing from this installation", source=entry.path, remedy="install omentum again"
        )
    raise UsageError(
        f"the weights {entry.name!r} are not on this machine yet", remedy=f"run `omentum weights pull {entry.name}`"
    )


def pull(name: str, *, licence_accepted: bool = False, progress: Progress | None = None) -> Path:
    """Download named weights once and import them; later calls return at once and need no network.

    Args:
        name: A name of the catalogue.
        licence_accepted: Whether the user has read and accepted the entry's terms.
        progress: Called with bytes received and bytes in total.

    Returns:
        The safetensors file.

    Raises:
        UsageError: unknown name, or the licence was not accepted.
        InputError, OutputError, CheckpointError: see `download` and `import_published`.
    """
    entry = find(name)
    if entry.here or entry.resource:
        return locate(name)
    if not licence_accepted:
        raise UsageError(
            f"the licence of {name!r} ({entry.origin.licence}) must be accepted first", remedy="add --accept-licence"
        )
    folder = entry.path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{name}.lock"):
            return entry.path if entry.here else _fetch(entry, progress)
    except OSError as fault:
        raise OutputError(f"cannot be written: {fault.strerror or fault}", source=folder) from fault


def receipt(entry: CatalogueEntry) -> Receipt | None:
    """What is known of the download, if there was one."""
    path = _receipt_path(entry)
    return Receipt(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def _fetch(entry: CatalogueEntry, progress: Progress | None) -> Path:
    original = entry.path.with_suffix(Path(entry.address).suffix)
    sha256 = download(entry.address, original, Expected(entry.size_bytes, entry.digest), progress)
    try:
        model = import_published(original)
    finally:
        original.unlink()
    note = Receipt(entry.address, sha256, datetime.now(UTC).isoformat(timespec="seconds"), entry.origin.licence)
    write_json(_receipt_path(entry), asdict(note))
    save_checkpoint(entry.path, model)
    return entry.path


def _receipt_path(entry: CatalogueEntry) -> Path:
    return entry.path.with_suffix(".receipt.json")


def _neither(path: Path) -> Path:
    if path.suffix or len(path.parts) > 1:
        raise CheckpointError("no such file", source=path, remedy="see `omentum weights list` for weights with a name")
    find(str(path))
    raise AssertionError("a name of the catalogue is no path")
