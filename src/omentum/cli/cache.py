"""`omentum cache`: size and removal of files that Omentum keeps on this machine."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from omentum.cli.option_table import Json, Quiet
from omentum.doctor.kept_files import KINDS, kept, kept_files
from omentum.errors import OutputError
from omentum.formatting import size
from omentum.home import HOME_VARIABLE, home
from omentum.schemas import Schema, stamped

app = typer.Typer(help="What is kept on this machine: list it with sizes, clear it.", no_args_is_help=True)


class Kind(StrEnum):
    """Kinds of files that `omentum cache clear` can remove."""

    COMPILED = "compiled"
    WEIGHTS = "weights"
    ENCODERS = "encoders"
    EMBEDDINGS = "embeddings"
    ALL = "all"


@app.command("list", epilog="Example: omentum cache list")
def list_kept(as_json: Json = False) -> None:
    """List cached files by kind: folder, number and size. OMENTUM_HOME replaces ~/.cache/omentum."""
    found = [kept(kind) for kind in KINDS]
    if as_json:
        content = {"home": str(home()), "kept": [asdict(one) for one in found]}
        print(json.dumps(stamped(Schema.CACHE, content), indent=1))
        return
    print(f"{home()} (set {HOME_VARIABLE} for another folder)")
    for one in found:
        print(f"{one.kind:<12}{one.files:>6} files {size(one.size_bytes):>10}  {one.what}")


@app.command(epilog="Example: omentum cache clear all")
def clear(
    kind: Annotated[Kind, typer.Argument(help="what to remove")] = Kind.COMPILED,
    quiet: Quiet = False,
) -> None:
    """Remove compiled networks and, if requested, other files that can be made or fetched again; never results."""
    for name in KINDS:
        if kind not in (name, Kind.ALL):
            continue
        one, files = kept(name), kept_files(name)
        for file in files:
            try:
                file.unlink(missing_ok=True)
            except OSError as fault:
                raise OutputError(f"cannot be removed: {fault.strerror or fault}", source=file) from fault
        for folder in (*sorted({file.parent for file in files}, reverse=True), Path(one.folder)):
            with suppress(OSError):  # missing, or contains files of others
                folder.rmdir()
        if not quiet:
            print(f"{one.kind}: {one.files} files removed, {size(one.size_bytes)}")
