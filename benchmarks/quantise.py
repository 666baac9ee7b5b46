"""Is int8 worth it on a CPU? The bundled model quantised after training, against float32 and bf16.

    pip install nncf==3.4.0    # for this study only
    python benchmarks/quantise.py DATA/abdomen_3mm DATA/abdomen_dicom --phantoms 4 -o benchmarks/results/quantise.json

The front of the first pass is quantised by NNCF from windows of phantoms that are not among the judges; the text-driven
head stays as it is, and the second pass is left out. Windows and cases are those of inference_profiles.py, overlap 0.5.
Rule, set before: int8 is kept only if the mean Dice falls by less than 0.005.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nncf
import numpy as np
import torch

from inference_profiles import mean_dice, phantom, real
from omentum.infer.engines import Network
from omentum.infer.engines.openvino import OpenVinoEngine, _core, converted
from omentum.infer.windows import plan_windows
from omentum.model import load_model
from omentum.model.growth.second_pass import without_second_pass
from omentum.phantom import make_case
from omentum.pipeline import Segmenter, SegmentOptions
from omentum.pipeline.predictor import network_of
from omentum.preprocess.prepare import prepare
from omentum.spec import PreprocessSpec
from record import Cell, Table, publish, result_file

MEASURES = (
    *("src/omentum/resources/default.safetensors", "src/omentum/infer/engines", "src/omentum/model/head.py"),
    "src/omentum/model/backbones/residual_unet.py",
)
COLUMNS = {"numbers": "{}", "seconds a window": "{:.2f}", "mean Dice": "{:.4f}", "loss": "{:.4f}"}
OF_CASES = {"numbers": "{}", "case": "{}", "Dice": "{:.4f}"}

SEED, SPACING_MM = 91000, (1.6, 1.6, 3.0)
KEPT_BELOW = 0.005
WAYS: dict[str, Any] = {
    "float32": "float32",
    "bf16": "bf16",
    "int8": {},
    "int8, activations asymmetric": {"preset": nncf.QuantizationPreset.MIXED},
    "int8, biases corrected slowly": {"fast_bias_correction": False},
}
"""Precisions of the engine, and options of `nncf.quantize`."""


class QuantisedEngine(OpenVinoEngine):
    """The OpenVINO engine with the front in int8, everything else in bf16.

    Args:
        network: The network.
        windows: To calibrate with, float32 (1, 1, *patch).
        **options: Of `nncf.quantize`.
    """

    def __init__(self, network: Network, windows: list[np.ndarray], **options: Any) -> None:
        super().__init__(network, "bf16")
        quantised = nncf.quantize(converted(network), nncf.Dataset(windows), subset_size=len(windows), **options)
        settings = {"INFERENCE_PRECISION_HINT": "bf16", "INFERENCE_NUM_THREADS": torch.get_num_threads()}
        self._request = _core().compile_model(quantised, "CPU", settings).create_infer_request()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--phantoms", type=int, default=4)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--windows", type=int, default=24, help="to calibrate with")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    cases = [real(folder) for folder in arguments.folders] + [phantom(k) for k in range(arguments.phantoms)]
    model = without_second_pass(load_model("default"))
    windows = list(itertools.islice(calibration(model.spec.preprocess), arguments.windows))
    network = network_of(model, model.spec.class_keys)
    rows: list[tuple[Cell, ...]] = []
    of_cases: list[tuple[Cell, ...]] = []
    base = None
    for name in arguments.ways:
        how = WAYS[name]
        precise = isinstance(how, str)
        engine = OpenVinoEngine(network, how) if precise else QuantisedEngine(network, windows, **how)
        segmenter = Segmenter(model, SegmentOptions(device="cpu"))
        segmenter.engines = [engine]  # instead of what it would compile on first use
        scores = [mean_dice(segmenter.segment(ct), reference, case) for case, ct, reference in cases]
        base = np.mean(scores) if base is None else base
        seconds = window_seconds(engine, torch.from_numpy(windows[0]))
        rows.append((name, seconds, np.mean(scores), base - np.mean(scores)))
        of_cases += ((name, case, score) for (case, _, _), score in zip(cases, scores, strict=True))
        print(rows[-1], file=sys.stderr, flush=True)
    about = f"{len(windows)} windows to calibrate with. Mean Dice over the structures a reference has."
    publish(
        arguments.out,
        title=f"int8 on a CPU (NNCF {nncf.__version__})",
        about=f"{about} Kept only below a loss of {KEPT_BELOW}.",
        measures=MEASURES,
        tables={"ways": Table(COLUMNS, rows), "cases": Table(OF_CASES, of_cases)},
    )


def calibration(spec: PreprocessSpec) -> Iterator[np.ndarray]:
    """Windows of phantoms that judge nothing, as the network gets them."""
    for k in itertools.count():
        image = prepare(make_case((SEED, k), SPACING_MM).ct, spec).tensor
        plan = plan_windows(tuple(image.shape[2:]), spec.patch)
        padding = [side for axis in (2, 1, 0) for side in (plan.before[axis], plan.after[axis])]
        image = torch.nn.functional.pad(image, padding)
        for x, y, z in itertools.product(*plan.starts):
            px, py, pz = spec.patch
            yield image[..., x : x + px, y : y + py, z : z + pz].contiguous().numpy()


def window_seconds(engine: OpenVinoEngine, window: torch.Tensor) -> float:
    """The least of five, the head included."""
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        engine(window)
        seconds.append(time.perf_counter() - started)
    return min(seconds)


if __name__ == "__main__":
    main()
