"""Runs of one study at different states of the code: kept apart, and never averaged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from outcomes import Outcome

MEASURES = (
    *("src/omentum/train", "src/omentum/model/head.py", "src/omentum/model/backbones/residual_unet.py"),
    *(
        "src/omentum/data/sampling/sampler.py",
        "src/omentum/data/sampling/augment.py",
        "src/omentum/data/sampling/appearance.py",
    ),
    *("src/omentum/data/sampling/warp.py", "src/omentum/phantom"),
    *("benchmarks/experiments/study.toml", "benchmarks/experiments/losses.py"),
)
"""What decides how a run ends."""


@dataclass(frozen=True)
class State:
    """All runs of one state of the code.

    Args:
        outcomes: Arm -> its runs.
        measures: Entry of `MEASURES` -> hash, the same for all of them.
    """

    outcomes: Mapping[str, Outcome]
    measures: Mapping[str, str]

    @property
    def runs(self) -> list[dict[str, Any]]:
        """In no order."""
        return [run for outcome in self.outcomes.values() for run in outcome.runs]

    @property
    def finished(self) -> tuple[str, str]:
        """Date and time of its last run."""
        return max((run["made"]["date"], run["made"].get("time", "")) for run in self.runs)

    @property
    def commits(self) -> tuple[str, ...]:
        """Where the code was when it ran."""
        return tuple(sorted({run["made"]["commit"] for run in self.runs}))

    @property
    def name(self) -> str:
        """For a table."""
        return f"{self.finished[0]}, `{self.commits[0]}`"

    def seeds(self, arms: Sequence[str]) -> int:
        """How many runs the arm with fewest has."""
        return min(len(self.outcomes[arm].runs) if arm in self.outcomes else 0 for arm in arms)


def code_state(measures: Mapping[str, str]) -> str:
    """A short name of the folder that its runs are kept in."""
    return hashlib.sha256(json.dumps(dict(sorted(measures.items()))).encode()).hexdigest()[:8]


def load_states(folder: Path) -> tuple[State, ...]:
    """What has been run, the newest first."""
    states = [load_state(path) for path in sorted(folder.iterdir()) if any(path.glob("*.json"))]
    return tuple(sorted(states, key=lambda state: state.finished, reverse=True))


def load_state(folder: Path) -> State:
    """Every arm that has a result."""
    runs: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.json")):
        run = json.loads(path.read_text(encoding="utf-8"))
        runs.setdefault(run["arm"], []).append(run)
    outcomes = {arm: Outcome(arm, tuple(sorted(of, key=lambda run: run["seed"]))) for arm, of in runs.items()}
    return State(outcomes, next(iter(runs.values()))[0]["measures"])


def newest(states: Sequence[State], arms: Sequence[str], seeds: int) -> State | None:
    """The newest state in which all of these arms have so many runs, else the one with the most of them, if any."""
    for state in states:
        if state.seeds(arms) >= seeds:
            return state
    best = max(states, key=lambda state: state.seeds(arms), default=None)
    return best if best and best.seeds(arms) else None
