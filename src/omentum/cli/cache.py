"""`omentum cache`: size and removal of files that Omentum keeps on this machine."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from omentum.cli.option_table import Json, Quiet
from omentum.errors import OutputError
from omentum.home import COMPILED, EMBEDDINGS, ENCODERS, HOME_VARIABLE, WEIGHTS, home
from omentum.schemas import Schema, stamped

app = typer.Typer(help="What is kept on this machine: list it with sizes, clear it.", no_args_is_help=True)

KINDS = {
    "compiled": (COMPILED, "networks compiled for this processor; made again in seconds"),
    "weights": (WEIGHTS, "weights that were pulled; pulled again on demand, bundled ones are not among them"),
    "encoders": (ENCODERS, "text encoders that were pulled; pulled again on demand"),
    "embeddings": (EMBEDDINGS, "embeddings of prompts; computed again where their text encoder is"),
}
"""What can be cleared -> its folder below the home folder, and a description."""


class Kind(StrEnum):
    """Kinds of files that `omentum cache clear` can remove."""

    COMPILED = "compiled"
    WEIGHTS = "weights"
    ENCODERS = "encoders"
    EMBEDDINGS = "embeddings"
    ALL = "all"


_STEPS = ("B", "kB", "MB", "GB", "TB")


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


@app.command("list", epilog="Example: omentum cache list")
def list_kept(as_json: Json = False) -> None:
    """List cached files by kind: folder, number and size. OMENTUM_HOME replaces ~/.cache/omentum."""
    kept = [_kept(kind) for kind in KINDS]
    if as_json:
        content = {"home": str(home()), "kept": [asdict(one) for one in kept]}
        print(json.dumps(stamped(Schema.CACHE, content), indent=1))
        return
    print(f"{home()} (set {HOME_VARIABLE} for another folder)")
    for one in kept:
        print(f"{one.kind:<12}{one.files:>6} files {readable(one.size_bytes):>10}  {one.what}")


@app.command(epilog="Example: omentum cache clear all")
def clear(
    kind: Annotated[Kind, typer.Argument(help="what to remove")] = Kind.COMPILED,
    quiet: Quiet = False,
) -> None:
    """Remove compiled networks and, if requested, other files that can be made or fetched again; never results."""
    for name in KINDS:
        if kind not in (name, Kind.ALL):
            continue
        one, files = _kept(name), _files(name)
        for file in files:
            try:
                file.unlink(missing_ok=True)
            except OSError as fault:
                raise OutputError(f"cannot be removed: {fault.strerror or fault}", source=file) from fault
        for folder in (*sorted({file.parent for file in files}, reverse=True), Path(one.folder)):
            with suppress(OSError):  # missing, or contains files of others
                folder.rmdir()
        if not quiet:
            print(f"{one.kind}: {one.files} files removed, {readable(one.size_bytes)}")


def _kept(kind: str) -> Kept:
    folder, what = KINDS[kind]
    sizes = [path.stat().st_size for path in _files(kind)]
    return Kept(kind, len(sizes), sum(sizes), str(home() / folder), what)


def _files(kind: str) -> list[Path]:
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


def readable(size_bytes: float) -> str:
    """Human-readable size, such as 15.7 MB."""
    for unit in _STEPS[:-1]:
        if size_bytes < 1000:
            return f"{size_bytes:.1f} {unit}" if unit != "B" else f"{size_bytes:.0f} B"
        size_bytes /= 1000
    return f"{size_bytes:.1f} {_STEPS[-1]}"
