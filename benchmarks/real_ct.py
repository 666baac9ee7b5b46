"""The default model on real CTs with reference labels in TotalSegmentator's numbering.

    python benchmarks/real_ct.py DATA/abdomen_3mm DATA/abdomen_dicom -o benchmarks/results/real_ct.json

Each folder holds totalsegmentator_labels.nii.gz and either ct.nii.gz or a DICOM series in series/. The references are
another model's output: good, but not manual truth.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from omentum.anatomy import STRUCTURES
from omentum.evaluate import CaseScores, aligned, evaluate, load_mapping, with_unions
from omentum.io.dicom.series import read_series
from omentum.io.labels import read_labels
from omentum.io.nifti import read_volume
from omentum.pipeline import Segmenter, SegmentOptions
from record import Cell, Table, publish, result_file

MEASURES = (
    *("src/omentum/resources/default.safetensors", "src/omentum/model/head.py", "src/omentum/infer"),
    *("src/omentum/model/backbones/residual_unet.py", "src/omentum/preprocess", "src/omentum/postprocess"),
    *("src/omentum/evaluate/metrics/overlap.py", "src/omentum/evaluate/metrics/surface.py"),
)
ABOUT = "All structures that a reference has. The references are another model's output (TotalSegmentator), not truth."
COLUMNS = {
    "structure": "{}",
    "Dice": "{:.3f}",
    "NSD": "{:.3f}",
    "HD95 mm": "{:.1f}",
    "ml": "{:.1f}",
    "reference ml": "{:.1f}",
}
LABELS = "totalsegmentator_labels.nii.gz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--weights", default="default")
    parser.add_argument("-o", "--out", type=result_file)
    parser.add_argument("--segmentations", type=Path, help="keep what was found in this folder")
    arguments = parser.parse_args()
    segmenter, mapping = Segmenter(arguments.weights, SegmentOptions()), load_mapping("totalsegmentator")
    tables, seconds = {}, {}
    for folder in arguments.folders:
        ct = read_volume(folder / "ct.nii.gz") if (folder / "ct.nii.gz").exists() else read_series(folder / "series")
        start = time.perf_counter()
        found = segmenter.segment(ct)
        seconds[f"{folder.name} s"] = time.perf_counter() - start
        same_grid = found.affine.tobytes() == ct.affine.tobytes() and found.shape == ct.shape
        reference = read_labels(folder / LABELS, mapping.labels)
        scores = evaluate(aligned(with_unions(found, mapping.unions), reference.grid), reference, case=folder.name)
        grid = (
            "The output grid is identical to the input's." if same_grid else "**The output grid is not the input's.**"
        )
        tables[folder.name] = Table(COLUMNS, rows(scores), notes=[grid])
        if arguments.segmentations:
            found.save(arguments.segmentations / folder.name, overwrite=True)
    publish(arguments.out, title="Real CTs", about=ABOUT, measures=MEASURES, tables=tables, values=seconds)


def rows(scores: CaseScores) -> list[list[Cell]]:
    """What the reference has."""
    found = []
    for score in scores.structures:
        if score.reference_ml and score.dice is not None:
            distances = [score.nsd, score.hd95_mm] if score.predicted_ml else [0.0, None]
            volumes = [score.predicted_ml, score.reference_ml]
            found.append([STRUCTURES[score.key].display, score.dice, *distances, *volumes])
    return found


if __name__ == "__main__":
    main()
