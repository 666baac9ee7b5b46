"""Files that Omentum keeps on this machine, by kind: networks compiled, weights, text encoders, embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from omentum.home import COMPILED, EMBEDDINGS, ENCODERS, WEIGHTS, home

KINDS = {
    "compiled": (COMPILED, "networks compiled for this processor; made again in seconds"),
    "weights": (WEIGHTS, "weights that were pulled; pulled again on demand, bundled ones are not among them"),
    "encoders": (ENCODERS, "text encoders that were pulled; pulled again on demand"),
    "embeddings": (EMBEDDINGS, "embeddings of prompts; computed again where their text encoder is"),
}
"""What can be cleared -> its folder below the home folder, and a description."""


@dataclass(frozen=True)
class Kept:
    """Cached files of one kind.

    Args:
        kind: A key of `KINDS`.
        files: Number of files.
        size_bytes: Total size.
        folder: Folder that contains them.
        what: Description.
    """

    kind: str
    files: int
    size_bytes: int
    folder: str
    what: str


def kept(kind: str) -> Kept:
    """Number and size of the files of a kind."""
    folder, what = KINDS[kind]
    sizes = [path.stat().st_size for path in kept_files(kind)]
    return Kept(kind, len(sizes), sum(sizes), str(home() / folder), what)


def kept_files(kind: str) -> list[Path]:
    """Our files in the folder, by name: `OMENTUM_HOME` may also contain other files."""
    from omentum.model.catalogue import catalogue

    folder = home() / KINDS[kind][0]
    if kind == "compiled":
        return sorted(folder.glob("*.blob"))
    if kind == "embeddings":
        return sorted(folder.glob("*/*.safetensors"))
    if kind == "encoders":  # whole ones have a receipt, downloads under way a name of ours
        ours = (*(path.parent for path in folder.glob("*/receipt.json")), *folder.glob(".*.part"))
        return sorted({path for one in ours for path in one.rglob("*") if path.is_file()})
    names = [entry.path.name for entry in catalogue().values() if not entry.resource]
    return sorted(path for name in names for path in folder.glob(f"{name}*") if path.is_file())
