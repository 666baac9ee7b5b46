"""What each profile costs and loses: the bundled model on real CTs with reference labels and on unseen phantoms.

    python benchmarks/inference_profiles.py DATA/abdomen_3mm DATA/abdomen_dicom --phantoms 3 \
        -o benchmarks/results/inference_profiles.json

Seconds are processor seconds of the network's stage with the engine that is chosen by itself.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from omentum.evaluate import Rules, aligned, evaluate, load_mapping, with_unions
from omentum.infer.profiles import PROFILES
from omentum.io.dicom.series import read_series
from omentum.io.labels import read_labels
from omentum.io.nifti import read_volume
from omentum.phantom import make_case
from omentum.pipeline import Segmenter, SegmentOptions
from omentum.segmentation import Segmentation
from omentum.volume import Volume
from record import Cell, Table, publish, result_file

MEASURES = (
    *("src/omentum/resources/default.safetensors", "src/omentum/model/head.py", "src/omentum/infer"),
    *("src/omentum/model/backbones/residual_unet.py", "src/omentum/preprocess", "src/omentum/postprocess"),
)
COLUMNS = {
    "profile": "{}",
    "engine": "{}",
    "mean Dice": "{:.4f}",
    "against the first": "{:+.4f}",
    "processor s of all cases": "{:.0f}",
}
OF_CASES = {"profile": "{}", "case": "{}", "Dice": "{:.4f}", "processor s": "{:.1f}"}
LABELS = "totalsegmentator_labels.nii.gz"
SEED, SPACING_MM = 90000, (1.6, 1.6, 3.0)
Case = tuple[str, Volume, Segmentation]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--phantoms", type=int, default=0)
    parser.add_argument("--profiles", nargs="+", choices=list(PROFILES), default=list(PROFILES))
    parser.add_argument("--engine", default="auto")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    cases = [real(folder) for folder in arguments.folders] + [phantom(k) for k in range(arguments.phantoms)]
    rows: list[tuple[Cell, ...]] = []
    of_cases: list[tuple[Cell, ...]] = []
    first = None
    for profile in arguments.profiles:
        engine, found = judged(profile, arguments.engine, cases)
        mean, seconds = np.mean([dice for _, dice, _ in found]), sum(s for *_, s in found)
        first = mean if first is None else first
        rows.append((profile, engine, mean, mean - first, seconds))
        of_cases += ((profile, *case) for case in found)
        print(rows[-1], file=sys.stderr, flush=True)
    publish(
        arguments.out,
        title="Profiles of the bundled model",
        about="Mean Dice over the structures that a reference has; processor seconds of everything from CT to masks.",
        measures=MEASURES,
        tables={"profiles": Table(COLUMNS, rows), "cases": Table(OF_CASES, of_cases)},
    )


def judged(profile: str, engine: str, cases: list[Case]) -> tuple[str, list[tuple[str, float, float]]]:
    """The engine that was used, and of each case its name, mean Dice and processor seconds."""
    segmenter = Segmenter("default", SegmentOptions(profile=profile, engine=engine))
    segmenter.load()
    rows = []
    for name, ct, reference in cases:
        spent = time.process_time()
        found = segmenter.segment(ct)
        spent = time.process_time() - spent
        rows.append((name, mean_dice(found, reference, name), spent))
    used = segmenter.engine
    return f"{used.name} {used.precision}", rows


def mean_dice(found: Segmentation, reference: Segmentation, name: str) -> float:
    """Over the structures that the reference has."""
    unions = with_unions(found, load_mapping("totalsegmentator").unions) if reference.annotated else found
    scores = evaluate(aligned(unions, reference.grid), reference, case=name, rules=Rules(distances=False))
    return float(np.mean([s.dice for s in scores.structures if s.reference_ml and s.dice is not None]))


def real(folder: Path) -> Case:
    """A CT with reference labels in TotalSegmentator's numbering."""
    ct = read_volume(folder / "ct.nii.gz") if (folder / "ct.nii.gz").exists() else read_series(folder / "series")
    return folder.name, ct, read_labels(folder / LABELS, load_mapping("totalsegmentator").labels)


def phantom(k: int) -> Case:
    """A phantom the model never saw."""
    case = make_case((SEED, k), SPACING_MM)
    return f"phantom {k}", case.ct, case.truth


if __name__ == "__main__":
    main()
