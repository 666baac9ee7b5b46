"""Phantoms with proposals of the bundled model, made once and shared by annotation_loop.py and label_audit.py.

A folder of them holds cases/ (CT and exact truth) and round/ (see `omentum annotate propose`); what is there is kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from omentum.annotate.propose.api import ProposeResult, propose_annotations
from omentum.annotate.propose.options import ProposeOptions
from omentum.cli import main

SEED, SPACING_MM = 7100, 3
MODEL = "1_model"
"""Folder of the bundled model's predictions in round/predictions/."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, required=True, help="phantoms and predictions, made if missing")
    parser.add_argument("-n", "--number", type=int, default=16, help="phantoms")


def proposed(folder: Path, number: int) -> ProposeResult:
    """Phantoms and their proposals."""
    cases = folder / "cases"
    if not (cases / f"case_{number - 1:04d}" / "case.json").is_file():
        made = ["--seed", str(SEED), "--spacing", str(SPACING_MM), "-o", str(cases), "--quiet"]
        if main(["phantom", "-n", str(number), *made]):
            raise SystemExit("error: no phantoms")
    return propose_annotations(cases, folder / "round", ProposeOptions(annotated=True, masks=False))
