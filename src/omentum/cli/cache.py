"""`omentum cache`: what Omentum keeps on this machine, how much room it takes, and getting rid of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from omentum.errors import OutputError, UsageError
from omentum.home import COMPILED, HOME_VARIABLE, WEIGHTS, home

app = typer.Typer(help="What is kept on this machine: list it with sizes, clear it.", no_args_is_help=True)

KINDS = {
    "compiled": (COMPILED, "networks compiled for this processor; made again in seconds"),
    "weights": (WEIGHTS, "weights that were pulled; pulled again on demand, bundled ones are not among them"),
}
"""What can be cleared -> its folder below the home, and what it is."""
_STEPS = ("B", "kB", "MB", "GB", "TB")


@dataclass(frozen=True)
class Kept:
    """One kind of what is kept.

    Args:
        kind: A key of `KINDS`.
        files: How many.
        size_bytes: All of them together.
        folder: Where they lie.
        what: In words.
    """

    kind: str
    files: int
    size_bytes: int
    folder: str
    what: str


@app.command("list")
def list_kept(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False) -> None:
    """Folders, numbers of files and sizes; OMENTUM_HOME names another place than ~/.cache/omentum."""
    kept = [_kept(kind) for kind in KINDS]
    if as_json:
        print(json.dumps({"home": str(home()), "kept": [asdict(one) for one in kept]}, indent=1))
        return
    print(f"{home()} (set {HOME_VARIABLE} for another folder)")
    for one in kept:
        print(f"{one.kind:<10}{one.files:>6} files {readable(one.size_bytes):>10}  {one.what}")


@app.command()
def clear(
    kind: Annotated[str, typer.Argument(help="compiled, weights or all", show_default=True)] = "compiled",
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")] = False,
) -> None:
    """Remove what is kept: compiled networks, or pulled weights too. Results are never touched."""
    if kind not in (*KINDS, "all"):
        raise UsageError(f"nothing kept is called {kind!r}", remedy=f"use {', '.join(KINDS)} or all")
    for one in [_kept(name) for name in KINDS if kind in (name, "all")]:
        try:
            shutil.rmtree(one.folder)
        except FileNotFoundError:
            pass
        except OSError as fault:
            raise OutputError(f"cannot be removed: {fault.strerror or fault}", source=one.folder) from fault
        if not quiet:
            print(f"{one.kind}: {one.files} files removed, {readable(one.size_bytes)}")


def _kept(kind: str) -> Kept:
    name, what = KINDS[kind]
    folder = home() / name
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    return Kept(kind, len(sizes), sum(sizes), str(Path(folder)), what)


def readable(size_bytes: float) -> str:
    """A size as people write it: 15.7 MB."""
    for unit in _STEPS[:-1]:
        if size_bytes < 1000:
            return f"{size_bytes:.1f} {unit}" if unit != "B" else f"{size_bytes:.0f} B"
        size_bytes /= 1000
    return f"{size_bytes:.1f} {_STEPS[-1]}"
