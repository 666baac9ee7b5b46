"""`omentum weights specialise`: some classes as weights compute them that were trained further for these alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from omentum.cli.option_table import Overwrite


def specialise(
    name_or_file: Annotated[str, typer.Argument(help="a name of omentum weights list, or a file")],
    specialist: Annotated[Path, typer.Argument(help="weights trained from it, of the same network", dir_okay=False)],
    classes: Annotated[list[str], typer.Argument(metavar="NAME...", help="classes to take from these")],
    *,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="the .safetensors file to write")],
    overwrite: Overwrite = False,
) -> None:
    """Write weights in which some classes are those of a specialist and all others stay as they are.

    Where classes of both kinds are wanted, every window passes the network twice.
    """
    from omentum.cli.weights.output import check_new
    from omentum.cli.words import said_keys
    from omentum.model.checkpoint import load_checkpoint, save_checkpoint
    from omentum.model.growth.specialist import with_specialist
    from omentum.model.weights import locate

    source = locate(name_or_file)
    check_new(out, overwrite, source)
    check_new(out, overwrite, specialist)
    keys = list(dict.fromkeys(key for name in classes for key in said_keys(name)))
    model = with_specialist(load_checkpoint(source), load_checkpoint(specialist), keys)
    save_checkpoint(out, model)
    print(f"{out}: {', '.join(keys)} from {specialist}")
