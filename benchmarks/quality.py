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
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import rankdata

from failures import injured
from omentum.anatomy import STRUCTURES
from omentum.evaluate import aligned, load_mapping
from omentum.io.dicom.series import read_series
from omentum.io.labels import read_labels
from omentum.io.nifti import read_volume
from omentum.measure import find_lesions, measure
from omentum.phantom import RestyleSource, make_case
from omentum.pipeline import segment
from omentum.quality import assess_quality
from omentum.quality.assess import gather_evidence
from omentum.quality.ct_facts import ct_facts
from omentum.quality.limits import QUALITY_RULES
from omentum.quality.result_flags import QualityEvidence
from omentum.quality.score import (
    FEATURES,
    GOOD_DICE,
    LEARNED,
    ScoreModel,
    anomaly_scores,
    bundled_model,
    group_of,
    raw_features,
)
from omentum.segmentation import Segmentation
from omentum.volume import Volume
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
SPACING_MM = (3.0, 3.0, 3.0)
HARMED = 0.6
"""Share of the structures that are harmed."""
LEAST_SD = 0.15
"""Of any learned feature (all are logarithms or roots of shares): phantoms vary less than people do."""
FEWEST = 8
"""Good masks a structure needs to have usual values of its own."""
RIDGE = 1e-3


@dataclass(frozen=True)
class Example:
    """One mask of one harmed segmentation; its features are taken when the usual values are known."""

    key: str
    injury: str
    dice: float
    source: str
    case: QualityEvidence

    def features(self, usual: dict[str, dict[str, tuple[float, float]]]) -> NDArray[np.float64]:
        measures, pair = self.case.measures, STRUCTURES[self.key].pair
        other = measures.get(pair) if pair else None
        own = usual.get(group_of(self.key), {})
        return anomaly_scores(measures[self.key], self.case.features[self.key], self.case.placement, other, own)


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


def restyle_source(folder: Path) -> RestyleSource:
    names = json.loads((folder / "names.json").read_text(encoding="utf-8"))
    return RestyleSource.from_labels(read_volume(folder / "labels.nii.gz"), {int(k): v for k, v in names.items()})


def examples(use: str, number: int, rounds: int, anatomy: RestyleSource | None, jobs: int) -> list[Example]:
    """Harmed phantoms; the two uses share no seed."""
    seeds = [({"train": 410_000, "test": 420_000}[use], n) for n in range(number)]
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        futures = [pool.submit(harmed_phantom, s, rounds, anatomy if s[1] % 2 else None) for s in seeds]
        return [example for future in futures for example in future.result()]


def harmed_phantom(seed: tuple[int, int], rounds: int, anatomy: RestyleSource | None) -> list[Example]:
    start = time.perf_counter()
    case = make_case(seed, SPACING_MM, anatomy)
    name = "restyled" if anatomy else "procedural"
    found = list(harmed(case.ct, case.truth, rounds, np.random.default_rng(seed), name))
    print(f"{seed}: {len(found)} masks, {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
    return found


def harmed(ct: Volume, truth: Segmentation, rounds: int, rng: np.random.Generator, source: str) -> Iterator[Example]:
    """Every mask of so many harmed versions of a truth, and of the truth itself."""
    middle_mm = ct_facts(ct, QUALITY_RULES.ct).middle_mm
    for n in range(rounds + 1):
        seg, injuries = injured(truth, rng, HARMED if n else 0.0)
        case = gather_evidence(ct, seg, measure(ct, seg), [], middle_mm=middle_mm)
        for key, injury in injuries.items():
            if key in case.features:
                yield Example(key, injury, dice(seg.mask(key), truth.mask(key)), source, case)


def dice(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    return 2.0 * float((a & b).sum()) / float(a.sum() + b.sum())


def calibrated(trained: Sequence[Example]) -> ScoreModel:
    """Usual values from masks that are (nearly) true, weights by logistic regression with no weight below 0."""
    usual = usual_values([e for e in trained if e.dice > 0.95])
    x = np.stack([e.features(usual) for e in trained])
    good = np.array([e.dice >= GOOD_DICE for e in trained])

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = parameters[0] - x @ parameters[1:]
        error = 1 / (1 + np.exp(-odds)) - good
        value = float(np.mean(np.logaddexp(0, odds) - good * odds)) + RIDGE * float(parameters[1:] @ parameters[1:])
        slope = np.concatenate([[error.mean()], -(error @ x) / len(x) + 2 * RIDGE * parameters[1:]])
        return value, slope

    bounds = [(None, None)] + [(0.0, None)] * len(FEATURES)
    fitted = minimize(loss, np.zeros(1 + len(FEATURES)), jac=True, bounds=bounds, method="L-BFGS-B").x
    weights = {name: round(float(w), 4) for name, w in zip(FEATURES, fitted[1:], strict=True)}
    return ScoreModel(usual, weights, round(float(fitted[0]), 4))


def usual_values(good: Sequence[Example]) -> dict[str, dict[str, tuple[float, float]]]:
    raw: dict[str, dict[str, list[float]]] = {}
    for e in good:
        for name, value in raw_features(e.case.features[e.key]).items():
            if value is not None:
                raw.setdefault(group_of(e.key), {}).setdefault(name, []).append(value)
    return {
        group: {
            name: (round(float(np.mean(v)), 4), round(max(float(np.std(v)), LEAST_SD), 4))
            for name in LEARNED
            if len(v := row.get(name, [])) >= FEWEST
        }
        for group, row in sorted(raw.items())
    }


def model_json(model: ScoreModel) -> str:
    """A line for each structure."""
    rows = ",\n".join(f"  {json.dumps(group)}: {json.dumps(usual)}" for group, usual in model.usual.items())
    head = json.dumps({"intercept": model.intercept, "weights": model.weights}, indent=1).removesuffix("\n}")
    return f'{head},\n "usual": {{\n{rows}\n }}\n}}\n'


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
