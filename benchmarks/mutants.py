"""Mutation testing: how many of 200 random small changes to the code a test notices, room by room.

    make mutants                                             # or, with another sample:
    python benchmarks/mutants.py --seed 2 --number 60 -j 2

The changes are Cosmic Ray's (an operator replaced, a number off by one, a condition turned round, a decorator or a loop
gone), drawn at random, as many for each room. The checkout is never touched: everything happens in copies below --work.
First each test file is run once under coverage; then each mutant is shown to the tests that run the changed line, those
of its own test file first, until one fails. A mutant that ends the process or takes many times as long as its tests do
counts as killed. Survivors that no test could notice are judged by hand, with the reason, in
`mutation/equivalent.toml`.

A run that is stopped goes on where it was when it is begun again; one of other code, tests or seed begins anew.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from mutation import children
from mutation.coverage_map import READERS, CoverageMap, trace
from mutation.mutants import Mutant, sample
from mutation.verdicts import Score, Verdict, equivalents, identity, keep, kept
from record import ROOT, Table, content_hash, publish, result_file

DATA = (
    *(f"harmonise/{name}" for name in ("overlaps", "harmonise", "label_bits", "native_values", "laterality")),
    *(f"harmonise/{name}" for name in ("split_pair", "mirroring", "unknown_parts")),
    *(f"sampling/{name}" for name in ("balance", "cases", "patch_centres", "class_sets", "patches", "sampler")),
    *(f"sampling/{name}" for name in ("sampling_table", "appearance", "augment", "augmentation", "warp")),
    *("store/bitsets", "store/class_locations"),
)
"""What harmonises, samples and augments."""
ROOMS: dict[str, Sequence[str]] = {
    "model": ("src/omentum/model",),
    "data": tuple(f"src/omentum/data/{name}.py" for name in DATA),
    "train": ("src/omentum/train",),
    "infer": ("src/omentum/infer",),
    "evaluate": ("src/omentum/evaluate",),
}
TESTS = (
    *(f"tests/{room}" for room in (*ROOMS, "pipeline", "cli")),
    *("tests/test_bundled_quality.py", *READERS),
)
MEASURES = ("src/omentum/model", "src/omentum/data", "src/omentum/train", "src/omentum/infer", "src/omentum/evaluate")
EQUIVALENT = Path(__file__).parent / "mutation" / "equivalent.toml"
TRACING_SECONDS = 1800
"""Of processor time, for a whole test file."""
BUDGET_SECONDS = 40
"""A mutant is shown to as many tests as take so long without it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--number", type=int, default=200, help="mutants of all rooms together")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "mutants", help="folder for copies and results")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="mutants at a time")
    parser.add_argument("--tests", nargs="*", default=TESTS, help="folders and files of tests")
    parser.add_argument("-o", "--out", type=result_file)
    arguments = parser.parse_args()
    work = arguments.work.absolute()
    children.load()
    trees = [fresh_copy(work, number) for number in range(arguments.jobs)]
    tests = traced(trees, work, arguments.tests)
    mutants = sample(trees[0], ROOMS, arguments.number, arguments.seed)
    verdicts = judged(trees, work / f"verdicts-{arguments.seed}.jsonl", mutants, tests)
    shutil.rmtree(work / "copies")
    report(arguments.out, verdicts, tests, arguments.seed)


