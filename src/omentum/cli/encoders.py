"""`omentum encoders`: text encoders that turn prompts into embeddings."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from omentum.cli.option_table import Json, Overwrite
from omentum.cli.structures_option import StructuresFile
from omentum.errors import UsageError
from omentum.schemas import Schema, stamped

app = typer.Typer(help="Text encoders: list, download, and tables of embeddings.", no_args_is_help=True)


@app.command("list", epilog="Example: omentum encoders list")
def list_encoders(as_json: Json = False) -> None:
    """List the text encoders with a name, and whether they are on this machine."""
    rows = _rows()
    if as_json:
        print(json.dumps(stamped(Schema.ENCODERS, {"encoders": rows}), indent=1))
        return
    for row in rows:
        place = "here" if row["here"] else "to pull" if not row["package"] else "to install"
        print(f"{row['name']:<62}{place:<12}{row['licence']:<12}{row['title']}")


@app.command(epilog="Example: omentum encoders pull openai/clip-vit-base-patch32")
def pull(
    name: Annotated[str, typer.Argument(help="a name of omentum encoders list, or OWNER/MODEL of huggingface.co")],
    revision: Annotated[str, typer.Option("--revision", metavar="REV", help="branch, tag or commit")] = "main",
) -> None:
    """Download a text encoder once: weights and vocabulary, never code."""
    from omentum.text.pull_encoder import pull_encoder

    print(pull_encoder(name, revision))


@app.command(epilog='Example: omentum encoders embed --prompt "A CT of a {noun}" -o table.safetensors')
def embed(
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="the .safetensors file to write")],
    encoder: Annotated[
        str, typer.Option("--encoder", metavar="ENCODER", help="a name, a folder, OWNER/MODEL, or a table")
    ] = "all-MiniLM-L6-v2",
    prompt: Annotated[
        str, typer.Option("--prompt", metavar="TEMPLATE", help="V1, V2, V3, or a sentence with {noun}")
    ] = "V3",
    names: Annotated[
        str,
        typer.Option("--classes", metavar="NAMES", help="only these; by default all structures", show_default=False),
    ] = "",
    structures: StructuresFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a table of embeddings, which a training on another machine reads instead of a language model."""
    from omentum.anatomy import STRUCTURES
    from omentum.output_checks import check_output
    from omentum.text.embedding_table import is_table, save_table
    from omentum.text.structure_embeddings import embed_structures
    from omentum.words import keys_of, structures_in

    if out.suffix != ".safetensors":
        raise UsageError("the output is a .safetensors file", source=out)
    check_output(out, inputs=[Path(encoder)] if is_table(encoder) else [], overwrite=overwrite)
    keys = keys_of(structures_in(names, guesses=False)) if names.strip(", ") else STRUCTURES.keys
    found = embed_structures(keys, encoder, prompt)
    save_table(out, found.keys, found.rows, found.prompts, found.encoder)
    print(f"{out}: {len(keys)} structures, {found.rows.shape[1]} numbers each, {found.encoder}")


def _rows() -> list[dict[str, Any]]:
    from omentum.errors import OmentumError
    from omentum.text.model_folder import find_folder
    from omentum.text.named_encoders import named_encoders

    def is_here(name: str) -> bool:
        try:
            return find_folder(name).is_dir()
        except OmentumError:
            return False

    hidden = ("module", "folder")
    return [
        {k: v for k, v in asdict(row).items() if k not in hidden} | {"here": is_here(row.name)}
        for row in named_encoders().values()
    ]
