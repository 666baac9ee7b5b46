"""`omentum classes --explain`: what words are understood to mean; and words for structures in other options."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from omentum.errors import UsageError
from omentum.words import explain_words, keys_of, notes_on, structures_in

STDIN = "-"
Explain = Annotated[
    str | None,
    typer.Option(
        "--explain",
        metavar="WORDS|-",
        help='what these words mean, e.g. "both kidneys"; -: each line of standard input',
    ),
]


def explain_classes(words: str, *, as_json: bool, weights: str | None = None) -> None:
    """Print what each phrase means; a phrase that is not understood has its reason.

    Args:
        words: One phrase, which may be a list; "-" reads one phrase from each line of standard input.
        as_json: Print an array of {"query", "structures", "how"}, one element a phrase.
        weights: Also know the structures that these weights define.

    Raises:
        UsageError: Standard input is not UTF-8.
        typer.Exit: With code 2, if the words of the command line are not understood and no JSON was asked for.
    """
    if weights is not None:
        from omentum.model import load_model

        load_model(weights)
    found = explain_words(_lines() if words == STDIN else [words])
    if as_json:
        print(json.dumps([one.to_json() for one in found], indent=1, ensure_ascii=False))
        return
    for one in found:
        print(one)
    if words != STDIN and not all(found):
        raise typer.Exit(2)


def said_keys(name: str) -> tuple[str, ...]:
    """Keys of a name in an option such as `--threshold NAME=P`; what is not exact is said on stderr.

    Raises:
        UnknownStructureError: It is not understood.
    """
    understood = structures_in([name], guesses=False)
    for line in notes_on(understood):
        print(line, file=sys.stderr)
    return keys_of(understood)


def _lines() -> Iterator[str]:
    """Lines of standard input; blank ones are left out."""
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise UsageError("standard input is not UTF-8", remedy="one phrase a line, as UTF-8 text") from fault
    return (line.strip() for line in text.split("\n") if line.strip())
