"""The tables of docs/results.md, each a result of its own, from the runs that run.py kept; figures.py asks for them.

A table is made of runs of one state of the code: the newest in which all of its arms have every seed. Only
`background` and `states` hold several states side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
from outcomes import Estimate, Outcome, lesions, organs, weighed_difference
from states import State, load_states, newest
from study import LONG, SHOTS, UNIVERSAL, Study, load_study

from omentum.anatomy import STRUCTURES
from record import Cell, Record, Table

RUNS = Path(__file__).parent / "results" / "runs"
PREFIX = "experiment_"
"""Of the names by which pages ask for these tables."""
WORDS = {"universal": "MiniLM", "clip": "CLIP", "one-hot": "one-hot", "random": "random", "shuffled-words": "shuffled"}
"""Arms that differ in the embedding only, and what to call them."""
LEARNED = 0.6
"""Dice loss of the heads that convergence is timed to."""
BACKGROUND = "missing-is-background"


@dataclass(frozen=True)
class Results:
    """The runs of one state of the code."""

    study: Study
    outcomes: Mapping[str, Outcome]

    @property
    def universal(self) -> Outcome:
        """The arm all others are compared with."""
        return self.outcomes[UNIVERSAL]


@dataclass(frozen=True)
class Made:
    """A table and the single figures that the text takes from it."""

    table: Table
    values: Mapping[str, Cell] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """How one table is made.

    Args:
        arms: Study -> the arms it cannot be made without.
        make: Of the results of one state.
    """

    arms: Callable[[Study], Sequence[str]]
    make: Callable[[Results], Made]


@cache
def study_record(name: str) -> Record | None:
    """The table that a page calls `experiment_...`, None if there is none of that name or no run to make it of."""
    study, states, key = load_study(), load_states(RUNS), name.removeprefix(PREFIX)
    if key in ACROSS:
        state, made = states[0], ACROSS[key](study, states)
    elif key in PARTS:
        part = PARTS[key]
        found = newest(states, part.arms(study), len(study.seeds))
        if found is None:
            return None
        state, made = found, part.make(Results(study, found.outcomes))
    else:
        return None
    notes = [] if key in ACROSS else [f"Runs of {state.finished[0]}, at {commits(state)}."]
    table = replace(made.table, notes=[*made.table.notes, *notes])
    measures = state.measures if table.rows or made.values else {}
    return Record(key, measures, {}, {"main": table}, made.values)


def commits(state: State) -> str:
    """Where the code was."""
    return f"commit {', '.join(f'`{name}`' for name in state.commits)}"


def sentence(name: str, gap: Estimate) -> str:
    """A difference, with its interval and seeds, as the tables show it."""
    mean, seeds = gap.text(signed=True).split(" | ")
    return f"{name}: {mean}, by seed {seeds}{'' if gap.clear else ': not clear'}."


def universals(results: Results) -> dict[str, Outcome]:
    """The models for all sites, by what to call them."""
    made = [results.outcomes[arm] for arm in (UNIVERSAL, LONG) if arm in results.outcomes]
    return {f"universal, {outcome.runs[0]['steps']} steps": outcome for outcome in made}


def kinds_alone(results: Results) -> dict[str, str]:
    """The kinds of single-site models of which every site has one, and what to call them."""
    steps = {"alone": results.study.steps, "fifth": results.study.steps // len(results.study.sites)}
    names = {kind: f"alone, {number} steps each" for kind, number in steps.items()}
    return {k: name for k, name in names.items() if all(f"{k}-{s}" in results.outcomes for s in results.study.sites)}


def sites_of(results: Results, key: str) -> list[str]:
    """Those that label a structure."""
    return [site for site in results.study.sites if key in results.outcomes[f"alone-{site}"].taught]


def alone_table(results: Results) -> Made:
    """Dice per structure: one model for all, and the models of the sites that know the structure."""
    kinds, everything = kinds_alone(results), universals(results)
    sites = {key: sites_of(results, key) for key in organs(results.universal.taught)}
    rows = []
    for key, of in sites.items():
        cells = [outcome.dice([key]).mean for outcome in everything.values()]
        cells += [float(np.mean([results.outcomes[f"{k}-{site}"].dice([key]).mean for site in of])) for k in kinds]
        rows.append([STRUCTURES[key].display, len(of), *cells])
    means = [float(np.mean([row[n] for row in rows])) for n in range(2, len(rows[0]))]
    columns = {"structure": "{}", "sites": "{}", **dict.fromkeys([*everything, *kinds.values()], "{:.3f}")}
    notes = [gap_told(results, one, kind, sites) for one in everything for kind in kinds]
    return Made(Table(columns, [*rows, ["mean of all", None, *means]], notes=notes))


def gap_told(results: Results, one: str, kind: str, sites: Mapping[str, Sequence[str]]) -> str:
    """A model for all minus the models of the sites, in a sentence; seeds are those that all of them have."""
    terms = [
        (universals(results)[one], results.outcomes[f"{kind}-{site}"], key, 1 / len(of) / len(sites))
        for key, of in sites.items()
        for site in of
    ]
    return sentence(f"{one} - {kinds_alone(results)[kind]}", weighed_difference(terms))


def cost_table(results: Results) -> Made:
    """Processor seconds of learning and of finding all structures."""
    universal = results.universal.cost()
    costs = {name: outcome.cost() for name, outcome in universals(results).items()}
    for kind, name in kinds_alone(results).items():
        alone = [results.outcomes[f"{kind}-{site}"].cost() for site in results.study.sites]
        costs[f"{len(alone)} models {name}"] = tuple(np.sum(alone, axis=0))
    rows = [[name, *cost, *(c / u for c, u in zip(cost, universal, strict=True))] for name, cost in costs.items()]
    seconds = {"training s": "{:.0f}", "predicting 12 cases s": "{:.0f}"}
    return Made(Table({"models": "{}", **seconds, "training": "{:.1f} x", "predicting": "{:.1f} x"}, rows))


def versus(results: Results, arm: str, name: str) -> list[list[Cell]]:
    """Rows of the universal arm, of another one, and of how they differ, over organs and over lesions."""
    rows: list[list[Cell]] = []
    for what, keys in groups(results).items():
        for called, outcome in (("universal", results.universal), (name, results.outcomes[arm])):
            rows.append([called, what, *outcome.dice(keys).text().split(" | ")])
        difference = results.outcomes[arm].minus(results.universal, keys)
        verdict = "" if difference.clear else " (not clear)"
        rows.append([f"{name} - universal{verdict}", what, *difference.text(signed=True).split(" | ")])
    return rows


VERSUS = {"arm": "{}", "over": "{}", "mean Dice (95 % interval over patients)": "{}", "of each seed": "{}"}


def slab_table(results: Results) -> Made:
    """Whole-patch Dice against slab Dice."""
    return Made(Table(VERSUS, versus(results, "slab-dice", "slab Dice")))


def background_table(study: Study, states: Sequence[State]) -> Made:
    """Masked loss against missing labels as background, at every state of the code at which both were run."""
    rows = [
        [state.name, *row]
        for state in states
        if state.seeds((UNIVERSAL, BACKGROUND))
        for row in versus(Results(study, state.outcomes), BACKGROUND, "missing is background")
    ]
    return Made(Table({"code": "{}", **VERSUS}, rows))


def states_table(study: Study, states: Sequence[State]) -> Made:
    """Arms that were run at several states of the code: the newest minus the one before."""
    rows = []
    for arm in sorted({arm for state in states for arm in state.outcomes}):
        new, *old = (state for state in states if arm in state.outcomes)
        for what, keys in groups(Results(study, new.outcomes)).items() if old and UNIVERSAL in new.outcomes else ():
            difference = new.outcomes[arm].minus(old[0].outcomes[arm], keys)
            verdict = "yes" if difference.clear else "no"
            rows.append([arm, what, old[0].name, new.name, *difference.text(signed=True).split(" | "), verdict])
    columns = ["arm", "over", "before", "after", "difference", "of each seed", "clear"]
    notes = [] if rows else ["No arm has been run at two states of the code yet."]
    return Made(Table(dict.fromkeys(columns, "{}"), rows, notes=notes))


def groups(results: Results) -> dict[str, list[str]]:
    """Organs and lesions that were taught."""
    return {"organs": organs(results.universal.taught), "lesions": lesions(results.universal.taught)}


def words_table(results: Results) -> Made:
    """Embeddings: Dice, difference, convergence."""
    rows, keys = [], organs(results.universal.taught)
    for arm, name in WORDS.items():
        if arm not in results.outcomes:
            continue
        outcome = results.outcomes[arm]
        until = ", ".join(str(step) if step else "never" for step in outcome.steps_until("dice_loss", LEARNED))
        difference = outcome.minus(results.universal, keys)
        against = [difference.text(signed=True).split(" | ")[0], "yes" if difference.clear else "no"]
        against = ["", ""] if arm == UNIVERSAL else against
        rows.append([name, *outcome.dice(keys).text().split(" | "), *against, until])
    words, none = ("universal", "clip"), ("one-hot", "random")
    terms = [
        (results.outcomes[a], results.outcomes[b], key, 1 / len(words) / len(none) / len(keys))
        for a, b, key in product(words, none, keys)
    ]
    pooled = sentence("Both language models - both tables without words", weighed_difference(terms))
    columns = ["embedding", "organ Dice", "of each seed", "minus MiniLM", "clear", f"steps to a Dice loss of {LEARNED}"]
    return Made(Table(dict.fromkeys(columns, "{}"), rows, notes=[pooled]))


def few_shot_table(results: Results) -> Made:
    """Novel structures by number of cases and start; what became of the old ones."""
    rows, gains = [], []
    novel, old = results.study.novel, organs(results.universal.taught)
    before = results.universal.dice(old).mean
    for shots in SHOTS:
        tuned, fresh = (results.outcomes[f"few-{shots}-{start}"] for start in ("universal", "scratch"))
        gain = tuned.minus(fresh, novel)
        cells = [outcome.dice(novel).text().split(" | ")[0] for outcome in (tuned, fresh)]
        told = gain.text(signed=True).split(" | ")[0] + ("" if gain.clear else ", not clear")
        rows.append([shots, *cells, told, f"{before:.3f} -> {tuned.dice(old).mean:.3f}"])
        gains.append(tuned.dice(novel).mean / fresh.dice(novel).mean)
    columns = ["cases", "from the universal model", "from scratch", "gain", "old organs before and after"]
    return Made(Table(dict.fromkeys(columns, "{}"), rows), {"least gain": min(gains), "greatest gain": max(gains)})


def few_shot_points(results: Results) -> dict[str, list[tuple[float, float, float]]]:
    """For each start, and each number of cases, the mean and interval of the novel structures' Dice."""
    points: dict[str, list[tuple[float, float, float]]] = {}
    for start, shots in product(("universal", "scratch"), SHOTS):
        made = results.outcomes[f"few-{shots}-{start}"].dice(results.study.novel)
        points.setdefault(start, []).append((made.mean, *(made.interval or (made.mean, made.mean))))
    return points


