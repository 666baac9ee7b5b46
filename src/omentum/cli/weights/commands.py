"""`omentum weights`: list, download, import and inspect weights."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omentum.cli.case_warnings import print_case_warnings
from omentum.cli.option_table import Json, Overwrite
from omentum.cli.weights.average import average
from omentum.cli.weights.output import check_new
from omentum.cli.weights.specialise import specialise
from omentum.cli.weights.trust import set_trust
from omentum.cli.weights.widen import widen
from omentum.schemas import Schema, stamped
from omentum.spec import USUAL_THRESHOLD, Trust

if TYPE_CHECKING:
    from omentum.model.catalogue import CatalogueEntry

app = typer.Typer(help="List, fetch, import and inspect model weights.", no_args_is_help=True)
app.command(
    "set-trust", epilog="Example: omentum weights set-trust mine.safetensors weak liver=reliable -o judged.safetensors"
)(set_trust)
app.command(
    "specialise",
    epilog="Example: omentum weights specialise wide.safetensors mine.safetensors tumours -o new.safetensors",
)(specialise)
app.command("widen", epilog="Example: omentum weights widen default -o wide.safetensors")(widen)

app.command(epilog="Example: omentum weights average a.safetensors b.safetensors -o soup.safetensors")(average)


@app.command("list", epilog="Example: omentum weights list")
def list_weights(as_json: Json = False) -> None:
    """List the named weights, and whether they are on this machine."""
    from omentum.model.catalogue import catalogue

    rows = [_row(entry) for entry in catalogue().values()]
    if as_json:
        print(json.dumps(stamped(Schema.WEIGHTS_LIST, {"weights": rows}), indent=1))
        return
    for row in rows:
        place = "here" if row["here"] else "to pull" if row["address"] else "missing"
        print(f"{row['name']:<28}{place:<9}{row['licence']:<18}{row['title']}")


@app.command(epilog="Example: omentum weights pull clip-universal-unet")
def pull(
    name: Annotated[str, typer.Argument(help="a name of omentum weights list")],
    accept_licence: Annotated[bool, typer.Option("--accept-licence", help="you have read and accept it")] = False,
) -> None:
    """Download published weights once; an interrupted download is resumed."""
    from omentum.model import weights
    from omentum.model.catalogue import find

    entry = find(name)
    if not entry.here and entry.address:
        print(f"{entry.title}\n{entry.origin.terms}\nPlease cite: {entry.origin.citation}\n", file=sys.stderr)
        accept_licence = accept_licence or _asked("Do you accept this licence?")
    with print_case_warnings():
        path = _pull_with_progress(entry, accept_licence)
    print(path)
    note = weights.receipt(entry)
    if note is not None:
        print(f"sha256 of the publisher's file: {note.sha256}", file=sys.stderr)


@app.command("import", epilog="Example: omentum weights import unet.pth -o published.safetensors")
def import_weights(
    file: Annotated[Path, typer.Argument(help="a .pth file in the published layout")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="the .safetensors file to write")],
    overwrite: Overwrite = False,
) -> None:
    """Convert a published .pth file to a safe checkpoint that describes itself."""
    check_new(out, overwrite, file)
    from omentum.model.checkpoint import save_checkpoint
    from omentum.model.published import import_published

    with print_case_warnings():
        model = import_published(file)
    save_checkpoint(out, model)
    print(f"{out}: {model.spec.model.backbone}, {len(model.spec.classes)} classes")


@app.command(
    "set-threshold",
    epilog="Example: omentum weights set-threshold mine.safetensors liver_tumour=0.3 -o tuned.safetensors",
)
def set_threshold(
    name_or_file: Annotated[str, typer.Argument(help="a name of omentum weights list, or a file")],
    thresholds: Annotated[list[str], typer.Argument(metavar="P|NAME=P...", help="0.4 for all, kidneys=0.3 for some")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="the .safetensors file to write")],
    minimum_ml: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=ML", help="components with less volume are removed; repeatable"),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a copy of weights with new operating points: probability thresholds, and smallest volumes."""
    from omentum.cli.words import said_keys
    from omentum.model.checkpoint import read_spec, save_with_thresholds
    from omentum.model.weights import locate
    from omentum.pipeline.thresholds import parse_thresholds, settle_minimum_ml, settle_thresholds

    source = locate(name_or_file)
    check_new(out, overwrite, source)
    asked = parse_thresholds(thresholds)
    usual = read_spec(source).thresholds
    settled = settle_thresholds(usual, asked, said_keys)
    smallest = settle_minimum_ml(minimum_ml or (), usual, said_keys)
    save_with_thresholds(out, source, settled, smallest)
    moved = [f"{key} {value:g}" for key, value in settled.items() if value != usual[key]]
    moved += [f"{key} from {ml:g} ml" for key, ml in smallest.items()]
    print(f"{out}: {', '.join(moved) or 'no threshold changed'}")


