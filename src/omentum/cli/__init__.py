"""Command-line interface: one module per command, error messages in one place.

Exit codes: 0 success, 1 internal error, 2 bad input or usage, 3 some cases of a batch failed, 130 interrupted, 141
standard output closed, 143 terminated by SIGTERM.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from omentum.cli import (
    annotate,
    cache,
    classes,
    data,
    doctor,
    encoders,
    evaluate,
    extend,
    lesions,
    phantom,
    segment,
    train,
    weights,
)
from omentum.cli.garbage import leave_at_exit
from omentum.cli.pacs import listen
from omentum.cli.pacs.addresses import refuse_addresses
from omentum.cli.renamed_options import renaming_hint
from omentum.cli.services import mcp, serve
from omentum.cli.signals import unwinding
from omentum.cli.structures_option import StructuresFile
from omentum.cli.terminal import OutputGoneError, safe_output
from omentum.cli.weights import export
from omentum.errors import EndedError, OmentumError

OUR_FAULT = 1
BAD_INPUT = 2
INTERRUPTED = 130
READER_CLOSED = 141
"""Exit code of a shell for a program ended by SIGPIPE."""

app = typer.Typer(
    name="omentum",
    help="Segment the organs and tumours of CT scans, by the words for them.",
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog="Example: omentum segment ct.nii.gz -o out/ --classes liver,kidneys")(segment.segment)
app.command(epilog="Example: omentum doctor ct.nii.gz")(doctor.doctor)
app.command(epilog="Example: omentum classes -w mine.safetensors")(classes.classes)
app.add_typer(weights.app, name="weights")
app.add_typer(data.app, name="data")
app.command(epilog="Example: omentum phantom -n 4 -o cases/")(phantom.phantom)
app.command(epilog="Example: omentum train compact --data store/ --split splits.json -o runs/mine")(train.train)
app.command(
    epilog='Example: omentum extend --from default --add "vermiform appendix" --data my.toml -o new.safetensors'
)(extend.extend)
app.command(epilog="Example: omentum evaluate out/ truths/ --html page.html")(evaluate.evaluate)
app.add_typer(annotate.app, name="annotate")
app.add_typer(lesions.app, name="lesions")
app.command(epilog="Example: omentum listen -o out/ --send-to PACS@127.0.0.1:4242")(listen.listen)
app.command(epilog="Example: omentum serve")(serve.serve)
app.command(epilog="Example: omentum mcp --root scans/ -o results/")(mcp.mcp)
app.add_typer(export.app, name="export")
app.add_typer(encoders.app, name="encoders")
app.add_typer(cache.app, name="cache")

# Base class of all usage errors; typer has no public name for it.
_BadCommandLine: type[Exception] = typer.BadParameter.__mro__[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; entry point of `omentum`.

    Args:
        arguments: Arguments without the program name; those of the process by default.
    """
    arguments, debug = _without_debug(sys.argv[1:] if arguments is None else arguments)
    os.environ["MPLBACKEND"] = "agg"  # no window is opened; a notebook may set a backend that is not installed
    leave_at_exit()
    try:
        with safe_output(), unwinding():
            return _run(arguments, debug)
    except OutputGoneError as fault:
        if fault.closed:
            return READER_CLOSED
        return _answer(f"standard output cannot be written: {fault} (files are complete)", BAD_INPUT, debug)
    except EndedError as fault:
        return fault.exit_code


def _run(arguments: Sequence[str], debug: bool) -> int:
    try:
        refuse_addresses(arguments)
        code = app(args=arguments or ["--help"], prog_name="omentum", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except OmentumError as fault:
        return _answer(str(fault), fault.exit_code, debug)
    except OutputGoneError:
        raise
    except _BadCommandLine as fault:
        message = fault.format_message().rstrip(".").replace(" Value error,", "")  # type: ignore[attr-defined]
        hint = renaming_hint(arguments, message) or "see omentum --help"
        return _answer(f"{message} ({hint})", BAD_INPUT, debug)
    except Exception as fault:
        return _answer(f"internal fault: {type(fault).__name__}: {fault} (run again with --debug)", OUR_FAULT, debug)


def _without_debug(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """Remove `--debug`, accepted anywhere before `--` for convenience."""
    end = list(arguments).index("--") if "--" in arguments else len(arguments)
    options = [a for a in arguments[:end] if a != "--debug"]
    return [*options, *arguments[end:]], len(options) < end


def _answer(message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    print(f"error: {one_line(message)}", file=sys.stderr)
    return code


def one_line(message: str) -> str:
    """Collapse all white space of a message to single spaces."""
    return " ".join(message.split())


@app.callback(invoke_without_command=True)
def _options(
    version: Annotated[bool, typer.Option("-V", "--version", help="Show the version and leave.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback after an error.")] = False,
    structures: StructuresFile = None,
) -> None:
    if version:
        from importlib.metadata import version as installed

        print(f"omentum {installed('omentum')}")
        raise typer.Exit
