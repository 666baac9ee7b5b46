"""`--structures FILE`, common to all commands that read labels or select classes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from omentum.anatomy.suggestions import UnknownStructureError
from omentum.errors import UsageError
from omentum.option_fields import Group

STRUCTURES_HELP = "TOML file of structures beside the packaged ones (docs/how-to/own-structures.md)"


def include(path: Path | None) -> Path | None:
    """Register the structures of a file before the command runs; returns the path."""
    if path is not None:
        if not path.exists():
            remedy = "structures to find or to evaluate are named by --classes"
            raise UsageError("no such file of structures", source=path, remedy=remedy)
        from omentum.anatomy.structure_file import include_structures

        include_structures(path)
    return path


@contextmanager
def pointing_to_own_structures() -> Iterator[None]:
    """Extend the error for an unknown name with how to define own structures.

    Raises:
        UnknownStructureError: the error raised in the block, with this remedy added.
    """
    try:
        yield
    except UnknownStructureError as fault:
        own = "structures of your own: --structures FILE"
        fault.remedy = f"{fault.remedy}; {own}" if fault.remedy else own
        raise


StructuresFile = Annotated[
    Path | None,
    typer.Option(
        "--structures",
        metavar="FILE",
        help=STRUCTURES_HELP,
        dir_okay=False,
        callback=include,
        rich_help_panel=Group.INPUT,
    ),
]
"""Type of the option; its structures are registered before the command runs."""
