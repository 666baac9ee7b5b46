"""`--structures FILE`, the same in every command that reads labels or chooses classes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from omentum.anatomy.suggestions import UnknownStructureError

STRUCTURES_HELP = "TOML file of structures beside the packaged ones (docs/how-to/own-structures.md)"


def include(path: Path | None) -> Path | None:
    """Make the structures of a file known, before anything else is done; the path, for the command."""
    if path is not None:
        from omentum.anatomy.structure_file import include_structures

        include_structures(path)
    return path


@contextmanager
def pointing_to_own_structures(command: str) -> Iterator[None]:
    """A name that nothing is known by may be of a user's own table: say how that is given to a command which uses
    `--structures` for something else.

    Raises:
        UnknownStructureError: as it was raised inside, with that remedy added.
    """
    try:
        yield
    except UnknownStructureError as fault:
        own = f"structures of your own: omentum --structures FILE {command} ..."
        fault.remedy = f"{fault.remedy}; {own}" if fault.remedy else own
        raise


StructuresFile = Annotated[
    Path | None, typer.Option("--structures", help=STRUCTURES_HELP, dir_okay=False, callback=include)
]
"""Type of the option; its structures are known when the command begins."""
