"""The default model on real CTs with reference labels in TotalSegmentator's numbering.

    python benchmarks/real_ct.py DATA/abdomen_3mm DATA/abdomen_dicom -o benchmarks/results/real_ct.md

Each folder holds totalsegmentator_labels.nii.gz and either ct.nii.gz or a DICOM series in series/. The references are
another model's output: good, but not manual truth.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import time
from pathlib import Path

from omentum.anatomy import STRUCTURES
from omentum.evaluate import CaseScores, aligned, evaluate, load_mapping, with_unions
from omentum.io.dicom_series import read_series
from omentum.io.labels import read_labels
from omentum.io.nifti import read_volume
from omentum.pipeline import Options, Segmenter

LABELS = "totalsegmentator_labels.nii.gz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--weights", default="default")
    parser.add_argument("-o", "--out", type=Path, help="Markdown report; pictures are written beside it")
    arguments = parser.parse_args()
    segmenter, mapping = Segmenter(arguments.weights, Options()), load_mapping("totalsegmentator")
    parts = [f"# Real CTs\n\n`python {' '.join(sys.argv)}`, {datetime.date.today()}, {os.cpu_count()} cores\n"]
    for folder in arguments.folders:
        ct = read_volume(folder / "ct.nii.gz") if (folder / "ct.nii.gz").exists() else read_series(folder / "series")
        start = time.perf_counter()
        found = segmenter.segment(ct)
        seconds = time.perf_counter() - start
        same_grid = found.affine.tobytes() == ct.affine.tobytes() and found.shape == ct.shape
        reference = read_labels(folder / LABELS, mapping.labels)
        scores = evaluate(aligned(with_unions(found, mapping.unions), reference.grid), reference, case=folder.name)
        parts.append(table(scores, seconds, same_grid))
        if arguments.out:
            found.save(arguments.out.with_name(f"{arguments.out.stem}_{folder.name}"), overwrite=True)
    text = "\n".join(parts)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


def table(scores: CaseScores, seconds: float, same_grid: bool) -> str:
    """A Markdown table of what the reference has."""
    grid = "identical to the input's" if same_grid else "NOT the input's"
    lines = [f"## {scores.case}", "", f"{seconds:.1f} s; output grid {grid}", ""]
    lines += ["| structure | Dice | NSD | HD95 mm | ml | reference ml |", "|---|---|---|---|---|---|"]
    for score in scores.structures:
        if score.reference_ml and score.dice is not None:
            name = STRUCTURES[score.key].display
            distances = f"{score.nsd:.3f} | {score.hd95_mm:.1f}" if score.predicted_ml else "0.000 | -"
            volumes = f"{score.predicted_ml:.1f} | {score.reference_ml:.1f}"
            lines.append(f"| {name} | {score.dice:.3f} | {distances} | {volumes} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
