"""The default model on real CTs with reference labels in TotalSegmentator's numbering.

    python benchmarks/real_ct.py DATA/abdomen_3mm DATA/abdomen_dicom -o benchmarks/results/real_ct.md

Each folder holds totalsegmentator_labels.nii.gz and either ct.nii.gz or a DICOM series in series/. The references are
another model's output: good, but not manual truth. A series is stacked here only as far as these files need it
(axial, equidistant, one orientation); the pixels are put on the grid of the labels, whose storage order decides.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from omentum.anatomy import STRUCTURES
from omentum.evaluate import CaseScores, aligned, evaluate, load_mapping, with_unions
from omentum.io.labels import read_labels
from omentum.io.nifti import read_volume, write_volume
from omentum.pipeline import Options, Segmenter
from omentum.volume import Volume

LABELS = "totalsegmentator_labels.nii.gz"
LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--weights", default="default")
    parser.add_argument("-o", "--out", type=Path, help="Markdown report; pictures are written beside it")
    arguments = parser.parse_args()
    segmenter, mapping = Segmenter(arguments.weights, Options()), load_mapping("totalsegmentator")
    parts = [f"# Real CTs\n\n`python {' '.join(sys.argv)}`, {datetime.date.today()}, {os.cpu_count()} cores\n"]
    for folder in arguments.folders:
        with tempfile.TemporaryDirectory() as scratch:
            path = nifti_of(folder, Path(scratch))
            start = time.perf_counter()
            found = segmenter.segment(path)
            seconds = time.perf_counter() - start
            same_grid = found.affine.tobytes() == read_volume(path).affine.tobytes() and found.shape == found.ct.shape
        reference = read_labels(folder / LABELS, mapping.labels)
        scores = evaluate(aligned(with_unions(found, mapping.unions), reference.grid), reference, case=folder.name)
        parts.append(table(scores, seconds, same_grid))
        if arguments.out:
            found.save(arguments.out.with_name(f"{arguments.out.stem}_{folder.name}"), overwrite=True)
    text = "\n".join(parts)
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


def nifti_of(folder: Path, scratch: Path) -> Path:
    """The folder's CT as a NIfTI file."""
    if (folder / "ct.nii.gz").exists():
        return folder / "ct.nii.gz"
    path = scratch / "ct.nii.gz"
    write_volume(path, stacked_series(folder / "series"))
    return path


def stacked_series(folder: Path) -> Volume:
    """HU int16 of a plain axial series."""
    import pydicom

    slices = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    slices.sort(key=lambda s: float(s.ImagePositionPatient[2]))
    first, steps = slices[0], np.diff([float(s.ImagePositionPatient[2]) for s in slices])
    if not np.allclose(steps, steps[0], atol=0.01) or not np.allclose(
        first.ImageOrientationPatient, [1, 0, 0, 0, 1, 0]
    ):
        raise SystemExit(f"{folder}: not a plain axial series")
    hu = np.stack([s.pixel_array.T * float(s.RescaleSlope) + float(s.RescaleIntercept) for s in slices], axis=-1)
    row_mm, column_mm = (float(v) for v in first.PixelSpacing)
    affine = np.diag([column_mm, row_mm, steps[0], 1.0])
    affine[:3, 3] = [float(v) for v in first.ImagePositionPatient]
    return Volume(hu.astype(np.int16), LPS_TO_RAS @ affine)


def table(scores: CaseScores, seconds: float, same_grid: bool) -> str:
    """A Markdown table of what the reference has."""
    grid = "identical to the input's" if same_grid else "NOT the input's"
    lines = [f"## {scores.case}", "", f"{seconds:.1f} s; output grid {grid}", ""]
    lines += ["| structure | Dice | ml | reference ml |", "|---|---|---|---|"]
    for score in scores.structures:
        if score.reference_ml and score.dice is not None:
            name = STRUCTURES[score.key].display
            lines.append(f"| {name} | {score.dice:.3f} | {score.predicted_ml:.1f} | {score.reference_ml:.1f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
