"""The answer to every case of the catalogue of faulty inputs: expected, got, message.

    python benchmarks/input_catalogue.py -o benchmarks/results/input_catalogue.json

The cases are those of tests/**/test_catalogue*.py, each generated on the spot in a folder that messages show as "…".
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from facts import ROOT
from record import Table, publish, result_file

sys.path += [str(ROOT / "tests" / "support"), str(ROOT / "tests")]  # behind the benchmarks, which share names

from catalogue import Case, answer_to, fault_of

COLUMNS = {"row": "{}", "case": "{}", "expected": "{}", "got": "{}", "right": "{}", "message": "{}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    rows = [row_of(case) for case in sorted(all_cases(), key=lambda case: (case.row, case.what))]
    kinds = Counter(row[3] for row in rows)
    publish(
        arguments.out,
        title="Faulty inputs and the answers to them",
        about=f"{len(rows)} cases. E: refused in one line, exit code 2; W: read with a warning; OK: read.",
        measures=("src/omentum/io",),
        tables={"cases": Table(COLUMNS, rows)},
        values={"cases": len(rows), "wrong": sum(row[4] != "yes" for row in rows), **kinds},
    )


def all_cases() -> Iterator[Case]:
    for path in sorted(ROOT.glob("tests/**/test_catalogue*.py")):
        spec = importlib.util.spec_from_file_location(f"cases_{path.parent.name}_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield from module.CASES


def row_of(case: Case) -> tuple[str | int, ...]:
    with tempfile.TemporaryDirectory() as folder:
        answer = answer_to(case, Path(folder))
        try:
            fault = fault_of(case, answer)
        except AssertionError as wrong:
            fault = str(wrong).strip().splitlines()[0]
        said = "; ".join(answer.messages).replace(folder, "…").replace("|", "\\|")
    return case.row, case.what, case.expected, answer.outcome, "no" if fault else "yes", said


if __name__ == "__main__":
    main()
