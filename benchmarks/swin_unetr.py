"""Time and peak memory of one CT through the published Swin UNETR's architecture, as a baseline for later work.

    python benchmarks/swin_unetr.py DATA/abdomen_3mm/ct.nii.gz -o benchmarks/results/swin_unetr.json

The weights are random: what is measured is cost, and it does not depend on them. Masks are not cleaned, for random
masks would be all crumbs.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path

import torch

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import prompt
from omentum.io.nifti import read_volume
from omentum.model import UniversalModel, build
from omentum.pipeline import Segmenter, SegmentOptions
from omentum.spec import CheckpointSpec, ClassSpec, ModelSpec, PreprocessSpec
from record import Table, publish, result_file

MEASURES = (
    *("src/omentum/model/backbones", "src/omentum/model/head.py", "src/omentum/infer", "src/omentum/pipeline"),
    "src/omentum/preprocess",
)
COLUMNS = {
    "CT": "{}",
    "voxels": "{}",
    "seconds": "{:.0f}",
    "processor seconds": "{:.0f}",
    "peak memory GB": "{:.2f}",
    "of it before the CT GB": "{:.2f}",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ct", type=Path)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    segmenter = Segmenter(random_model(), SegmentOptions(postprocess="none"))
    ct = read_volume(arguments.ct)
    before = peak_gb()
    start, spent = time.perf_counter(), time.process_time()
    segmenter.segment(ct, progress=lambda done, total: print(f"window {done} of {total}", file=sys.stderr))
    seconds, spent = time.perf_counter() - start, time.process_time() - spent
    shape = " x ".join(map(str, ct.shape))
    row = (arguments.ct.parent.name, shape, seconds, spent, peak_gb(), before)
    publish(
        arguments.out,
        title="Swin UNETR, 32 classes, windows of 96 x 96 x 96 at 1.5 mm, overlap 0.5",
        about=f"{segmenter.engine.name}, {segmenter.engine.precision}.",
        measures=MEASURES,
        tables={"cost": Table(COLUMNS, [row])},
    )


def random_model() -> UniversalModel:
    """The published architecture with fresh weights."""
    spec = CheckpointSpec(
        model=ModelSpec("swin_unetr", {}),
        preprocess=PreprocessSpec(),
        classes=tuple(ClassSpec(s.key, prompt(s)) for s in STRUCTURES),
        text_encoder="none",
    )
    torch.manual_seed(0)
    return build(spec, torch.randn(len(spec.classes), spec.model.text_width)).eval()


def peak_gb() -> float:
    """Largest resident size of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    main()
