"""How alike the structures look to a language model, before any training.

    python benchmarks/experiments/similarity.py --clip TABLE.npy -o benchmarks/results/similarity.json

Draws docs/similarity.svg, too.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tables import clip, gaussian, minilm, one_hot

from omentum.anatomy import STRUCTURES
from omentum.report.class_map import ClassMap, ClassMapStage

sys.path.append(str(Path(__file__).parents[1]))
from record import ROOT, Table, publish, result_file

MEASURES = (
    *("src/omentum/anatomy/prompts.py", "src/omentum/anatomy/structures.toml", "src/omentum/text"),
    "src/omentum/report/class_map.py",
)
COLUMNS = {
    "embedding": "{}",
    "mean cosine": "{:.3f}",
    "pair is nearest": "{}",
    "of pairs": "{}",
    "lesion is nearest to its organ": "{}",
    "of lesions": "{}",
}


def main() -> None:
    from omentum.report.class_map_picture import save_class_map

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip", type=Path, required=True, help=".npy [32, 512]: CLIP embeddings, template order")
    parser.add_argument("-o", "--out", type=result_file)
    options = parser.parse_args()
    tables = {"MiniLM": minilm(), "CLIP": clip(options.clip), "one-hot": one_hot(), "random": gaussian(0)}
    stages = tuple(ClassMapStage.of(name, table.numpy()) for name, table in tables.items())
    alike = ClassMap(STRUCTURES.default_keys, stages)
    related = (alike.pairs, alike.lesions)
    rows = [
        (stage.name, stage.mean_cosine, *(count for one in related for count in alike.share_nearest(stage, one)))
        for stage in stages
    ]
    publish(
        options.out,
        title="How alike the structures look to a language model",
        about="Nearest: with the highest cosine after the mean over structures was taken off.",
        measures=MEASURES,
        tables={"alike": Table(COLUMNS, rows)},
    )
    if options.out:
        words = ClassMap(alike.keys, stages[:2], "Embeddings of the prompts", "before any training")
        save_class_map(ROOT / "docs" / "similarity.svg", words)


if __name__ == "__main__":
    main()
