"""`--structures FILE`, the same in every command that reads labels or chooses classes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

STRUCTURES_HELP = "TOML file of structures beside the packaged ones (docs/how-to/own-structures.md)"


def include(path: Path | None) -> Path | None:
    """Make the structures of a file known, before anything else is done; the path, for the command."""
    if path is not None:
        from omentum.anatomy.structure_file import include_structures

        include_structures(path)
    return path


StructuresFile = Annotated[
    Path | None, typer.Option("--structures", help=STRUCTURES_HELP, dir_okay=False, callback=include)
]
"""Type of the option; its structures are known when the command begins."""