def draw_pictures(folder: Path) -> None:
    """few_shot.svg."""
    from pictures import draw_few_shot

    study = load_study()
    state = newest(load_states(RUNS), few_arms(study), len(study.seeds))
    if state is not None:
        draw_few_shot(SHOTS, few_shot_points(Results(study, state.outcomes)), folder / "few_shot.svg")


def budget(study: Study, states: Sequence[State]) -> Made:
    """What was run, counted."""
    told = []
    for state in states:
        hours = sum(len(outcome.runs) * sum(outcome.cost()) for outcome in state.outcomes.values()) / 3600
        counted = f"{len(state.runs)} runs of {len(state.outcomes)} arms, {hours:.1f} processor hours"
        told.append(f"{counted}, at {commits(state)}, {state.finished[0]}")
    return Made(Table({}, []), {"told": f"{'; '.join(told)}."})


def alone_arms(study: Study) -> list[str]:
    return [UNIVERSAL, *(f"alone-{site}" for site in study.sites)]


def few_arms(study: Study) -> list[str]:
    return [UNIVERSAL, *(f"few-{shots}-{start}" for shots in SHOTS for start in ("universal", "scratch"))]


PARTS = {
    "alone": Part(alone_arms, alone_table),
    "cost": Part(alone_arms, cost_table),
    "slab": Part(lambda study: [UNIVERSAL, "slab-dice"], slab_table),
    "words": Part(lambda study: ["universal", "clip", "one-hot", "random"], words_table),
    "few": Part(few_arms, few_shot_table),
}
"""Of one state of the code."""
ACROSS: Mapping[str, Callable[[Study, Sequence[State]], Made]] = {
    "background": background_table,
    "states": states_table,
    "budget": budget,
}
"""Of all states."""
