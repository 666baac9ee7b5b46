"""What can go wrong, as the user should read it: one line that names the file, the reason and the remedy."""

from __future__ import annotations

import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def printable(text: str, *, ascii_only: bool = False) -> str:
    """Text that any output takes: bytes of a file name that are no UTF-8 become `\\xfc`, as a shell shows them.

    Args:
        text: May hold what `os.fsdecode` made of such bytes.
        ascii_only: Escape everything else that is not ASCII, too.
    """
    if ascii_only:
        text = "".join(c if "\udc80" <= c <= "\udcff" else c.encode("ascii", "backslashreplace").decode() for c in text)
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class OmentumError(Exception):
    """A fault whose message is meant for the user.

    Args:
        reason: What was expected and what came, in one line.
        source: The file (or other thing) that is at fault, named first in the message.
        remedy: What the user can do about it, shown in brackets.
    """

    exit_code = 2

    def __init__(self, reason: str, *, source: str | Path | None = None, remedy: str | None = None) -> None:
        self.reason, self.source, self.remedy = reason, source, remedy
        super().__init__(reason)

    def __str__(self) -> str:
        """`<file>: <reason> (<what to do>)` on a single line, whatever the file is called."""
        text = self.reason if self.source is None else f"{self.source}: {self.reason}"
        text = text if self.remedy is None else f"{text} ({self.remedy})"
        return printable(text).replace("\r", "\\r").replace("\n", "\\n")

    def __reduce__(self) -> tuple[Any, ...]:
        """From one process to another as it is, whatever a subclass is made from."""
        return _remade, (type(self), self.args), self.__dict__


def _remade(kind: type[OmentumError], args: tuple[Any, ...]) -> OmentumError:
    return kind.__new__(kind, *args)


class UsageError(OmentumError):
    """The command or call itself makes no sense (unknown option value, nothing to do, output in the way)."""


class InputError(OmentumError):
    """A file given to us cannot be used."""


class GeometryError(InputError):
    """A grid is impossible, or two grids that must agree do not."""


class CheckpointError(InputError):
    """A weights file is damaged, unsafe, or not what its description says."""


class OutputError(OmentumError):
    """A result cannot be written."""


class TrainingError(OmentumError):
    """A training run cannot go on."""


class MissingDependencyError(OmentumError):
    """An optional package is needed; the remedy names the extra to install."""


class CaseWarning(UserWarning):
    """A case works, but its user should know something about it; repeated in the manifest."""


@dataclass(frozen=True)
class _Hearers:
    """Who is told of the case warnings of a context, and whether Python's own machinery shows them, too."""

    hear: tuple[Callable[[str], None], ...] = ()
    aloud: bool = True


_NOBODY = _Hearers()
# Of a context, so that of two cases in two threads each hears its own: `warnings.catch_warnings` is the whole process's
_hearers: ContextVar[_Hearers] = ContextVar("hearers of case warnings", default=_NOBODY)


def warn_of_case(reason: str, source: str | Path | None = None, *, stacklevel: int = 1) -> None:
    """Warn of something that the user of a case should know, and tell everyone who listens to it in this context.

    Args:
        reason: In one line.
        source: The file it is about, named first.
        stacklevel: As for `warnings.warn`: 1 is whoever calls this.
    """
    warning = CaseWarning(printable(reason if source is None else f"{source}: {reason}"))
    hearers = _hearers.get()
    for hear in hearers.hear:
        hear(str(warning))
    if hearers.aloud:
        warnings.warn(warning, stacklevel=stacklevel + 1)


@contextmanager
def hearing(hear: Callable[[str], None], *, aloud: bool = True) -> Iterator[None]:
    """Listen to the case warnings of this block, and of no other thread.

    Args:
        hear: Told each message; so is whoever listens around the block.
        aloud: Whether they also go through `warnings.warn`; False where the listener shows them.
    """
    now = _hearers.get()
    token = _hearers.set(_Hearers((*now.hear, hear), now.aloud and aloud))
    try:
        yield
    finally:
        _hearers.reset(token)


class _Quiet:
    """Filters of the process, changed by the first thread that wants quiet and put back by the last."""

    def __init__(self) -> None:
        self._lock, self._inside, self._before = threading.Lock(), 0, warnings.catch_warnings()

    def enter(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.simplefilter("ignore")
            self._inside += 1

    def leave(self) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._before.__exit__(None, None, None)


_quiet = _Quiet()


@contextmanager
def libraries_quiet() -> Iterator[None]:
    """In this block no library's warnings are shown; unlike `warnings.catch_warnings`, safe when threads overlap."""
    _quiet.enter()
    try:
        yield
    finally:
        _quiet.leave()


class EndedError(BaseException):
    """Told to end by a signal; no `Exception`, for it is no answer to anything.

    Args:
        number: Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number
