"""`omentum mcp`: a server for language models."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from omentum.cli.option_table import with_options
from omentum.cli.structures_option import StructuresFile
from omentum.errors import MissingDependencyError
from omentum.option_fields import Group
from omentum.pipeline.batch.options import WeightsChoice
from omentum.pipeline.options import SegmentOptions


@with_options
def mcp(
    *,
    root: Annotated[
        list[Path],
        typer.Option("--root", metavar="DIR", help="may be read; repeatable", rich_help_panel=Group.INPUT),
    ],
    out: Annotated[
        Path, typer.Option(*("-o", "--out"), metavar="DIR", help="for results", rich_help_panel=Group.OUTPUT)
    ],
    options: SegmentOptions,
    chosen: WeightsChoice,
    own: StructuresFile = None,
) -> None:
    """Serve the Model Context Protocol on standard input and output.

    Language models can then segment CTs, measure, compare lesions and look up
    structures: docs/how-to/mcp.md. Only files below --root and the output folder
    are read; results are written below the output folder. Nothing is sent over
    the network. Not a medical device.
    """
    if find_spec("mcp") is None:
        raise MissingDependencyError("the MCP server needs the package mcp", remedy="pip install 'omentum[mcp]'")
    from omentum.mcp.places import Places
    from omentum.mcp.server import serve
    from omentum.mcp.tools import Tools

    serve(Tools(Places(root, out), chosen.weights, options))
