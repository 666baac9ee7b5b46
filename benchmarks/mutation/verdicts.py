"""What became of each mutant, kept line by line so that a run that is stopped goes on, and the score."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mutation.children import TIMED_OUT

if TYPE_CHECKING:
    from mutation.mutants import Mutant

FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Verdict:
    """A mutant that was tried.

    Args:
        key, room, file, line, inside, operator, was, now: See `Mutant`.
        killed: Whether a test failed, or could not even be run.
        how: "test", "import" (no test could be begun), "timeout" or "crash"; "" for a survivor.
        by: The test that failed first.
        tests: How many were asked, at most.
        seen: Whether any test was seen to run the line.
        seconds: By the clock.
    """

    key: str
    room: str
    file: str
    line: int
    inside: str
    operator: str
    was: str
    now: str
    killed: bool
    how: str
    by: str
    tests: int
    seen: bool
    seconds: float

    @classmethod
    def of(cls, mutant: Mutant, status: int, log: str, tests: int, seen: bool, seconds: float) -> Verdict:
        """From pytest's exit status and what it printed."""
        how = {0: "", 1: "test", 2: "import", 3: "import", 4: "import", TIMED_OUT: "timeout"}.get(status, "crash")
        by = FAILED.search(log)
        facts = {name: value for name, value in vars(mutant).items() if name not in ("before", "after")}
        named = by[1] if by else ""
        return cls(mutant.key, **facts, killed=status != 0, how=how, by=named, tests=tests, seen=seen, seconds=seconds)


def kept(file: Path) -> dict[str, Verdict]:
    """By the mutants' keys; a last line that was cut off is left out."""
    found: dict[str, Verdict] = {}
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                verdict = Verdict(**json.loads(line))
            except json.JSONDecodeError:
                continue
            found[verdict.key] = verdict
    return found


def keep(file: Path, verdict: Verdict) -> None:
    """Add a line."""
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(verdict)) + "\n")


def equivalents(file: Path) -> dict[tuple[str, str, str, str], str]:
    """(file, inside, was, now) -> why no test could ever notice, as judged by hand."""
    rows = tomllib.loads(file.read_text(encoding="utf-8"))["equivalent"]
    return {(row["file"], row["inside"], row["was"], row["now"]): row["why"] for row in rows}


def identity(verdict: Verdict) -> tuple[str, str, str, str]:
    """As `equivalents` names it."""
    return verdict.file, verdict.inside, verdict.was, verdict.now


@dataclass(frozen=True)
class Score:
    """Of a room or of all.

    Args:
        mutants, killed, equivalent: Their numbers; those judged equivalent were not killed.
    """

    mutants: int
    killed: int
    equivalent: int

    @property
    def survived(self) -> int:
        """Not killed, and not judged equivalent."""
        return self.mutants - self.killed - self.equivalent

    @property
    def share(self) -> float:
        """Killed of those that could be."""
        return self.killed / max(1, self.mutants - self.equivalent)

    @classmethod
    def of(cls, verdicts: Sequence[Verdict], same: Iterable[tuple[str, str, str, str]]) -> Score:
        """Count."""
        known = set(same)
        alive = [verdict for verdict in verdicts if not verdict.killed]
        equivalent = sum(identity(verdict) in known for verdict in alive)
        return cls(len(verdicts), len(verdicts) - len(alive), equivalent)
