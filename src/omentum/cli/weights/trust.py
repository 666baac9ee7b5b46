"""`omentum weights set-trust`: stores the reliability of each class in the weights."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from omentum.cli.option_table import Overwrite
from omentum.errors import InputError, UsageError
from omentum.spec import Trust

_EXAMPLE = "for example liver=reliable, or weak for all"


def set_trust(
    name_or_file: Annotated[str, typer.Argument(help="a name of omentum weights list, or a file")],
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="WORD|NAME=WORD...", help="reliable, weak, not-found or unknown; before --scores"),
    ] = None,
    *,
    out: Annotated[Path, typer.Option("-o", "--out", metavar="FILE", help="the .safetensors file to write")],
    scores: Annotated[
        list[Path] | None,
        typer.Option(help="JSON of omentum evaluate --json-file; of several the worst counts", dir_okay=False),
    ] = None,
    because: Annotated[str, typer.Option(help="basis of the rating, in one line; the files by default")] = "",
    overwrite: Overwrite = False,
) -> None:
    """Write a copy of weights with the reliability of each structure, from their evaluation.

    Lesions of a class that is weak or not found are candidates in every result: listed separately and excluded from
    sums and RECIST targets.
    """
    from omentum.cli.weights.output import check_new
    from omentum.model.checkpoint import read_spec, save_with_trust
    from omentum.model.weights import locate

    source = locate(name_or_file)
    check_new(out, overwrite, source)
    if not words and not scores:
        raise UsageError("neither words nor scores", remedy=_EXAMPLE)
    before = read_spec(source).trust
    rated = {key: trust for key, trust in _from_scores(scores or ()).items() if key in before}
    settled = before | rated | _from_words(words or (), before)
    judged_by = because or ", ".join(path.name for path in scores or ())
    save_with_trust(out, source, settled, judged_by)
    moved = [f"{key} {trust}" for key, trust in settled.items() if trust is not before[key]]
    print(f"{out}: {', '.join(moved) or 'nothing changed'}")


def _from_scores(files: Sequence[Path]) -> dict[str, Trust]:
    """Reliability from evaluation scores; the worst over several files."""
    from omentum.evaluate.trust import trust_of

    each: list[dict[str, Trust]] = []
    for path in files:
        try:
            each.append(trust_of(json.loads(path.read_text(encoding="utf-8"))))
        except OSError as fault:
            raise InputError(fault.strerror or str(fault), source=path) from fault
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            raise InputError(
                f"holds no scores: {fault!r}", source=path, remedy="omentum evaluate --json-file"
            ) from fault
    keys = dict.fromkeys(key for one in each for key in one)
    return {key: Trust.worst(one[key] for one in each if key in one) for key in keys}


def _from_words(words: Iterable[str], known: Iterable[str]) -> dict[str, Trust]:
    """Reliability from the command line; later entries override earlier ones.

    Raises:
        UsageError: invalid form, or a structure the weights do not have.
    """
    from omentum.cli.words import said_keys
    from omentum.evaluate.trust import parse_trust

    keys, found = tuple(known), dict[str, Trust]()
    for text in words:
        name, equals, word = text.rpartition("=")
        if equals and not name.strip():
            raise UsageError(f"{text!r} names no structure", remedy=_EXAMPLE)
        meant = list(said_keys(name.strip())) if equals else list(keys)
        if strange := [key for key in meant if key not in keys]:
            raise UsageError(f"the weights do not know {', '.join(strange)}", remedy=f"they know {', '.join(keys)}")
        found |= dict.fromkeys(meant, parse_trust(word))
    return found