def fresh_copy(work: Path, number: int) -> Path:
    """The repository as git lists it, changes included. What was found for other code or tests is thrown away."""
    state, told = work / "state", " ".join(content_hash(entry) for entry in ("src", "tests"))
    if number == 0 and (not state.exists() or state.read_text() != told):
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        state.write_text(told)
    tree = work / "copies" / str(number)
    shutil.rmtree(tree, ignore_errors=True)
    listed = ("git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in subprocess.run(listed, capture_output=True, check=True, text=True).stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tree / name)
    return tree


def traced(trees: Sequence[Path], work: Path, entries: Sequence[str]) -> CoverageMap:
    """Which test runs which line; only what is not known yet is run."""
    (work / "traced").mkdir(exist_ok=True)
    files = [path for entry in entries for path in sorted(_test_files(trees[0] / entry))]
    names = [path.relative_to(trees[0]).as_posix() for path in files]
    out = {name: work / "traced" / f"{name.replace('/', '.')}.json" for name in names}
    tasks = [(name, partial(_trace_begun, name, out[name])) for name in names if not out[name].exists()]
    for n, (name, status, seconds, _) in enumerate(children.side_by_side(trees, tasks), start=1):
        print(f"tracing {n} of {len(tasks)}: {name}, {seconds:.0f} s", file=sys.stderr, flush=True)
        if status:
            raise SystemExit(f"error: {name} cannot be traced (status {status}): see the logs in {work / 'copies'}")
    found = CoverageMap.read(trees[0], out.values())
    for test in found.failed:
        print(f"warning: {test} fails without any change and is not asked", file=sys.stderr)
    return found


def _test_files(entry: Path) -> list[Path]:
    return list(entry.rglob("test_*.py")) if entry.is_dir() else [entry]


def _trace_begun(name: str, out: Path, tree: Path) -> children.Child:
    return children.start(partial(trace, tree, name, out), tree, _log_of(tree), TRACING_SECONDS)


def judged(trees: Sequence[Path], results: Path, mutants: Sequence[Mutant], tests: CoverageMap) -> list[Verdict]:
    """The verdicts on all mutants; only those that are not known yet are tried."""
    known, chosen = kept(results), {}
    tasks = []
    for mutant in mutants:
        if mutant.key not in known:
            chosen[mutant.key] = tests.choose(mutant.file, mutant.line, BUDGET_SECONDS)
            expected = sum(tests.seconds[test] for test in chosen[mutant.key][0])
            tasks.append((mutant, partial(_mutant_begun, mutant, chosen[mutant.key][0], expected)))
    started = time.monotonic()
    for n, (mutant, status, seconds, tree) in enumerate(children.side_by_side(trees, tasks), start=1):
        (tree / mutant.file).write_text(mutant.before, encoding="utf-8")
        asked, seen = chosen[mutant.key]
        log = _log_of(tree).read_text(encoding="utf-8", errors="replace")
        verdict = Verdict.of(mutant, status, log, len(asked), seen, round(seconds, 1))
        if verdict.how not in ("", "test"):
            _check_unchanged(tree, asked)
        keep(results, verdict)
        known[mutant.key] = verdict
        left = (time.monotonic() - started) / n * (len(tasks) - n) / 60
        what = f"killed ({verdict.how})" if verdict.killed else "SURVIVED"
        place = f"{mutant.file.removeprefix('src/omentum/')}:{mutant.line}"
        print(f"{n} of {len(tasks)}, {left:.0f} min left: {place} {what}", file=sys.stderr, flush=True)
    return [known[mutant.key] for mutant in mutants]


def _mutant_begun(mutant: Mutant, asked: Sequence[str], expected: float, tree: Path) -> children.Child:
    (tree / mutant.file).write_text(mutant.after, encoding="utf-8")
    return children.start(partial(_ask, tree, asked), tree, _log_of(tree), 30 + 5 * expected)


def _check_unchanged(tree: Path, asked: Sequence[str]) -> None:
    """Tests that cannot even be begun, or end their process, must do so because of the change."""
    again = [(None, lambda tree: children.start(partial(_ask, tree, asked), tree, _log_of(tree), TRACING_SECONDS))]
    for _, status, _, _ in children.side_by_side([tree], again):
        if status:
            raise SystemExit(f"error: tests fail without any change too: {_log_of(tree).read_text()[-2000:]}")


def _ask(tree: Path, tests: Sequence[str]) -> int:
    import pytest

    return int(pytest.main([*children.pytest_arguments(tree), "-x", "--tb=line", *tests]))


def _log_of(tree: Path) -> Path:
    return tree.with_name(f"{tree.name}.log")


def report(out: Path | None, verdicts: Sequence[Verdict], tests: CoverageMap, seed: int) -> None:
    """Scores by room, and what survived."""
    same = equivalents(EQUIVALENT)
    of_room = {room: [verdict for verdict in verdicts if verdict.room == room] for room in ROOMS}
    scores = {room: Score.of(found, same) for room, found in of_room.items()} | {"all": Score.of(verdicts, same)}
    rows = [(room, s.mutants, s.killed, s.equivalent, s.survived, s.share) for room, s in scores.items()]
    alive = [verdict for verdict in verdicts if not verdict.killed]
    listed = [
        (v.file.removeprefix("src/omentum/"), v.inside, _short(v.was), _short(v.now), same.get(identity(v), ""))
        for v in sorted(alive, key=lambda v: (v.file, v.line))
    ]
    ways = {how: sum(verdict.how == how for verdict in verdicts) for how in ("test", "import", "timeout", "crash")}
    publish(
        out,
        title=f"Mutation testing: {len(verdicts)} random changes to the code",
        about=f"Sample of seed {seed}, shown to the tests of {', '.join(TESTS)} that run the changed line. Killed by a "
        f"failing test {ways['test']}, at import {ways['import']}, by its time {ways['timeout']}, by a crash "
        f"{ways['crash']}. The score leaves out what no test could notice.",
        measures=MEASURES,
        tables={
            "rooms": Table(
                {
                    "room": "{}",
                    "mutants": "{}",
                    "killed": "{}",
                    "equivalent": "{}",
                    "survived": "{}",
                    "score": "**{:.0%}**",
                },
                rows,
            ),
            "survivors": Table(
                {"file": "{}", "inside": "{}", "was": "`{}`", "became": "`{}`", "why no test could notice": "{}"},
                listed,
                about="What no test noticed:",
            ),
        },
        values={"score": scores["all"].share, "mutants": len(verdicts), "tests": len(tests.seconds)},
    )


def _short(code: str) -> str:
    """For a cell of a table."""
    line = " ".join(code.split()).replace("|", "\\|")
    return line if len(line) <= 100 else f"{line[:97]}..."


if __name__ == "__main__":
    main()
