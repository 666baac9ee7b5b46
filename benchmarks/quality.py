"""Does the quality score tell good masks from bad ones? Calibrated on phantoms, tested on other phantoms and real CTs.

    python benchmarks/quality.py --calibrate src/omentum/quality/score.json --anatomy DATA/real_anatomy_labels \\
        DATA/abdomen_3mm DATA/abdomen_dicom -o benchmarks/results/quality.json

Phantoms have exact truth; `benchmarks/failures.py` does harm to some of their structures, so the Dice of each mask is
known, and features are taken from the harmed segmentation as a whole. Half of the phantoms are restyled from real
anatomy if one is given (labels.nii.gz, names.json). Without --calibrate the packaged numbers are tested.
Real CTs: folders with ct.nii.gz or a DICOM series in series/, and totalsegmentator_labels.nii.gz (another model's
output, taken for the truth here).
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from omentum.anatomy import STRUCTURES
from omentum.evaluate import aligned, load_mapping
from omentum.io.dicom.series import read_series
from omentum.io.labels import read_labels
from omentum.io.nifti import read_volume
from omentum.measure import find_lesions, measure
from omentum.pipeline import segment
from omentum.quality import assess_quality
from omentum.quality.score import GOOD_DICE, ScoreModel, bundled_model
from omentum.segmentation import Segmentation
from omentum.volume import Volume
from quality_calibration import calibrated, model_json
from quality_examples import Example, dice, examples, harmed, restyle_source
from record import Table, publish, result_file

MEASURES = (
    *("src/omentum/quality/score.json", "src/omentum/quality/score.py", "src/omentum/quality/assess.py"),
    *(
        "src/omentum/quality/limits.toml",
        "src/omentum/quality/mask_features.py",
        "src/omentum/quality/placement.py",
    ),
    *("src/omentum/quality/result_flags.py", "src/omentum/quality/ct_flags.py", "benchmarks/failures.py"),
)
WEIGHTS = {"feature": "{}", "loss of log-odds": "{:.2f}"}
GROUPS = {"masks": "{}", "bad": "{}", "of": "{}", "AUROC": "{:.3f}", "median score of the bad": "{:.2f}"}
BINS = {"score": "{}", "masks": "{}", "share with Dice >= 0.7": "{:.2f}", "mean Dice": "{:.2f}"}
FLAGS = {"flag": "{}", "structure": "{}", "text": "{}"}
SCORES = {"structure": "{}", "score": "{:.2f}", "why": "{}"}
OWN = {"structure": "{}", "score": "{:.2f}", "Dice": "{:.2f}", "why": "{}"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--anatomy", type=Path, help="folder with labels.nii.gz and names.json to restyle, too")
    parser.add_argument("--train", type=int, default=16, help="phantoms to calibrate on")
    parser.add_argument("--test", type=int, default=8, help="phantoms to test on")
    parser.add_argument("--rounds", type=int, default=3, help="harmed segmentations of each")
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("--calibrate", type=Path, help="write the numbers here")
    parser.add_argument("--weights", help="only this: how the scores of a model's own masks of the CTs fit their Dice")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    if arguments.weights:
        publish(arguments.out, measures=MEASURES, **own_masks(arguments.folders, arguments.weights))
        return
    anatomy = restyle_source(arguments.anatomy) if arguments.anatomy else None
    model = bundled_model() if not arguments.calibrate else None
    if model is None:
        model = calibrated(examples("train", arguments.train, arguments.rounds, anatomy, arguments.jobs))
        arguments.calibrate.write_text(model_json(model), encoding="utf-8")
    tested = examples("test", arguments.test, arguments.rounds, anatomy, arguments.jobs)
    tables = {"weights": weights_table(model), **judged("phantoms", "Phantoms not calibrated on", tested, model)}
    for folder in arguments.folders:
        tables |= real_ct(folder, model, arguments.rounds)
    publish(arguments.out, title="Quality score and flags", measures=MEASURES, tables=tables)


def auroc(scores: NDArray[np.float64], bad: NDArray[np.bool_]) -> float | None:
    """That a bad mask scores lower than a good one, ties half; None without both kinds."""
    n_bad, n_good = int(bad.sum()), int((~bad).sum())
    if not n_bad or not n_good:
        return None
    return float((rankdata(-scores)[bad].sum() - n_bad * (n_bad + 1) / 2) / (n_bad * n_good))


def judged(name: str, title: str, tested: Sequence[Example], model: ScoreModel) -> dict[str, Table]:
    """AUROC over all, by source, by injury (its bad masks against all good ones), by structure; calibration."""
    usual = {key: dict(row) for key, row in model.usual.items()}
    scores = np.array([model.score(e.features(usual)) for e in tested])
    dices = np.array([e.dice for e in tested])
    bad = dices < GOOD_DICE
    sources, injuries, keys = (np.array([getattr(e, a) for e in tested]) for a in ("source", "injury", "key"))
    groups = [("all", np.ones(len(bad), bool))]
    groups += [(source, sources == source) for source in sorted(set(sources)) if len(set(sources)) > 1]
    groups += [(f"injury: {i}", (injuries == i) & bad | ~bad) for i in sorted(set(injuries[bad]))]
    groups += [(f"structure: {key}", keys == key) for key in STRUCTURES.keys if (keys == key).any()]
    rows = [
        (group, bad[of].sum(), of.sum(), value, np.median(scores[of & bad]))
        for group, of in groups
        if (value := auroc(scores[of], bad[of])) is not None
    ]
    bins = []
    for low, high in itertools.pairwise(np.linspace(0, 1, 6)):
        of = (scores >= low) & ((scores < high) | (high == 1))
        if of.any():
            bins.append((f"{low:.1f} to {high:.1f}", of.sum(), (~bad[of]).mean(), dices[of].mean()))
    order = float(np.corrcoef(rankdata(scores), rankdata(dices))[0, 1])
    told = f"{title}: {len(tested)} masks, {int(bad.sum())} with Dice < {GOOD_DICE}."
    notes = [f"Rank correlation of score and Dice: {order:.3f}."]
    return {name: Table(GROUPS, rows, about=told), f"{name}_by_score": Table(BINS, bins, notes=notes)}


def weights_table(model: ScoreModel) -> Table:
    about = f"Loss of log-odds for each SD of being unusual, from {model.intercept:.2f}."
    return Table(WEIGHTS, sorted(model.weights.items(), key=lambda item: -item[1]), about=about)


def referenced_ct(folder: Path) -> tuple[Volume, Segmentation]:
    """A CT and its reference labels on its grid."""
    nifti = folder / "ct.nii.gz"
    ct = read_volume(nifti) if nifti.exists() else read_series(folder / "series")
    seg = read_labels(folder / "totalsegmentator_labels.nii.gz", load_mapping("totalsegmentator").labels)
    return ct, aligned(seg, ct.grid)


def own_masks(folders: Sequence[Path], weights: str) -> dict[str, Any]:
    """How the scores of a model's own masks fit their Dice, for `publish`."""
    found = {folder.name: own_scores(folder, weights) for folder in folders}
    tables = {name: Table(OWN, rows, notes=[told(rows)]) for name, rows in found.items()}
    together = [row for rows in found.values() for row in rows]
    scores, dices = np.array([row[1:3] for row in together]).T
    values = {
        "masks": len(together),
        "bad masks": int((dices < GOOD_DICE).sum()),
        "AUROC": auroc(scores, dices < GOOD_DICE),
    }
    about = "The network's mean probability caps the score. The values below are of all masks together."
    title = f"Quality score of the {weights} model's own masks"
    return {"title": title, "about": about, "tables": tables, "values": values}


