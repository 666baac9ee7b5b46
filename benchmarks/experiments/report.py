"""Tables and figures of docs/results.md from the results of run.py; the words around them stay as they are.

    python benchmarks/experiments/report.py --clip TABLE.npy

Each table replaces what stands between `<!-- NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from arms import LONG, SHOTS, UNIVERSAL
from outcomes import Outcome, lesions, load_outcomes, organs, weighed_difference
from pictures import draw_few_shot, draw_similarity
from similarity import Similarity, lesion_relations, pairs
from study import Study, load_study
from tables import clip, gaussian, minilm, one_hot

from omentum.anatomy import STRUCTURES

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "results.md"
WORDS = {"universal": "MiniLM", "clip": "CLIP", "one-hot": "one-hot", "random": "random", "shuffled-words": "shuffled"}
"""Arms that differ in the embedding only, and what to call them."""
LEARNED = 0.6
"""Dice loss of the heads that convergence is timed to."""


@dataclass(frozen=True)
class Results:
    """Everything a table is made of."""

    study: Study
    outcomes: dict[str, Outcome]
    clip: Path
    passes: dict[str, float]

    @property
    def universal(self) -> Outcome:
        """The arm all others are compared with."""
        return self.outcomes[UNIVERSAL]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=HERE / "results")
    options = parser.parse_args()
    passes = json.loads((options.results / "passes.json").read_text())["cpu_s"]
    outcomes = load_outcomes(options.results / "runs")
    results = Results(load_study(), outcomes, options.clip, passes)
    text = PAGE.read_text()
    for name, table in TABLES.items():
        text = filled(text, name, table(results))
    PAGE.write_text(text)
    tables = {"MiniLM": minilm(), "CLIP": clip(options.clip)}
    draw_similarity({name: Similarity.of(table) for name, table in tables.items()}, PAGE.parent / "similarity.svg")
    draw_few_shot(*few_shot_points(results), PAGE.parent / "few_shot.svg")


def filled(page: str, name: str, table: str) -> str:
    """The page with a table between its marks."""
    marked = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    if not marked.search(page):
        raise SystemExit(f"{PAGE} has no place for {name!r}")
    return marked.sub(lambda found: f"{found[1]}{table}\n{found[2]}", page)


def budget(results: Results) -> str:
    """What was run, counted."""
    runs = [run for outcome in results.outcomes.values() for run in outcome.runs]
    hours = sum(len(outcome.runs) * sum(outcome.cost()) for outcome in results.outcomes.values()) / 3600
    commits = ", ".join(f"`{name}`" for name in sorted({run["commit"] for run in runs}))
    return f"{len(runs)} runs of {len(results.outcomes)} arms, {hours:.1f} processor hours, at commit {commits}."


def alone_table(results: Results) -> str:
    """Dice per structure: one model for all, and the models of the sites that know the structure."""
    kinds, everything = kinds_alone(results), universals(results)
    keys = organs(results.universal.taught)
    sites = {key: [site for site in results.study.sites if key in taught_alone(results, site)] for key in keys}
    rows = []
    for key in keys:
        cells = [f"{outcome.dice([key]).mean:.3f}" for outcome in everything.values()]
        cells += [f"{np.mean([alone(results, kind, site, key) for site in sites[key]]):.3f}" for kind in kinds]
        rows.append([STRUCTURES[key].display, str(len(sites[key])), *cells])
    means = [f"**{np.mean([float(row[n]) for row in rows]):.3f}**" for n in range(2, len(rows[0]))]
    head = ["structure", "sites", *everything, *kinds.values()]
    told = [gap_told(results, one, kind, sites) for one in everything for kind in kinds]
    return "\n\n".join([markdown(head, [*rows, ["**mean**", "", *means]]), *told])


def gap_told(results: Results, one: str, kind: str, sites: dict[str, list[str]]) -> str:
    """A model for all minus the models of the sites, in a sentence; seeds are those that all of them have."""
    terms = [
        (universals(results)[one], results.outcomes[f"{kind}-{site}"], key, 1 / len(of) / len(sites))
        for key, of in sites.items()
        for site in of
    ]
    gap = weighed_difference(terms)
    mean, seeds = gap.text(signed=True).split(" | ")
    return f"{one} - {kinds_alone(results)[kind]}: {mean}, by seed {seeds}{'' if gap.clear else ': not clear'}."


def universals(results: Results) -> dict[str, Outcome]:
    """The models for all sites, by what to call them."""
    made = [results.outcomes[arm] for arm in (UNIVERSAL, LONG) if arm in results.outcomes]
    return {f"universal, {outcome.runs[0]['steps']} steps": outcome for outcome in made}


def kinds_alone(results: Results) -> dict[str, str]:
    """The kinds of single-site models of which every site has one, and what to call them."""
    steps = {"alone": results.study.steps, "fifth": results.study.steps // len(results.study.sites)}
    names = {kind: f"alone, {number} steps each" for kind, number in steps.items()}
    return {k: name for k, name in names.items() if all(f"{k}-{s}" in results.outcomes for s in results.study.sites)}


def taught_alone(results: Results, site: str) -> tuple[str, ...]:
    """Structures a site labels."""
    return results.outcomes[f"alone-{site}"].taught


def alone(results: Results, kind: str, site: str, key: str) -> float:
    """Mean Dice of one structure by the model of one site."""
    return results.outcomes[f"{kind}-{site}"].dice([key]).mean


def cost_table(results: Results) -> str:
    """Processor seconds of learning and of finding all structures."""
    universal = results.universal.cost()
    rows = []
    for name, outcome in universals(results).items():
        ratios = [f"{cost / one:.1f} x" for cost, one in zip(outcome.cost(), universal, strict=True)]
        rows.append([name, *(f"{s:.0f}" for s in outcome.cost()), *ratios])
    for kind, name in kinds_alone(results).items():
        costs = np.sum([results.outcomes[f"{kind}-{site}"].cost() for site in results.study.sites], axis=0)
        ratios = [f"{cost / one:.1f} x" for cost, one in zip(costs, universal, strict=True)]
        rows.append([f"five models {name}", *(f"{s:.0f}" for s in costs), *ratios])
    return markdown(["", "training s", "predicting 12 cases, s", "training", "predicting"], rows)


def passes_table(results: Results) -> str:
    """One window of the bundled model, for several numbers of structures."""
    whole = results.passes["32"]
    rows = [
        [count, f"{s:.3f}", f"{-(-32 // int(count))}", f"{s * -(-32 // int(count)) / whole:.1f} x"]
        for count, s in results.passes.items()
    ]
    return markdown(["structures a pass", "s a window", "passes for 32", "cost of all 32"], rows)


def background_table(results: Results) -> str:
    """Masked loss against missing labels as background."""
    return versus(results, {"missing is background": "missing-is-background"})


def slab_table(results: Results) -> str:
    """Whole-patch Dice against slab Dice."""
    return versus(results, {"slab Dice": "slab-dice"})


def versus(results: Results, arms: dict[str, str]) -> str:
    """The universal arm and others, over organs and over lesions, and how they differ."""
    rows = []
    for name, arm in {"universal": UNIVERSAL, **arms}.items():
        outcome = results.outcomes[arm]
        for what, keys in groups(results).items():
            rows.append([name, what, *outcome.dice(keys).text().split(" | ")])
            if arm != UNIVERSAL:
                difference = outcome.minus(results.universal, keys)
                verdict = "" if difference.clear else " (not clear)"
                rows.append([f"{name} - universal{verdict}", what, *difference.text(signed=True).split(" | ")])
    return markdown(["arm", "over", "mean Dice (95 % interval over patients)", "of each seed"], rows)


def groups(results: Results) -> dict[str, list[str]]:
    """Organs and lesions that were taught."""
    return {"organs": organs(results.universal.taught), "lesions": lesions(results.universal.taught)}


def words_table(results: Results) -> str:
    """Embeddings: Dice, difference, convergence."""
    rows = []
    keys = organs(results.universal.taught)
    for arm, name in WORDS.items():
        if arm not in results.outcomes:
            continue
        outcome = results.outcomes[arm]
        until = [str(step) if step else "never" for step in outcome.steps_until("dice_loss", LEARNED)]
        difference = outcome.minus(results.universal, keys)
        told = "" if arm == UNIVERSAL else difference.text(signed=True).split(" | ")[0]
        clear = "" if arm == UNIVERSAL else ("yes" if difference.clear else "no")
        rows.append([name, *outcome.dice(keys).text().split(" | "), told, clear, ", ".join(until)])
    words, none = ("universal", "clip"), ("one-hot", "random")
    terms = [
        (results.outcomes[a], results.outcomes[b], key, 1 / len(words) / len(none) / len(keys))
        for a, b, key in product(words, none, keys)
    ]
    mean, seeds = weighed_difference(terms).text(signed=True).split(" | ")
    pooled = f"Both language models - both tables without words: {mean}, by seed {seeds}."
    head = ["embedding", "organ Dice", "of each seed", "minus MiniLM", "clear", f"steps to a Dice loss of {LEARNED}"]
    return f"{markdown(head, rows)}\n\n{pooled}"


def similarity_table(results: Results) -> str:
    """How alike structures are to begin with."""
    tables = {"MiniLM": minilm(), "CLIP": clip(results.clip), "one-hot": one_hot(), "random": gaussian(0)}
    rows = []
    for name, table in tables.items():
        alike = Similarity.of(table)
        found = [f"{hits} of {of}" for hits, of in map(alike.share_nearest, (pairs(), lesion_relations()))]
        rows.append([name, f"{alike.mean:.3f}", *found])
    return markdown(["embedding", "mean cosine", "pair is nearest", "lesion is nearest to its organ"], rows)


def few_shot_points(results: Results) -> tuple[tuple[int, ...], dict[str, list[tuple[float, float, float]]]]:
    """Shots, and for each start the mean and interval of the novel structures' Dice."""
    points: dict[str, list[tuple[float, float, float]]] = {}
    for start in ("universal", "scratch"):
        for shots in SHOTS:
            made = results.outcomes[f"few-{shots}-{start}"].dice(results.study.novel)
            points.setdefault(start, []).append((made.mean, *(made.interval or (made.mean, made.mean))))
    return SHOTS, points


def few_shot_table(results: Results) -> str:
    """Novel structures by number of cases and start; what became of the old ones."""
    rows = []
    novel, old = results.study.novel, organs(results.universal.taught)
    before = results.universal.dice(old).mean
    for shots in SHOTS:
        tuned, fresh = (results.outcomes[f"few-{shots}-{start}"] for start in ("universal", "scratch"))
        gain = tuned.minus(fresh, novel)
        cells = [outcome.dice(novel).text().split(" | ")[0] for outcome in (tuned, fresh)]
        told = gain.text(signed=True).split(" | ")[0] + ("" if gain.clear else ", not clear")
        rows.append([str(shots), *cells, told, f"{before:.3f} -> {tuned.dice(old).mean:.3f}"])
    return markdown(["cases", "from the universal model", "from scratch", "gain", "old organs, before and after"], rows)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


TABLES: dict[str, Callable[[Results], str]] = {
    "budget": budget,
    "alone": alone_table,
    "cost": cost_table,
    "passes": passes_table,
    "background": background_table,
    "slab": slab_table,
    "words": words_table,
    "similarity": similarity_table,
    "few": few_shot_table,
}


if __name__ == "__main__":
    main()
