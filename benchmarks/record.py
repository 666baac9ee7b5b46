"""How a benchmark keeps what it found: figures, and what they are figures of, in one JSON file.

    parser.add_argument("-o", "--out", type=result_file)
    publish(arguments.out, title="...", measures=("src/omentum/infer",), tables={"profiles": Table(columns, rows)})

The tables of benchmarks/results/*.md, the README and docs are drawn from these files by figures.py; see README.md here.
Only the standard library is imported, so that pages can be drawn where nothing can be measured.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from facts import ROOT, facts

RESULTS = ROOT / "benchmarks" / "results"
Cell = str | float | int | None


@dataclass(frozen=True)
class Table:
    """Rows of numbers and how to show them.

    Args:
        columns: Heading -> format of its cells, as of `str.format`: "{:.1f}", "**{:.2f}**", "{:.0%}"; "{}" for text.
        rows: A cell for each column; None is shown as nothing.
        about: What to know before reading it.
        notes: Paragraphs below it.
    """

    columns: Mapping[str, str]
    rows: Sequence[Sequence[Cell]]
    about: str = ""
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Record:
    """A result.

    Args:
        title: Of its page.
        measures: File or folder, from the repository's root -> `content_hash` of it when it was measured.
        made: Date, commit, command and machine.
        tables: Name -> table.
        values: Single figures that are in no table: name -> number.
        about: What to know before reading the tables.
        remarks: What was seen by hand; each says when.
    """

    title: str
    measures: Mapping[str, str]
    made: Mapping[str, Any]
    tables: Mapping[str, Table]
    values: Mapping[str, Cell] = field(default_factory=dict)
    about: str = ""
    remarks: Sequence[str] = ()

    def outdated(self, root: Path = ROOT) -> list[str]:
        """What it measures and is not as it was then."""
        return [entry for entry, was in self.measures.items() if content_hash(entry, root) != was]


def result_file(text: str) -> Path:
    """Type of the argument of -o: complains before anything is measured."""
    path = Path(text)
    if path.suffix != ".json" or not path.absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no .json file in a folder that exists")
    return path


def publish(
    out: Path | None,
    *,
    title: str,
    measures: Sequence[str],
    tables: Mapping[str, Table],
    values: Mapping[str, Cell] | None = None,
    about: str = "",
) -> None:
    """Print a result as a page and, if it is to be kept, write it as JSON; call it when all is measured.

    Args:
        out: See `result_file`; None only prints.
        title: Of the page.
        measures: Files and folders, from the repository's root, whose code decides the figures. The narrower, the
            later is a result called outdated.
        tables: Name -> table.
        values: Name -> single figure.
        about: What to know before reading.

    Raises:
        SystemExit: one of `measures` does not exist.
    """
    from pages import result_page

    hashes = {entry: content_hash(entry) for entry in measures}
    record = Record(title, hashes, facts(), tables, values or {}, about)
    print(result_page(record))
    missing = [entry for entry, found in hashes.items() if not found]
    if missing:
        raise SystemExit(f"error: not kept, for it measures what does not exist: {', '.join(missing)}")
    if out:
        write(out, record)


def write(out: Path, record: Record) -> None:
    """As JSON, the whole file or nothing."""
    write_whole(out, as_json(record))


def write_json(out: Path, value: Any) -> None:
    """Any JSON value, the whole file or nothing."""
    write_whole(out, json.dumps(value, ensure_ascii=False, allow_nan=False, default=plain) + "\n")


def write_whole(out: Path, text: str) -> None:
    """Under another name first."""
    temporary = out.with_name(f".{out.name}.tmp-{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(out)
    finally:
        temporary.unlink(missing_ok=True)


def as_json(record: Record) -> str:
    """One line for each row of a table, so that a changed figure is a changed line."""
    raw, rows = asdict(record), list[str]()
    for table in raw["tables"].values():
        rows += (json.dumps(row, ensure_ascii=False, allow_nan=False, default=plain) for row in table["rows"])
        table["rows"] = [f"\0{n}" for n in range(len(rows) - len(table["rows"]), len(rows))]
    text = json.dumps(raw, indent=1, ensure_ascii=False, allow_nan=False, default=plain)
    return re.sub(r'"\\u0000(\d+)"', lambda found: rows[int(found[1])], text) + "\n"


def read(path: Path) -> Record:
    """What `write` wrote."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    return Record(**{**raw, "tables": {name: Table(**table) for name, table in raw["tables"].items()}})


def content_hash(entry: str, root: Path = ROOT) -> str:
    """Of a file, or of all files below a folder with their names; "" where there is nothing."""
    path = root / entry
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file() and measured(p))
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.relative_to(root).as_posix()}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:16] if files else ""


def measured(path: Path) -> bool:
    """Whether a file is part of the code, and not left behind by running it."""
    return "__pycache__" not in path.parts and not path.name.startswith(".")


def plain(value: Any) -> Any:
    """numpy's numbers as Python's."""
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"no JSON value: {value!r}")
