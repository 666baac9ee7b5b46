"""Phantoms with predictions and proposals of the bundled model, shared by annotation_loop.py and label_audit.py.

A folder of them holds cases/ (CT and exact truth) and round/ (see `omentum annotate propose`); what is there is kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from omentum.annotate.propose.api import ProposeResult, propose_annotations
from omentum.annotate.propose.options import SAVED, ProposeOptions
from omentum.cli import main
from omentum.pipeline.batch import segment_batch

SEED, SPACING_MM = 7100, 3
OPTIONS = ProposeOptions(annotated=True, masks=False)
MODEL = OPTIONS.views()[0]
"""The bundled model's first prediction; a folder of this name is in round/predictions/."""


def add_arguments(parser: argparse.ArgumentParser, number: int) -> None:
    parser.add_argument("--folder", type=Path, required=True, help="phantoms and predictions, made if missing")
    parser.add_argument("-n", "--number", type=int, default=number, help="phantoms")


def phantoms(folder: Path, number: int) -> Path:
    """Folder of case folders."""
    cases = folder / "cases"
    if not (cases / name_of(number - 1) / "case.json").is_file():
        made = ["--seed", str(SEED), "--spacing", str(SPACING_MM), "-o", str(cases), "--quiet"]
        if main(["phantom", "-n", str(number), *made]):
            raise SystemExit("error: no phantoms")
    return cases


def predicted(folder: Path, number: int) -> Path:
    """Folder of predictions of the phantoms."""
    cases, out = phantoms(folder, number), folder / "round" / "predictions" / MODEL.name
    segment_batch([cases / name_of(n) for n in range(number)], out, options=MODEL.segmenting, save=SAVED)
    return out


def proposed(folder: Path, number: int) -> ProposeResult:
    """Phantoms and their proposals."""
    return propose_annotations(phantoms(folder, number), folder / "round", OPTIONS)


def name_of(number: int) -> str:
    """Name of a phantom."""
    return f"case_{number:04d}"
