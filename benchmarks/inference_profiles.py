"""What each profile costs and loses: the bundled model on real CTs with reference labels and on unseen phantoms.

    python benchmarks/inference_profiles.py DATA/abdomen_3mm DATA/abdomen_dicom --phantoms 3 \
        -o benchmarks/results/inference_profiles.md

Seconds are processor seconds of the network's stage with the engine that is chosen by itself.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

from omentum.evaluate import Rules, aligned, evaluate, load_mapping, with_unions
from omentum.infer.profiles import PROFILES
from omentum.io.dicom_series import read_series
from omentum.io.labels import read_labels
from omentum.io.nifti import read_volume
from omentum.phantom import make_case
from omentum.pipeline import Options, Segmenter
from omentum.segmentation import Segmentation
from omentum.volume import Volume

LABELS = "totalsegmentator_labels.nii.gz"
SEED, SPACING_MM = 90000, (1.6, 1.6, 3.0)
Case = tuple[str, Volume, Segmentation]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--phantoms", type=int, default=0)
    parser.add_argument("--profiles", nargs="+", choices=list(PROFILES), default=list(PROFILES))
    parser.add_argument("--engine", default="auto")
    parser.add_argument("-o", "--out", type=Path)
    arguments = parser.parse_args()
    cases = [real(folder) for folder in arguments.folders] + [phantom(k) for k in range(arguments.phantoms)]
    lines = [
        "# Profiles of the bundled model",
        "",
        f"`python {' '.join(sys.argv)}`, {datetime.date.today()}, {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} threads, load {os.getloadavg()[0]:.1f}",
        "",
        "Mean Dice over the structures that a reference has; processor seconds of everything from CT to masks.",
        "",
        f"| profile | engine | {' | '.join(f'{name}: Dice | s' for name, _, _ in cases)} | mean Dice |",
        f"|---|---|{'---|---|' * len(cases)}---|",
    ]
    for profile in arguments.profiles:
        lines.append(row(profile, arguments.engine, cases))
        print(lines[-1], file=sys.stderr, flush=True)
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")


def row(profile: str, engine: str, cases: list[Case]) -> str:
    """All cases with one profile."""
    segmenter = Segmenter("default", Options(profile=profile, engine=engine))
    segmenter.load()
    cells, scores = [], []
    for name, ct, reference in cases:
        spent = time.process_time()
        found = segmenter.segment(ct)
        spent = time.process_time() - spent
        scores.append(mean_dice(found, reference, name))
        cells.append(f"{scores[-1]:.4f} | {spent:.1f}")
    used = segmenter.engine
    return f"| {profile} | {used.name} {used.precision} | {' | '.join(cells)} | {np.mean(scores):.4f} |"


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
