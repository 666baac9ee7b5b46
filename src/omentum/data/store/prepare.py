"""Prepare a store from raw datasets: in parallel, resumable, and with identical bytes in any order.

A case is prepared again only if its recipe, the bytes of its files, or the options change. The manifest is removed
while cases change and written after the last one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from omentum.atomic import remove_folder
from omentum.data.datasets.raw_case import RawCase
from omentum.data.store.case_task import (
    CaseTask,
    Correct,
    PreparationOutcome,
    Read,
    State,
    bring_up_to_date,
    is_up_to_date,
)
from omentum.data.store.chunked import require_blosc2
from omentum.data.store.manifest import describe_datasets, write_manifest
from omentum.data.store.prepare_case import StoreOptions
from omentum.data.store.store import CACHE, CASES, DATASETS, MANIFEST
from omentum.data.store.stored_case import StoredCase
from omentum.errors import InputError, OutputError, UsageError
from omentum.process_pool import map_in_processes
from omentum.progress import SILENT, TaskListener
from omentum.temporary_names import remove_unfinished

_DIED = "its process died (out of memory, or a crash in foreign code)"


@dataclass(frozen=True)
class PreparationResult:
    """Outcome of updating a store.

    Args:
        store: Folder of the store.
        outcomes: One per case, sorted by name.
        removed: Names of stored cases that their dataset no longer contains.
    """

    store: Path
    outcomes: tuple[PreparationOutcome, ...]
    removed: tuple[str, ...] = ()

    def count(self, state: State) -> int:
        """Number of cases with this state."""
        return sum(outcome.state == state for outcome in self.outcomes)


def prepare(
    cases: Sequence[RawCase],
    out: str | Path,
    options: StoreOptions,
    *,
    jobs: int = 1,
    read: Read | None = None,
    correct: Correct | None = None,
    progress: TaskListener = SILENT,
) -> PreparationResult:
    """Update a store with some datasets; cases of other datasets in it are left unchanged.

    Args:
        cases: All cases of these datasets; other stored cases of the same datasets are removed.
        out: Folder of the store; created if missing.
        options: Options of the store.
        jobs: Number of worker processes; each holds one case in memory.
        read: Reads CT and labels of a raw case; a module-level function, by default
            `omentum.data.harmonise.read.read_raw`.
        correct: Applies the corrections in the store to a prepared case; a module-level function. None leaves them out.
        progress: Receives progress, and a warning or error for each affected case.

    Raises:
        UsageError: There are no cases, two share a name, or the store holds other datasets made with other options.
        OutputError: The folder contains something else, is locked by another process, or cannot be written.
        MissingDependencyError: blosc2 is not installed.
    """
    require_blosc2()
    out, cases = Path(out), sorted(cases, key=lambda case: case.name)
    _check_names(cases)
    with sole_writer(out):
        for folder in (out, out / CASES, out / DATASETS):
            remove_unfinished(folder)
        tasks = [CaseTask(case, out, options, read or _default_read(), correct) for case in cases]
        return _Run(out, options, tasks).run(jobs, progress)


class _Run:
    """One update of a locked store."""

    def __init__(self, out: Path, options: StoreOptions, tasks: Sequence[CaseTask]) -> None:
        self.out, self.options, self.tasks = out, options, tasks
        self.recipes = {task.case.recipe.key: task.case.recipe for task in tasks}
        self.stored = {case.name: case for case in stored_cases(out)}
        self.outcomes: list[PreparationOutcome] = []

    def run(self, jobs: int, progress: TaskListener) -> PreparationResult:
        """Process all outstanding cases."""
        self._check_options()
        gone = self._no_longer_there()
        kept, rest = self._sorted_out()
        if rest or gone:
            (self.out / MANIFEST).unlink(missing_ok=True)
            describe_datasets(self.out, self.recipes, {})
        for name in gone:
            remove_folder(self.out / CASES / name)
        for outcome in self._outcomes(kept, rest, jobs):
            self.outcomes.append(outcome)
            if outcome.error:
                progress.say("error", outcome.error)
            if outcome.warning:
                progress.say("warning", outcome.warning)
            progress.progress(len(self.outcomes), len(self.tasks), worked=outcome.state != "kept")
        self._finish()
        return PreparationResult(self.out, tuple(self.outcomes), tuple(gone))

    def _check_options(self) -> None:
        others = {case.dataset for case in self.stored.values() if case.key.options != self.options.sha256}
        others -= self.recipes.keys()
        if others:
            reason = f"holds {', '.join(sorted(others))} prepared with other options"
            raise UsageError(reason, source=self.out, remedy="name every dataset, or choose another folder")

    def _no_longer_there(self) -> list[str]:
        wanted = {task.case.name for task in self.tasks}
        return [c.name for c in self.stored.values() if c.dataset in self.recipes and c.name not in wanted]

    def _sorted_out(self) -> tuple[list[CaseTask], list[CaseTask]]:
        """Tasks that are up to date without reading their files, and all others."""
        kept: list[CaseTask] = []
        rest: list[CaseTask] = []
        for task in self.tasks:
            (kept if is_up_to_date(task, self.stored.get(task.case.name)) else rest).append(task)
        return kept, rest

    def _outcomes(self, kept: Sequence[CaseTask], rest: Sequence[CaseTask], jobs: int) -> Iterator[PreparationOutcome]:
        yield from (PreparationOutcome(task.case.name, "kept") for task in kept)
        for task, result in map_in_processes(bring_up_to_date, rest, jobs):
            outcome = result or task.failed(_DIED)
            if outcome.state == "failed" and task.folder.exists():
                remove_folder(task.folder)  # the stored case was prepared from files that no longer exist
            yield outcome

    def _finish(self) -> None:
        self.outcomes.sort(key=lambda outcome: outcome.name)
        dataset_of = {task.case.name: task.case.recipe.key for task in self.tasks}
        failed: dict[str, dict[str, str]] = {key: {} for key in self.recipes}
        for outcome in self.outcomes:
            if outcome.state == "failed":
                failed[dataset_of[outcome.name]][outcome.name] = outcome.reason
        describe_datasets(self.out, self.recipes, failed)
        write_manifest(self.out, self.options, stored_cases(self.out))


def _default_read() -> Read:
    from omentum.data.harmonise.read import read_raw

    return read_raw


def stored_cases(out: Path) -> list[StoredCase]:
    """Every case in the store, by name; unreadable ones (such as those of an older format) are deleted."""
    cases = []
    for folder in sorted((out / CASES).iterdir()):
        try:
            cases.append(StoredCase.read(folder))
        except InputError:
            remove_folder(folder)
    return cases


def _check_names(cases: Sequence[RawCase]) -> None:
    if not cases:
        raise UsageError("there is no case to prepare", remedy="see omentum data check")
    twice = [name for name, times in Counter(case.name for case in cases).items() if times > 1]
    if twice:
        raise UsageError(f"two cases have the name {twice[0]!r}", remedy="give each dataset its own recipe key")


@contextmanager
def sole_writer(out: Path) -> Iterator[None]:
    """Hold the lock of a store, which is created if missing.

    Raises:
        OutputError: the folder holds something else, another process is writing it, or it cannot be written.
    """
    if out.exists() and not (out / CACHE).is_dir() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError("holds something else than a store", source=out, remedy="choose another folder")
    lock = FileLock(out / CACHE / "lock")
    try:
        (out / CACHE).mkdir(parents=True, exist_ok=True)
        (out / CASES).mkdir(exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as fault:
        remedy = "wait for it, or choose another folder"
        raise OutputError("another process is writing it", source=out, remedy=remedy) from fault
    except OSError as fault:
        raise OutputError(f"cannot be written: {fault.strerror or fault}", source=out) from fault
    try:
        yield
    finally:
        lock.release()
