"""`omentum export`: models for other runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from omentum.cli.case_warnings import print_case_warnings
from omentum.cli.option_table import Overwrite, Quiet
from omentum.cli.progress import ProgressReporter
from omentum.formatting import size
from omentum.option_fields import Group

app = typer.Typer(help="Models for other runtimes: ONNX.", no_args_is_help=True)


@app.callback()
def export() -> None:
    """Keep `onnx` a subcommand although it is the only one."""


@app.command(epilog="Example: omentum export onnx -o onnx/")
def onnx(
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="FOLDER", help="of model.onnx, model.json", rich_help_panel=Group.OUTPUT),
    ],
    weights: Annotated[str, typer.Option("-w", "--weights", metavar="WEIGHTS", help="a name or a file")] = "default",
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Write a model as an ONNX graph of one window, compared with torch, and model.json with all that surrounds it.

    The graph has the text embeddings of the classes inside and takes the windowed CT on the model grid. model.json says
    how to prepare a CT, blend windows, threshold and clean, and holds names, colours and hashes.
    Needs the extra "export".
    """
    from omentum.export.api import export_onnx

    with print_case_warnings(), ProgressReporter(silent=quiet) as progress:
        found = export_onnx(weights, out, overwrite=overwrite, step=progress.step)
    if quiet:
        return
    agreement = found.agreement
    print(f"{found.graph}: {found.classes} classes, {size(found.size_bytes)}")
    print(
        f"compared with torch in {agreement.runtime}: logits differ by {agreement.largest_difference:.1e} at most "
        f"(largest {agreement.largest_logit:.0f}), masks in {agreement.different_voxels:.1e} of the voxels"
    )
