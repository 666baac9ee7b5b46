"""Prompts for a text-driven model: matched, paraphrased, with the sides swapped, and irrelevant (arXiv 2605.01266).

    python benchmarks/prompt_protocol.py --number 4 -o benchmarks/results/prompt_protocol.json

The bundled model segments unseen phantoms once; every prompt then selects masks through the vocabulary, as `--classes`
does. Dice is that of the selected masks together against the truth of the structure the prompt is about. A swapped
prompt names the opposite side: against the truth of the prompt's structure it should be as good as a matched one,
against that of the structure it replaced it should be 0. An irrelevant prompt should select nothing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from statistics import mean

import numpy as np

from omentum import Segmentation, explain_words
from omentum.anatomy import STRUCTURES
from omentum.phantom import make_case
from omentum.pipeline import Segmenter
from record import Cell, Table, publish, result_file

MEASURES = (
    *("src/omentum/anatomy/vocabulary", "src/omentum/words.py", "src/omentum/resources/default.safetensors"),
    *("src/omentum/infer", "src/omentum/preprocess", "src/omentum/postprocess", "src/omentum/phantom"),
)
PARAPHRASES = {
    "spleen": ("the lien", "Milz", "splenic parenchyma"),
    "right_kidney": ("kidney on the right side", "rein droit", "ren dexter"),
    "left_kidney": ("l kidney", "linke Niere", "riñón izquierdo"),
    "gallbladder": ("gall bladder", "vesica biliaris", "胆囊"),
    "oesophagus": ("gullet", "food pipe", "Speiseröhre"),
    "liver": ("hepar", "whole liver", "foie"),
    "stomach": ("gaster", "estómago", "Magen"),
    "aorta": ("abdominal aorta", "Hauptschlagader", "主动脉"),
    "inferior_vena_cava": ("IVC", "postcava", "veine cave inférieure"),
    "portal_splenic_vein": ("portal vein", "portal venous system", "Pfortader"),
    "pancreas": ("pancreas gland", "Bauchspeicheldrüse", "páncreas"),
    "right_adrenal": ("right suprarenal gland", "RAG", "glandula suprarenalis dextra"),
    "left_adrenal": ("adrenal gland, left", "LAG", "左肾上腺"),
    "duodenum": ("the duodenum", "Zwölffingerdarm", "十二指肠"),
    "right_lung": ("lung right", "pulmo dexter", "poumon droit"),
    "left_lung": ("lt lung", "linke Lunge", "左肺"),
    "colon": ("large bowel", "Dickdarm", "gros intestin"),
    "small_bowel": ("small intestine", "intestinum tenue", "小肠"),
    "rectum": ("Mastdarm", "recto", "直肠"),
    "bladder": ("urinary bladder", "vessie", "Harnblase"),
    "prostate": ("prostate gland", "Vorsteherdrüse", "próstata"),
    "left_femoral_head": ("head of the left femur", "Head_of_femur_L", "左侧股骨头"),
    "right_femoral_head": ("right femur head", "tête fémorale droite", "rechter Hüftkopf"),
    "kidney_tumour": ("renal cell carcinoma", "renal mass", "tumeur rénale"),
    "liver_tumour": ("hepatic lesion", "liver metastases", "Lebertumor"),
    "kidney_cyst": ("renal cyst", "cyst of the kidney", "quiste renal"),
}
"""Three ways to say a structure otherwise than the table shows it; not those by which the vocabulary was judged."""
IRRELEVANT = (
    *("heart", "brain", "thyroid gland", "left ventricle", "spinal cord", "rib", "uterus", "a photo of a dog", "car"),
    *(
        "renal artery",
        "splenic artery",
        "hepatic artery",
        "liver cirrhosis",
        "kidney stone",
        "gallstones",
        "gastric band",
    ),
    *("sigmoid colon", "head of the pancreas", "left lobe of the liver", "pleural effusion", "aortic valve", "ureter"),
    *("bladder cancer", "splenic infarct", "adrenal adenoma", "bile duct", "superior vena cava", "pulmonary embolism"),
)
COLUMNS = {
    "arm": "{}",
    "prompts": "{}",
    "understood": "{:.1%}",
    "right structures": "{:.1%}",
    "Dice, structure of the prompt": "{:.3f}",
    "Dice, structure it replaced": "{:.3f}",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=4)
    parser.add_argument("--seed", type=int, default=97000)
    parser.add_argument("--spacing", type=float, default=3.0, metavar="MM")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    segmenter, cases = Segmenter(), list[tuple[Segmentation, Segmentation]]()
    for k in range(arguments.number):
        case = make_case((arguments.seed, k), (arguments.spacing,) * 3)
        cases.append((segmenter.segment(case.ct), case.truth))
        print(f"phantom {k}: {case.ct.shape}", file=sys.stderr)
    paraphrased = [(words, key, None) for key, said in PARAPHRASES.items() for words in said]
    sided = [row for row in STRUCTURES if row.pair]
    arms = {
        "matched": [(STRUCTURES[key].display, key, None) for key in PARAPHRASES],
        "paraphrased": paraphrased,
        "sides swapped": [(STRUCTURES[row.pair or ""].display, row.pair or "", row.key) for row in sided],
    }
    rows = [_arm(name, prompts, cases) for name, prompts in arms.items()]
    answers = [explain_words([words])[0] for words in IRRELEVANT]
    selected = [answer.query for answer in answers if answer]
    publish(
        arguments.out,
        title="Prompts: matched, paraphrased, swapped, irrelevant",
        about=f"The bundled model on {arguments.number} unseen phantoms at {arguments.spacing:g} mm.",
        measures=MEASURES,
        tables={
            "arms": Table(COLUMNS, rows),
            "irrelevant": Table(
                {"arm": "{}", "prompts": "{}", "refused": "{:.1%}"},
                [("irrelevant", len(answers), 1 - len(selected) / len(answers))],
                notes=[f"Accepted: {', '.join(selected)}."] if selected else (),
            ),
        },
    )


Prompt = tuple[str, str, str | None]
"""Words, the structure they are about, and the structure that it replaced."""


def _arm(name: str, prompts: Sequence[Prompt], cases: Sequence[tuple[Segmentation, Segmentation]]) -> tuple[Cell, ...]:
    answers = [explain_words([words])[0].structures for words, _, _ in prompts]
    about: list[float] = []
    replaced: list[float] = []
    for (_, key, before), keys in zip(prompts, answers, strict=True):
        for found, truth in cases:
            mask = _together(found, keys)
            about += _dice(mask, truth, key)
            replaced += _dice(mask, truth, before) if before else []
    right = [keys == (key,) for keys, (_, key, _) in zip(answers, prompts, strict=True)]
    understood = mean(map(bool, answers))
    return name, len(prompts), understood, mean(right), mean(about), mean(replaced) if replaced else None


def _together(found: Segmentation, keys: Sequence[str]) -> np.ndarray:
    masks = [found.mask(key) for key in keys if key in found.classes]
    return np.logical_or.reduce(masks) if masks else np.zeros(found.bits.shape[1:], bool)


def _dice(mask: np.ndarray, truth: Segmentation, key: str) -> list[float]:
    """Dice of a mask, if the phantom has the structure."""
    expected = truth.mask(key) if key in truth.classes else None
    if expected is None or not expected.any():
        return []
    return [2 * float((mask & expected).sum()) / float(mask.sum() + expected.sum())]


if __name__ == "__main__":
    main()