def own_scores(folder: Path, weights: str) -> list[tuple[str, float, float, str]]:
    """Score and Dice of each structure that a model found and the reference has, or should have."""
    ct, reference = referenced_ct(folder)
    found = segment(ct, weights=weights, device="cpu")
    rows = [
        (key, q.score, dice(found.mask(key), reference.mask(key)), ", ".join(q.reasons))
        for key, q in found.quality().structures.items()
        if key in (reference.annotated or ())
    ]
    return sorted(rows, key=lambda row: row[1:3])


def told(rows: Sequence[tuple[str, float, float, str]]) -> str:
    """Of one CT."""
    scores, dices = np.array([row[1:3] for row in rows]).T
    order = float(np.corrcoef(rankdata(scores), rankdata(dices))[0, 1])
    value = auroc(scores, dices < GOOD_DICE)
    bad = int((dices < GOOD_DICE).sum())
    shown = "no" if value is None else f"{value:.3f}"
    return f"{bad} of {len(rows)} bad; AUROC {shown}; rank correlation {order:.3f}."


def real_ct(folder: Path, model: ScoreModel, rounds: int) -> dict[str, Table]:
    """What the flags and scores say of the reference labels as they are, and of the same after harm."""
    ct, seg = referenced_ct(folder)
    quality = assess_quality(ct, seg, measure(ct, seg), find_lesions(ct, seg))
    flags = [(f"{f.severity}: {f.code}", f.structure, f.text) for f in quality.flags]
    ranked = sorted(quality.structures.items(), key=lambda item: item[1].score)
    scores = [(key, q.score, ", ".join(q.reasons)) for key, q in ranked]
    found = list(harmed(ct, seg, 2 * rounds, np.random.default_rng(430_000), folder.name))
    name = folder.name
    return {
        f"{name}_flags": Table(FLAGS, flags, about=f"Its reference labels; score of the case {quality.score:.2f}."),
        f"{name}_scores": Table(SCORES, scores),
        **judged(f"{name}_harmed", "Its reference labels, harmed", found, model),
    }


if __name__ == "__main__":
    main()