@app.command(epilog="Example: omentum weights info default")
def info(
    name_or_file: Annotated[str, typer.Argument(help="a name of omentum weights list, or a file")],
    as_json: Json = False,
) -> None:
    """Show the metadata of a set of weights."""
    facts = _facts(name_or_file)
    if as_json:
        print(json.dumps(stamped(Schema.WEIGHTS, facts), indent=1))
        return
    for key, value in sorted(facts.items(), key=lambda fact: fact[0] == "training"):  # longest last
        if key == "classes":
            print(f"classes ({len(value)}):")
            print("\n".join(f"  {n:>3}  {_row_of(c)}" for n, c in enumerate(value, start=1)))
        else:
            print("\n".join(_lines(key, value)))


def _facts(name_or_file: str) -> dict[str, Any]:
    from omentum.model.catalogue import catalogue

    entry = catalogue().get(name_or_file)
    if entry is not None and not entry.here:
        return {**_row(entry), "terms": entry.origin.terms, "citation": entry.origin.citation}
    return _file_facts(name_or_file)


def _file_facts(name_or_file: str) -> dict[str, Any]:
    import math
    from hashlib import file_digest

    from omentum.model.checkpoint import spec_of
    from omentum.model.safetensors_file import read_header
    from omentum.model.weights import locate

    path = locate(name_or_file)
    header = read_header(path)
    spec = spec_of(header, path)
    with path.open("rb") as file:
        sha256 = file_digest(file, "sha256").hexdigest()
    return {
        "file": str(path),
        "size_bytes": path.stat().st_size,
        "sha256": sha256,
        "numbers": sum(map(math.prod, header.shapes.values())),
        "stored_as": ", ".join(sorted(set(header.dtypes.values()))),
        **{k: v for k, v in json.loads(spec.to_json()).items() if k not in ("format", "classes")},
        "classes": [asdict(c) for c in spec.computed],
    }


def _row_of(of_class: Mapping[str, Any]) -> str:
    threshold = of_class["threshold"]
    above = "" if threshold == USUAL_THRESHOLD else f"  (where its probability is above {threshold:g})"
    if of_class["minimum_ml"]:
        above += f"  (from {of_class['minimum_ml']:g} ml)"
    trust = "" if of_class["trust"] == Trust.UNKNOWN else of_class["trust"]
    return f"{of_class['key']:<24}{trust:<11}{of_class['prompt'] or '(prompt not recorded)'}{above}"


LONGEST = 240
"""Maximum length of a value within a table; --json has all of it."""


def _lines(name: str, value: Any, depth: int = 0) -> Iterator[str]:
    """Format an entry as one line; tables and lists of tables get one line per entry."""
    margin = "  " * depth
    entries: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        entries = list(value.items())
    elif isinstance(value, list) and any(isinstance(one, dict) for one in value):
        entries = [(str(n), one) for n, one in enumerate(value, start=1)]
    if not entries:
        text = value if isinstance(value, str) else json.dumps(value)
        yield f"{margin}{name}: {text if not depth or len(text) <= LONGEST else f'{text[:LONGEST]}...'}"
        return
    yield f"{margin}{name}:"
    for key, one in entries:
        yield from _lines(key, one, depth + 1)


def _row(entry: CatalogueEntry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "here": entry.here,
        "licence": entry.origin.licence,
        "title": entry.title,
        "address": entry.address,
    }


def _asked(question: str) -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and typer.confirm(question, err=True)


def _pull_with_progress(entry: CatalogueEntry, accepted: bool) -> Path:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from omentum.model.weights import pull

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(entry.name, total=None, visible=False)

        def show(done: int, total: int | None) -> None:
            bar.update(task, completed=done, total=total, visible=True)

        return pull(entry.name, licence_accepted=accepted, progress=show)
