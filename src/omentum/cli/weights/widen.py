"""`omentum weights widen`: room for new structures in trained weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from omentum.cli.option_table import Overwrite


def widen(
    name_or_file: Annotated[str, typer.Argument(help="a name of omentum weights list, or a file")],
    *,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="the .safetensors file to write")],
    decoded_channels: Annotated[int, typer.Option(help="channels of the full-resolution feature", min=1)] = 32,
    head_channels: Annotated[int, typer.Option(help="channels of the generated layers", min=1)] = 16,
    seed: Annotated[int, typer.Option(help="of the new weights", min=0)] = 0,
    noise: Annotated[float, typer.Option(help="by which copied channels differ; 0: computes the same", min=0.0)] = 0.05,
    overwrite: Overwrite = False,
) -> None:
    """Write a copy of a residual_unet with more channels before and in its head, which computes nearly the same.

    Train it further with init = FILE and the same decoded_channels and head_channels.
    """
    from omentum.cli.weights.output import check_new
    from omentum.model.checkpoint import load_checkpoint, save_checkpoint
    from omentum.model.growth.widen import widened
    from omentum.model.weights import locate

    source = locate(name_or_file)
    check_new(out, overwrite, source)
    model = widened(load_checkpoint(source), decoded_channels, head_channels, seed, noise)
    save_checkpoint(out, model)
    print(f"{out}: {decoded_channels} decoded channels, {head_channels} in the head")
