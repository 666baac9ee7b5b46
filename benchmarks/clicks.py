r"""Clicks: the Dice of badly segmented structures after 1, 3 and 5 of them, and what one costs.

    python benchmarks/transfer.py --work FOLDER                    # makes FOLDER/run_init/model.safetensors
    python benchmarks/clicks.py --weights FOLDER/run_init/model.safetensors --spacing 8 \
        -o benchmarks/results/clicks.json

Unseen procedural phantoms, segmented by weights that fail often. Structures with a Dice below 0.9 are corrected by
simulated clicks: each is at the place farthest from the border of the largest connected error, as a careful user's.
Seconds are those of the bundled weights at 3 mm.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from omentum.annotate.click.correct import Click, Corrector
from omentum.components import component_sizes, connected_components
from omentum.model import load_model
from omentum.phantom import make_case
from omentum.pipeline import segment
from omentum.segmentation import Segmentation
from omentum.volume import Volume
from record import Cell, Table, publish, result_file

MEASURES = (
    *("src/omentum/annotate/click", "src/omentum/pipeline/window_features.py"),
    "src/omentum/resources/default.safetensors",
)
SEED, AFTER = 97_000, (1, 3, 5)
DOUBTFUL, FEWEST_ML = 0.9, 2.0
"""Structures with a lower Dice than this and at least so large are corrected."""


@dataclass(frozen=True)
class Corrected:
    """One structure of one case: its Dice after 0, 1, 2, ... clicks."""

    dice: tuple[float, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=6)
    parser.add_argument("--weights", default="default")
    parser.add_argument("--spacing", type=float, default=3.0, metavar="MM")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cases = range(SEED, SEED + arguments.cases)
    found = [one for seed in cases for one in corrected_case(seed, arguments.weights, arguments.spacing)]
    table = Table(COLUMNS, [row(name, found, low, high) for name, low, high in RANGES if within(found, low, high)])
    first, next_one = seconds_at_3_mm()
    publish(
        arguments.out,
        title="Corrections by clicks",
        about=f"{arguments.cases} unseen phantoms at {arguments.spacing:g} mm. {ABOUT}",
        measures=MEASURES,
        tables={"dice": table},
        values={"seconds of the first click": first, "seconds of the next": next_one, "threads": arguments.threads},
    )


ABOUT = (
    f"Structures of at least {FEWEST_ML:g} ml with a Dice below {DOUBTFUL:g}; each click is simulated at the middle of "
    "the largest error. Mean Dice."
)
RANGES = (("below 0.5", 0.0, 0.5), ("0.5 to 0.9", 0.5, DOUBTFUL), ("all", 0.0, DOUBTFUL))
COLUMNS = {
    **{"Dice before": "{}", "n": "{}", "before": "{:.3f}"},
    **{f"{n} clicks": "{:.3f}" for n in AFTER},
    "worse": "{}",
}


def seconds_at_3_mm() -> tuple[float, float]:
    """What a first click in the liver costs with the bundled weights, and another one near it."""
    case = make_case(SEED, (3.0, 3.0, 3.0))
    liver = case.truth.mask("liver")
    masks = Segmentation.from_masks({"liver": np.zeros_like(liver)}, case.ct.affine)
    corrector = Corrector(case.ct)
    place = np.argwhere(liver)[liver.sum() // 2]
    clicks = [Click.at_voxel(case.ct.grid, place + step) for step in ((0, 0, 0), (0, 0, 3))]
    first = corrector.correct(masks, "liver", clicks[:1])
    return first.seconds, corrector.correct(first.segmentation, "liver", clicks).seconds


def within(found: Sequence[Corrected], low: float, high: float) -> list[Corrected]:
    """Those whose Dice before lies in a range."""
    return [one for one in found if low <= one.dice[0] < high]


def row(name: str, found: Sequence[Corrected], low: float, high: float) -> tuple[Cell, ...]:
    """Mean Dice of the structures in a range, and how many are worse after the last click."""
    some = within(found, low, high)
    means = [fmean(one.dice[n] for one in some) for n in (0, *AFTER)]
    return name, len(some), *means, sum(one.dice[AFTER[-1]] < one.dice[0] for one in some)


def corrected_case(seed: int, weights: str, spacing_mm: float) -> list[Corrected]:
    """Every doubtful structure of a phantom."""
    case = make_case(seed, (spacing_mm, spacing_mm, spacing_mm))
    ct, truth = case.ct, case.truth
    model = load_model(weights)
    masks = segment(ct, weights=model, device="cpu", engine="torch")
    corrector = Corrector(ct, model)
    found = []
    for key in sorted(truth.present() & set(masks.classes)):
        right = truth.mask(key)
        if right.sum() * ct.grid.voxel_volume_ml < FEWEST_ML or dice(masks.mask(key), right) >= DOUBTFUL:
            continue
        one = corrected(corrector, ct, masks, key, right)
        found.append(one)
        print(f"{seed} {key}: {', '.join(f'{d:.2f}' for d in one.dice)}", file=sys.stderr, flush=True)
    return found


def corrected(corrector: Corrector, ct: Volume, masks: Segmentation, key: str, right: NDArray[np.bool_]) -> Corrected:
    """A structure after so many simulated clicks; the clicks before are given again."""
    clicks: list[Click] = []
    scores, present = [dice(masks.mask(key), right)], masks
    for _ in range(AFTER[-1]):
        if not (present.mask(key) != right).any():
            scores.append(1.0)
            continue
        clicks.append(next_click(ct, present.mask(key), right))
        present = corrector.correct(present, key, clicks).segmentation
        scores.append(dice(present.mask(key), right))
    return Corrected(tuple(scores))


def next_click(ct: Volume, mask: NDArray[np.bool_], right: NDArray[np.bool_]) -> Click:
    """The innermost voxel of the largest connected error."""
    labels = [connected_components(error) for error in (right & ~mask, mask & ~right)]
    sizes = [component_sizes(of)[1:] for of in labels]
    missing = sizes[0].max(initial=0) >= sizes[1].max(initial=0)
    of, size = (labels[0], sizes[0]) if missing else (labels[1], sizes[1])
    inner = distance_transform_edt(of == 1 + int(size.argmax()))
    place = [float(at) for at in np.unravel_index(int(inner.argmax()), inner.shape)]
    return Click.at_voxel(ct.grid, place, inside=bool(missing))


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Of two masks."""
    return float(2 * (one & other).sum() / max(1, one.sum() + other.sum()))


if __name__ == "__main__":
    main()
