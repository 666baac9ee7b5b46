"""`omentum listen`: a storage service that segments what a PACS or a scanner sends to it."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Annotated

import typer

from omentum.cli.garbage import importing
from omentum.cli.option_table import with_options
from omentum.cli.structures_option import StructuresFile
from omentum.errors import silence_library_warnings
from omentum.option_fields import Group
from omentum.pacs.options import ListenOptions
from omentum.pipeline.batch.options import WeightsChoice
from omentum.pipeline.options import SaveOptions, SegmentOptions


@with_options
def listen(
    *,
    out: Annotated[
        Path | None,
        typer.Option(*("-o", "--out"), metavar="DIR", help="keep results as DIR/<case>/", rich_help_panel=Group.OUTPUT),
    ] = None,
    listening: ListenOptions,
    options: SegmentOptions,
    chosen: WeightsChoice,
    save: SaveOptions,
    own: StructuresFile = None,
) -> None:
    """Receive CT series by C-STORE, segment them, send the results back.

    A series is segmented when its sender has left or sends nothing more. It is
    deleted after its results were kept or sent; a series that fails is logged
    and never stops the service. Logs name no patient. Ctrl-C or SIGTERM ends it.

    Only this machine can connect, unless --host names another address and
    --allow the AE titles that may send. Not a medical device.
    """
    with importing():
        from omentum.pacs.listener import Listener
        from omentum.pipeline.segmenter import Segmenter

    with silence_library_warnings():  # of pydicom, which quote what was sent
        listener = Listener(listening, Segmenter(chosen.weights, options), save, out, _say)
        listener.serve(threading.Event(), lambda port: _say(f"{listening.aet} listens at {listening.host}:{port}"))


def _say(line: str) -> None:
    typer.echo(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}", err=True)
