"""`omentum weights average`: writes the mean of several weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from omentum.cli.case_warnings import print_case_warnings
from omentum.cli.option_table import Overwrite, Quiet, with_options
from omentum.option_fields import Group
from omentum.train.soup_options import SoupOptions


@with_options
def average(
    weights: Annotated[list[str], typer.Argument(metavar="WEIGHTS...", help="names or files, at least two")],
    *,
    out: Annotated[
        Path,
        typer.Option(
            *("-o", "--out"),
            metavar="FILE",
            help="the .safetensors file to write",
            rich_help_panel=Group.OUTPUT,
        ),
    ],
    options: SoupOptions,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Write one network with the mean of the weights of several (a soup).

    Useful for runs that started from the same weights. The result costs as much as one network and has to be evaluated,
    because its trust is unknown. omentum segment --average weights does the same without a file.
    """
    from omentum.cli.train.progress import TrainProgress
    from omentum.train.soup import average_weights

    with print_case_warnings(), TrainProgress(0, silent=quiet) as progress:
        soup = average_weights(weights, out, options=options, overwrite=overwrite, progress=progress)
    if quiet:
        return
    left_out = f"; left out: {', '.join(soup.left_out)}" if soup.left_out else ""
    print(f"{soup.path}: mean of {', '.join(soup.members)}{left_out}")
    if soup.dice is not None:
        best = max(soup.member_dice.values())
        print(f"mean Dice of the check: {soup.dice:.4f}; the best of them alone: {best:.4f}")
