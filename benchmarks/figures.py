"""Every table and figure of the README, the changelog and docs that a benchmark measured, drawn from its JSON.

    python benchmarks/figures.py            # rewrite the pages that change, and the list of outdated results
    python benchmarks/figures.py --check    # name the pages that say something else than the results do

README.md beside this file has the rules.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "experiments"))
from study_tables import PREFIX, draw_pictures, study_record

from bundled_model import NAME, bundled_model
from pages import cell, drawn, outdated_page, result_page, shown
from record import RESULTS, ROOT, Cell, Record, Table, read

OUTDATED = ROOT / "benchmarks" / "outdated.md"
END = "<!-- end -->"
PLACE = re.compile(r"<!-- ([\w.-]+(?: ?[:(][^\n]*?)?) -->(.*?)<!-- end -->", re.DOTALL)
ADDRESS = re.compile(
    r"(?P<record>[\w-]+)(?:\.(?P<table>[\w-]+))?\s*"
    r"(?:\((?P<columns>[^)]*)\)|:\s*(?P<path>[^|]*?)\s*(?:\|\s*(?P<format>.*))?)?$"
)


class AddressError(Exception):
    """A place in a page names what no result has."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a page disagrees")
    arguments = parser.parse_args()
    wrong = []
    try:
        for page, now, then in drawings():
            if arguments.check and now != then:
                wrong.append(str(page.relative_to(ROOT)))
            elif now != then:
                rewrite(page, then)
        if not arguments.check:
            draw_pictures(ROOT / "docs")
            list_outdated()
    except AddressError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    if wrong:
        print(f"error: not what benchmarks/results say: {', '.join(wrong)}; run `make figures`", file=sys.stderr)
        sys.exit(1)


def rewrite(page: Path, text: str) -> None:
    page.write_text(text, encoding="utf-8")
    print(page.relative_to(ROOT))


def list_outdated() -> None:
    """Rewrite the one page that says what is out of date; it changes with the code, so `--check` leaves it alone."""
    names = {path.stem for path in RESULTS.glob("*.json")}
    for page in pages():
        names |= {
            address["record"]
            for place in PLACE.finditer(page.read_text("utf-8"))
            if (address := ADDRESS.match(place[1]))
        }
    text = outdated_page({name: find_record(name) for name in sorted(names)})
    if not OUTDATED.exists() or OUTDATED.read_text(encoding="utf-8") != text:
        rewrite(OUTDATED, text)


def pages() -> list[Path]:
    """Pages with places to be filled."""
    return [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def drawings() -> Iterator[tuple[Path, str, str]]:
    """Each page, its text, and what that should be."""
    for path in sorted(RESULTS.glob("*.json")):
        page = path.with_suffix(".md")
        yield page, page.read_text(encoding="utf-8") if page.exists() else "", result_page(find_record(path.stem))
    for page in pages():
        text = page.read_text(encoding="utf-8")
        try:
            yield page, text, filled(text)
        except AddressError as error:
            raise AddressError(f"{page.relative_to(ROOT)}: {error}") from None


def filled(text: str, find: Callable[[str], Record] | None = None) -> str:
    """A page with every place between `<!-- ADDRESS -->` and `<!-- end -->` drawn anew.

    Args:
        text: Of the page.
        find: Name -> result; those of the repository by default.

    Raises:
        AddressError: a place names what no result has.
    """
    places = list(PLACE.finditer(text))
    if len(places) != text.count(END) or any("<!--" in place[2] for place in places):
        raise AddressError(f"a place begins with <!-- ADDRESS --> and ends with {END}; one of them lacks the other")
    return PLACE.sub(lambda found: f"<!-- {found[1]} -->{content(found, find or find_record)}{END}", text)


def content(found: re.Match[str], find: Callable[[str], Record]) -> str:
    """What belongs into one place: a table if it has lines of its own, else a figure."""
    address = ADDRESS.match(found[1])
    if address is None:
        raise AddressError(f"cannot read <!-- {found[1]} -->")
    record = find(address["record"])
    if address["path"] is None:
        wanted = [name.strip() for name in (address["columns"] or "").split(",") if name.strip()]
        table = find_table(record, address)
        unknown = [name for name in wanted if name not in table.columns]
        if unknown:
            raise AddressError(f"{found[1]}: no column {unknown[0]!r}; there are {', '.join(table.columns)}")
        return f"\n{drawn(table, wanted)}\n"
    return figure(record, address)


def figure(record: Record, address: re.Match[str]) -> str:
    """A single figure as text."""
    names, form = address["path"].split(" / "), address["format"]
    if len(names) == 1:
        if names[0] not in record.values:
            raise AddressError(f"{address[0]}: no figure {names[0]!r}; there are {', '.join(record.values)}")
        value = record.values[names[0]]
        return shown(value) if form is None else cell(value, form)
    value, usual = at(find_table(record, address), names[0], names[1], address[0])
    return cell(value, form or usual).strip("*")


def find_table(record: Record, address: re.Match[str]) -> Table:
    """The table of an address; the first where none is named."""
    name = address["table"] or next(iter(record.tables), "")
    if name not in record.tables:
        raise AddressError(f"{address[0]}: no table {name!r}; there are {', '.join(record.tables)}")
    return record.tables[name]


def at(table: Table, row: str, column: str, address: str) -> tuple[Cell, str]:
    """A cell and its format; a row is called by its first cell, or by its first cells with commas between."""
    columns = list(table.columns)
    for count in range(1, len(columns)):
        rows = [cells for cells in table.rows if ", ".join(str(c) for c in cells[:count]) == row]
        if len(rows) == 1 and column in table.columns:
            return rows[0][columns.index(column)], table.columns[column]
    raise AddressError(f"{address}: no single {row!r} / {column!r}; columns are {', '.join(columns)}")


@cache
def find_record(name: str) -> Record:
    """A result of the repository, or what is put together from several."""
    path = RESULTS / f"{name}.json"
    if name == NAME:
        return bundled_model(find_record)
    if name.startswith(PREFIX):
        found = study_record(name)
        if found is None:
            raise AddressError(f"no run to make {name!r} of, or no such table; see experiments/study_tables.py")
        return found
    if not path.exists():
        raise AddressError(f"no result {name!r}: {path.relative_to(ROOT)} does not exist")
    return read(path)


if __name__ == "__main__":
    main()
