"""How alike the structures look to a language model, before any training.

    python benchmarks/experiments/similarity.py --clip TABLE.npy -o benchmarks/results/similarity.json

Draws docs/similarity.svg, too.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tables import clip, gaussian, minilm, one_hot
from torch import Tensor

from omentum.anatomy import STRUCTURES

sys.path.append(str(Path(__file__).parents[1]))
from record import ROOT, Table, publish, result_file

MEASURES = ("src/omentum/anatomy/prompts.py", "src/omentum/anatomy/structures.toml", "src/omentum/text")
COLUMNS = {
    "embedding": "{}",
    "mean cosine": "{:.3f}",
    "pair is nearest": "{}",
    "of pairs": "{}",
    "lesion is nearest to its organ": "{}",
    "of lesions": "{}",
}


def main() -> None:
    from pictures import draw_similarity

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip", type=Path, required=True, help=".npy [32, 512]: CLIP embeddings, template order")
    parser.add_argument("-o", "--out", type=result_file)
    options = parser.parse_args()
    tables = {"MiniLM": minilm(), "CLIP": clip(options.clip), "one-hot": one_hot(), "random": gaussian(0)}
    alike = {name: Similarity.of(table) for name, table in tables.items()}
    rows = [
        (name, found.mean, *found.share_nearest(pairs()), *found.share_nearest(lesion_relations()))
        for name, found in alike.items()
    ]
    publish(
        options.out,
        title="How alike the structures look to a language model",
        about="Nearest: with the highest cosine after the mean over structures was taken off.",
        measures=MEASURES,
        tables={"alike": Table(COLUMNS, rows)},
    )
    if options.out:
        draw_similarity({name: alike[name] for name in ("MiniLM", "CLIP")}, ROOT / "docs" / "similarity.svg")


@dataclass(frozen=True)
class Similarity:
    """Cosines [K, K] of a table, as it is and after the mean over structures was taken off."""

    plain: NDArray[np.float64]
    centred: NDArray[np.float64]

    @classmethod
    def of(cls, table: Tensor) -> Similarity:
        """Of embeddings [K, width]."""
        rows = table.double().numpy()
        return cls(_cosines(rows), _cosines(rows - rows.mean(0)))

    @property
    def mean(self) -> float:
        """Mean cosine of two different structures."""
        return float(self.plain[~np.eye(len(self.plain), dtype=bool)].mean())

    def share_nearest(self, related: dict[str, set[str]]) -> tuple[int, int]:
        """How many of these structures have a related one as their nearest, of how many."""
        others = self.centred - 2 * np.eye(len(self.centred))
        nearest = {key: STRUCTURES.keys[int(others[k].argmax())] for k, key in enumerate(STRUCTURES.keys)}
        return sum(nearest[key] in wanted for key, wanted in related.items()), len(related)


def pairs() -> dict[str, set[str]]:
    """Left and right."""
    return {s.key: {s.pair} for s in STRUCTURES if s.pair}


def lesion_relations() -> dict[str, set[str]]:
    """A lesion and its organ, or another lesion of the same organ."""
    lesions = [s for s in STRUCTURES if s.kind in ("tumour", "cyst")]
    return {s.key: {*s.hosts, *(o.key for o in lesions if o is not s and set(o.hosts) & set(s.hosts))} for s in lesions}


def _cosines(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12)
    cosines: NDArray[np.float64] = unit @ unit.T
    return cosines


if __name__ == "__main__":
    main()
