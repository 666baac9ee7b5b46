"""Does `omentum data audit` find planted faults of labels, and find them first?

    python benchmarks/label_audit.py --folder DATA/annotation -o benchmarks/results/label_audit.json

Phantoms with exact labels and predictions of the bundled model (annotation_cases.py). In each repetition every case
gets some faults of random kinds (label_faults.py) in structures without one, and every fourth case a wrong phase.
All cases of a repetition are judged together, as in an audit; precision and recall are those of the ordered list. What
is compared is kept in the folder, so an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from annotation_cases import MODEL, add_arguments, name_of, predicted
from label_faults import PLANTS, plant
from omentum.annotate.audit.api import judged
from omentum.annotate.audit.cases import phase_of
from omentum.annotate.audit.compare_case import compare_labels
from omentum.annotate.audit.comparison import LabelComparison
from omentum.annotate.audit.faults import ComparedCase, FaultKind
from omentum.annotate.propose.case_views import CaseView
from omentum.evaluate import aligned
from omentum.io.truth import read_case
from omentum.json_values import from_json_values
from omentum.pipeline.batch.resume import read_case_summary
from omentum.quality.ct_flags import phase_distances, phase_medians
from omentum.quality.limits import QUALITY_RULES
from omentum.segmentation import Segmentation
from record import Table, publish, result_file

MEASURES = (
    *("src/omentum/annotate/audit", "benchmarks/label_faults.py", "benchmarks/label_audit.py"),
    *("src/omentum/quality/score.json", "src/omentum/quality/score.py"),
)
KINDS = {"planted": "{}", "number": "{}", "found": "{:.0%}", "found as this kind": "{:.0%}", "median rank": "{:.0f}"}
TOP = {"findings read": "{}", "precision": "{:.2f}", "recall": "{:.2f}"}
OTHERS = {"first false findings": "{}", "number": "{}"}
WRONG_PHASE_EVERY = 4
FIRST = 100
"""Number of the first repetition; the rules were tuned on 0 and 1."""


@dataclass(frozen=True)
class Planted:
    """A planted fault: structure key, or None for the phase."""

    case: str
    structure: str | None
    kind: FaultKind


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, 16)
    parser.add_argument("--repetitions", type=int, default=4)
    parser.add_argument("--faults", type=int, default=2, help="planted in each case")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    predicted(arguments.folder, arguments.number)
    names = [name_of(n) for n in range(arguments.number)]
    rounds = [
        repetition(arguments.folder, names, n, arguments.faults) for n in range(FIRST, FIRST + arguments.repetitions)
    ]
    publish(arguments.out, title="Planted faults of labels", measures=MEASURES, **tables(rounds, names))


def repetition(folder: Path, names: list[str], n: int, faults: int) -> tuple[list[ComparedCase], list[Planted]]:
    """All cases with faults planted."""
    done = [_kept(folder, name, number, n, faults) for number, name in enumerate(names)]
    return [case for case, _ in done], [one for _, planted in done for one in planted]


def _kept(folder: Path, name: str, number: int, n: int, faults: int) -> tuple[ComparedCase, list[Planted]]:
    """A case with faults, from the folder if it has been compared before."""
    path = folder / "compared" / f"{name}_{n}_{faults}.json"
    prediction = folder / "round" / "predictions" / MODEL.name / name
    ct, truth, facts = read_case(folder / "cases" / name)
    if not path.is_file():
        rng = np.random.default_rng([number, n, faults])
        harmed, planted = _harmed(rng, name, truth, ct, faults)
        view = CaseView.read(prediction, is_model=True)
        compared = compare_labels(ct, harmed, aligned(view.masks, harmed.grid), view)
        path.parent.mkdir(exist_ok=True)
        content = {"planted": [asdict(p) for p in planted], "compared": {k: asdict(c) for k, c in compared.items()}}
        path.write_text(json.dumps(content), encoding="utf-8")
        print(f"{name}, repetition {n}: {len(planted)} faults", file=sys.stderr, flush=True)
    raw = json.loads(path.read_text(encoding="utf-8"))
    planted = [from_json_values(Planted, one) for one in raw["planted"]]
    structures = {key: from_json_values(LabelComparison, one) for key, one in raw["compared"].items()}
    summary = read_case_summary(prediction)
    scores = {key: q.score for key, q in summary.quality.structures.items()}
    structures = {key: replace(one, model_score=scores.get(key)) for key, one in structures.items()}
    phase = phase_of(facts["protocol"]["phase"])
    if (number + n) % WRONG_PHASE_EVERY == 0:
        others = [word for word in QUALITY_RULES.phase_names if word != phase]
        phase = str(np.random.default_rng([number, n]).choice(others))
        planted.append(Planted(name, None, FaultKind.PHASE))
    distances = phase_distances(phase_medians({m.key: m for m in summary.measures}))
    trust = {m.key: m.trust for m in summary.measures}
    return ComparedCase(name, truth.grid, structures, trust, phase, distances), planted


def _harmed(rng: Any, name: str, truth: Segmentation, ct: Any, faults: int) -> tuple[Segmentation, list[Planted]]:
    masks = {key: truth.mask(key) for key in truth.classes}
    planted, taken = list[Planted](), set[str]()
    kinds = rng.permutation([kind.value for kind in PLANTS]).tolist()
    while kinds and len(planted) < faults:
        kind = FaultKind(kinds.pop())
        found = plant(rng, kind, masks, ct, taken)
        if found is not None:
            key, changed = found
            masks |= changed
            taken |= set(changed)
            planted.append(Planted(name, key, kind))
    return Segmentation.from_masks(masks, truth.affine, truth.annotated), planted


def tables(rounds: list[tuple[list[ComparedCase], list[Planted]]], names: list[str]) -> dict[str, Any]:
    """Precision and recall of the lists of all repetitions."""
    by_kind: dict[FaultKind, list[tuple[int | None, bool]]] = {}
    lists, wrong = [], Counter[str]()
    total = labels = 0
    for compared, planted in rounds:
        found = judged(compared).faults
        at: dict[tuple[str, str | None], int] = {}
        for rank, fault in enumerate(found, start=1):
            at.setdefault((fault.case, fault.structure), rank)
        for one in planted:
            rank = _rank(one, at)
            same = rank is not None and found[rank - 1].kind is one.kind
            by_kind.setdefault(one.kind, []).append((rank, same))
        true = {key for one in planted for key in _keys(one)}
        hits = [(fault.case, fault.structure) in true for fault in found]
        lists.append((hits, len(planted)))
        for fault, hit in list(zip(found, hits, strict=True))[: len(planted)]:
            wrong[f"{fault.kind.value} of {fault.structure}"] += not hit
        total += len(planted)
        labels += sum(len(case.structures) for case in compared)
    per = total / len(rounds)
    cuts = [5, 10, 20, round(per), round(1.5 * per), round(2 * per)]
    top = [
        [n, _mean(sum(h[:n]) / max(1, len(h[:n])) for h, _ in lists), _mean(sum(h[:n]) / m for h, m in lists)]
        for n in cuts
    ]
    kinds = [
        [
            kind.value,
            len(ranks),
            sum(rank is not None and rank <= 2 * per for rank, _ in ranks) / len(ranks),
            sum(same and rank is not None and rank <= 2 * per for rank, same in ranks) / len(ranks),
            float(np.median([np.inf if rank is None else rank for rank, _ in ranks])),
        ]
        for kind, ranks in sorted(by_kind.items(), key=lambda item: list(FaultKind).index(item[0]))
    ]
    kinds = [[None if cell == np.inf else cell for cell in row] for row in kinds]
    about = (
        f"{len(names)} phantoms at 3 mm, {len(rounds)} repetitions, {total} faults in {labels} labels; found: within "
        f"the first {round(2 * per)} findings of a repetition, twice as many as it has faults."
    )
    false = [[text, n] for text, n in wrong.most_common(8) if n]
    return {
        "about": about,
        "tables": {"top": Table(TOP, top), "kinds": Table(KINDS, kinds), "false": Table(OTHERS, false)},
        "values": {"faults": total, "labels": labels, "precision at the number of faults": top[3][1]},
    }


def _keys(one: Planted) -> list[tuple[str, str | None]]:
    from omentum.anatomy import STRUCTURES

    pair = STRUCTURES[one.structure].pair if one.structure and one.kind is FaultKind.SIDES else None
    return [(one.case, one.structure), *([(one.case, pair)] if pair else [])]


def _rank(one: Planted, at: dict[tuple[str, str | None], int]) -> int | None:
    return min((at[key] for key in _keys(one) if key in at), default=None)


def _mean(values: Any) -> float:
    found = list(values)
    return sum(found) / len(found)


if __name__ == "__main__":
    main()
