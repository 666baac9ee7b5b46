r"""What words give that a model was not trained with: paraphrases of its structures, other structures, nonsense.

    python benchmarks/untrained_words.py --labels labels.nii.gz --names names.json --work DIR \
        -o benchmarks/results/untrained_words.json

The bundled model segments unseen phantoms with heads generated from these words, as if they were classes; `omentum
segment` refuses them. Truth of other structures is that of restyled bodies (`omentum phantom --from-labels`). No
post-processing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from omentum.anatomy import STRUCTURES, include_structures
from omentum.io.truth import read_case
from omentum.model import UniversalModel, load_model
from omentum.model.growth.second_pass import without_second_pass
from omentum.phantom import make_case
from omentum.pipeline import Segmenter, SegmentOptions
from omentum.segmentation import Segmentation
from omentum.spec import ClassSpec
from omentum.text.encoder import embed
from record import Cell, Table, publish, result_file

MEASURES = (
    *("src/omentum/resources/default.safetensors", "src/omentum/model/head.py", "src/omentum/anatomy/prompts.py"),
    *("src/omentum/text", "src/omentum/phantom"),
)
COMMAND = (sys.executable, "-c", "import sys; from omentum.cli import main; sys.exit(main())")
PARAPHRASES = (
    ("kidney on the left side", "left_kidney"),
    ("left renal parenchyma", "left_kidney"),
    ("ren sinister", "left_kidney"),
    ("linke Niere", "left_kidney"),
    ("kidney on the right side", "right_kidney"),
    ("right renal parenchyma", "right_kidney"),
    ("kidney", "right_kidney"),
    ("hepar", "liver"),
    ("hepatic parenchyma", "liver"),
    ("Leber", "liver"),
    ("lien", "spleen"),
    ("splenic tissue", "spleen"),
    ("right pulmonary parenchyma", "right_lung"),
    ("lung on the right side", "right_lung"),
    ("gastric body", "stomach"),
    ("abdominal aorta", "aorta"),
    ("vesica urinaria", "bladder"),
)
"""Words -> the structure that a person means by them."""
OTHERS = {
    "vertebra_L1": "first lumbar vertebra",
    "heart": "heart",
    "gluteus_maximus_left": "left gluteus maximus",
    "gluteus_maximus_right": "right gluteus maximus",
    "sacrum": "sacrum",
    "spinal_cord": "spinal cord",
}
"""Structures that restyled bodies have, and what they are called in the prompt."""
NONSENSE = ("vermiform appendix", "thyroid gland", "uterus", "hip prosthesis", "banana", "sonata in B minor")
"""Not in any phantom, or not anatomy at all."""
WORDS = tuple(word for word, _ in PARAPHRASES) + NONSENSE
KEYS = {word: key for key, word in OTHERS.items()} | {word: f"word_{n}" for n, word in enumerate(WORDS)}
"""Words -> key of the class that stands for them."""
NAMES = {"vertebra_L1": "vertebrae_L1"}
"""Keys -> names in the label map, where they differ."""
TOML = "\n".join(
    f"[{key}]\nvolume_ml = [1, 2000]\nsynonyms = {[NAMES[key]] if key in NAMES else []}\n" for key in KEYS.values()
)


@dataclass
class Counts:
    """Voxels of one word's masks over all cases; the truth is that of its structure, where there is one."""

    found: int = 0
    truth: int = 0
    both: int = 0
    cases: int = 0
    ml: float = 0.0
    truth_ml: float = 0.0
    inside: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def dice(self) -> float | None:
        return 2 * self.both / (self.found + self.truth) if self.truth else None

    @property
    def most_like(self) -> tuple[str, float]:
        """The structure of the model whose own mask has the highest Dice with the word's."""
        likeness = {key: 2 * n / (self.found + self.sizes[key]) for key, n in self.inside.items() if self.found}
        key = max(likeness, key=likeness.__getitem__, default="")
        return (STRUCTURES[key].display, likeness[key]) if key and likeness[key] > 0 else ("nothing", 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--labels", type=Path, required=True, help="a real body's label map")
    parser.add_argument("--names", type=Path, required=True, help="JSON: value -> name")
    parser.add_argument("--work", type=Path, required=True, help="folder for restyled bodies")
    parser.add_argument("--procedural", type=int, default=2)
    parser.add_argument("--restyled", type=int, default=2)
    parser.add_argument("-o", "--out", type=result_file)
    options = parser.parse_args()
    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    (work / "structures.toml").write_text(TOML, encoding="utf-8")
    include_structures(work / "structures.toml")
    model = with_words(without_second_pass(load_model()))
    targets = {word: key for key, word in OTHERS.items()} | dict(PARAPHRASES)
    counts = {word: Counts() for word in KEYS}
    own = {key: Counts() for key in STRUCTURES.default_keys}
    segmenter = Segmenter(model, SegmentOptions(postprocess="none", locate=False))
    for ct, truth in cases(work, options):
        count(segmenter.segment(ct), truth, targets, counts, own)
    publish(
        options.out,
        title="Words that the bundled model was not trained with",
        about=f"{options.procedural} unseen procedural phantoms and {options.restyled} restyled bodies, 3 mm; template "
        "V3; no post-processing; voxels of all cases together. Most like: the trained structure whose mask has the "
        "highest Dice with the mask of the word.",
        measures=MEASURES,
        tables={
            "paraphrases": Table(PARAPHRASE_COLUMNS, paraphrase_rows(counts, own)),
            "others": Table(OTHER_COLUMNS, other_rows(counts)),
        },
        values={"cases": options.procedural + options.restyled},
    )


PARAPHRASE_COLUMNS = {
    "word": "{}",
    "meant": "{}",
    "Dice of its own prompt": "{:.2f}",
    "Dice of the word": "{:.2f}",
    "most like": "{}",
    "Dice with that": "{:.2f}",
}
OTHER_COLUMNS = {
    "word": "{}",
    "truth ml a case": "{:.0f}",
    "found ml a case": "{:.0f}",
    "Dice": "{:.2f}",
    "most like": "{}",
    "Dice with that": "{:.2f}",
}


def paraphrase_rows(counts: dict[str, Counts], own: dict[str, Counts]) -> list[tuple[Cell, ...]]:
    return [
        (word, STRUCTURES[key].display, own[key].dice, counts[word].dice, *counts[word].most_like)
        for word, key in PARAPHRASES
    ]


def other_rows(counts: dict[str, Counts]) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = []
    for word in (*OTHERS.values(), *NONSENSE):
        one = counts[word]
        truth = one.truth_ml / one.cases if one.truth else None
        rows.append((word, truth, one.ml / one.cases, one.dice, *one.most_like))
    return rows


def with_words(model: UniversalModel) -> UniversalModel:
    """The model with a class for each word."""
    prompts = [f"A computerized tomography of a {word}" for word in KEYS]
    rows = torch.cat([model.text_embeddings, embed(prompts, model.spec.text_encoder)])
    made_up = [ClassSpec(key, prompt) for key, prompt in zip(KEYS.values(), prompts, strict=True)]
    spec = replace(model.spec, classes=(*model.spec.classes, *made_up))
    return UniversalModel(model.backbone, model.head, rows, spec).eval()


def cases(work: Path, options: argparse.Namespace) -> Iterable[tuple]:
    for k in range(options.procedural):
        case = make_case((95000, k), (3.0, 3.0, 3.0))
        yield case.ct, case.truth
        print(f"phantom {k}", file=sys.stderr, flush=True)
    if len(list(work.glob("bodies/*/case.json"))) < options.restyled:
        made = ("phantom", "-o", "bodies", "-n", str(options.restyled), "--seed", "96000", "--spacing", "3", "--quiet")
        labels, names = (str(path.resolve()) for path in (options.labels, options.names))
        source = ("--from-labels", labels, "--names", names, "--structures", "structures.toml")
        subprocess.run([*COMMAND, *made, *source], check=True, cwd=work)
    for place in sorted(path.parent for path in (work / "bodies").glob("*/case.json")):
        yield read_case(place)[:2]
        print(place.name, file=sys.stderr, flush=True)


def count(
    found: Segmentation, truth: Segmentation, targets: dict[str, str], counts: dict[str, Counts], own: dict[str, Counts]
) -> None:
    """Add one case."""
    voxel_ml = abs(float(np.linalg.det(found.affine[:3, :3]))) / 1000
    known = {key: found.mask(key) for key in own}
    for word, one in counts.items():
        mask = found.mask(KEYS[word])
        one.cases += 1
        one.found += int(mask.sum())
        one.ml += float(mask.sum()) * voxel_ml
        add_truth(one, mask, truth, targets.get(word), voxel_ml)
        for key, other in known.items():
            one.inside[key] = one.inside.get(key, 0) + int((mask & other).sum())
            one.sizes[key] = one.sizes.get(key, 0) + int(other.sum())
    for key, one in own.items():
        one.found += int(known[key].sum())
        add_truth(one, known[key], truth, key, voxel_ml)


def add_truth(one: Counts, mask: NDArray[np.bool_], truth: Segmentation, key: str | None, voxel_ml: float) -> None:
    if key is None or key not in truth.annotated:
        return
    wanted = truth.mask(key)
    one.truth += int(wanted.sum())
    one.truth_ml += float(wanted.sum()) * voxel_ml
    one.both += int((mask & wanted).sum())


if __name__ == "__main__":
    main()
