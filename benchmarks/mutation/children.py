"""pytest in child processes that are copies of this one: what the tests import from others is loaded once.

Nothing of the package itself is ever imported here, so that a child reads the code as it is on the disk then.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOADED_ONCE = (
    "numpy", "scipy.ndimage", "scipy.spatial", "scipy.optimize", "scipy.stats", "torch", "torch.utils.data", "nibabel",
    "monai.networks.nets", "monai.inferers", "monai.losses", "lightning_fabric", "safetensors.torch", "blosc2", "edt",
    "cc3d", "typer", "rich.progress", "matplotlib", "PIL.Image", "h5py", "hypothesis.extra.numpy", "pytest",
)  # fmt: skip
"""Not OpenVINO: the package does more than import it."""

TIMED_OUT = -signal.SIGXCPU
MEMORY_BYTES = 24 * 2**30
"""Of addresses, so that a mutant that asks for the impossible is told so."""
POLL_SECONDS = 0.05
CLOCK = 6
"""So many times its processor seconds a child may take by the clock: others may be busy, or it may wait for ever."""


def load() -> None:
    """Import what all children need, and none has to import again."""
    for name in LOADED_ONCE:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


@dataclass
class Child:
    """A child at work.

    Args:
        pid: Its process and process group.
        log: What it prints.
        begun, until: Of the clock (`time.monotonic`); at the end of its time it is ended.
    """

    pid: int
    log: Path
    begun: float
    until: float

    def poll(self) -> int | None:
        """None while it runs; its exit status, or minus the signal that ended it."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        late = not pid and time.monotonic() > self.until
        if not pid and not late:
            return None
        with contextlib.suppress(ProcessLookupError):  # with what it started and left running
            os.killpg(self.pid, signal.SIGKILL)
        if late:
            os.kill(self.pid, signal.SIGKILL)  # it may not yet have a process group
            os.waitpid(self.pid, 0)
            return TIMED_OUT
        return os.waitstatus_to_exitcode(status)


def start(work: Callable[[], int], tree: Path, log: Path, seconds: float) -> Child:
    """Begin `work` in a child that stands in `tree` and imports the package from there.

    Args:
        work: Its result is the exit status.
        tree: A copy of the repository.
        log: File for what it prints.
        seconds: Of processor time; a child that takes more is ended, one that waits too.
    """
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return Child(pid, log, time.monotonic(), time.monotonic() + CLOCK * seconds)
    status = 70
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 5))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with log.open("wb") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        _stand_in(tree)
        status = work()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # neither this process's exit handlers nor its stack


def _stand_in(tree: Path) -> None:
    os.chdir(tree)
    sys.dont_write_bytecode = True  # a change within a second, as long as what it replaces, would not be seen
    os.environ |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": "1"}
    os.environ["OMENTUM_SHARED"] = str(tree / "no_shared_data")  # as in any clone
    sys.path[:0] = [str(tree / "src")]
    os.environ["TMPDIR"] = str(tree.parent)


Task = Callable[[Path], Child]
"""Begins something in a tree that it has for itself meanwhile."""


def side_by_side(trees: Sequence[Path], tasks: Sequence[tuple[Any, Task]]) -> Iterator[tuple[Any, int, float, Path]]:
    """Run tasks, one in each tree at a time: what it is a task of, exit status, seconds by the clock, tree."""
    waiting, running = list(reversed(tasks)), dict[Path, tuple[Any, Child]]()
    while waiting or running:
        for tree in trees:
            if tree not in running and waiting:
                thing, begin = waiting.pop()
                running[tree] = thing, begin(tree)
        for tree, (thing, child) in list(running.items()):
            status = child.poll()
            if status is not None:
                yield thing, status, time.monotonic() - child.begun, tree
                del running[tree]
        time.sleep(POLL_SECONDS)


def pytest_arguments(tree: Path) -> list[str]:
    """Those of all runs."""
    plain = ("-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not slow")
    loaded = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # hypothesis, which is imported already
    return [*plain, *loaded, f"--rootdir={tree}", f"--basetemp={tree.with_name(f'{tree.name}-tmp')}"]
