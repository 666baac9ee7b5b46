"""Exceptions and warnings whose message is meant for the user: one line with the file, the reason and the remedy."""

from __future__ import annotations

import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def printable(text: str, *, ascii_only: bool = False) -> str:
    r"""Make a text that any output accepts: bytes of a file name that are not UTF-8 become `\xfc`, as in a shell.

    Args:
        text: May hold surrogates made by `os.fsdecode`.
        ascii_only: Also escape every other character that is not ASCII.
    """
    if ascii_only:
        text = "".join(c if "\udc80" <= c <= "\udcff" else c.encode("ascii", "backslashreplace").decode() for c in text)
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class OmentumError(Exception):
    """Base of all errors whose message is meant for the user.

    Args:
        reason: What was expected and what was found, in one line.
        source: The file (or other object) at fault, named first in the message.
        remedy: What the user can do about it, shown in parentheses.
    """

    exit_code = 2

    def __init__(self, reason: str, *, source: str | Path | None = None, remedy: str | None = None) -> None:
        self.reason, self.source, self.remedy = reason, source, remedy
        super().__init__(reason)

    def __str__(self) -> str:
        """Format as `<file>: <reason> (<remedy>)` on a single line, also for file names with line breaks."""
        text = self.reason if self.source is None else f"{self.source}: {self.reason}"
        text = text if self.remedy is None else f"{text} ({self.remedy})"
        return printable(text).replace("\r", "\\r").replace("\n", "\\n")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle all attributes, whatever the constructor of a subclass takes."""
        return _remade, (type(self), self.args), self.__dict__


def _remade(kind: type[OmentumError], args: tuple[Any, ...]) -> OmentumError:
    return kind.__new__(kind, *args)


class UsageError(OmentumError):
    """The command or call itself is invalid (unknown option value, nothing to do, output exists)."""


class InputError(OmentumError):
    """An input file cannot be used."""


class GeometryError(InputError):
    """A grid is invalid, or two grids that must agree do not."""


class CheckpointError(InputError):
    """A weights file is damaged, unsafe, or not what its description says."""


class OutputError(OmentumError):
    """A result cannot be written."""


class TrainingError(OmentumError):
    """A training run cannot go on."""


class MissingDependencyError(OmentumError):
    """An optional package is needed; the remedy names the extra to install."""


class CaseWarning(UserWarning):
    """A case can be processed, but the user should know something about it; also recorded in the manifest."""


@dataclass(frozen=True)
class _WarningListeners:
    """Callbacks for the case warnings of a context, and whether the warnings also go through `warnings.warn`."""

    callbacks: tuple[Callable[[str], None], ...] = ()
    propagate: bool = True


_NO_LISTENERS = _WarningListeners()
# A context variable keeps the cases of several threads apart; `warnings.catch_warnings` affects the whole process.
_listeners: ContextVar[_WarningListeners] = ContextVar("listeners to case warnings", default=_NO_LISTENERS)


def warn_of_case(reason: str, source: str | Path | None = None, *, stacklevel: int = 1) -> None:
    """Warn of something that the user of a case should know, and pass it to every listener of this context.

    Args:
        reason: One line.
        source: The file concerned, named first.
        stacklevel: As for `warnings.warn`: 1 is the caller.
    """
    warning = CaseWarning(printable(reason if source is None else f"{_shown(source)}: {reason}"))
    listeners = _listeners.get()
    for callback in listeners.callbacks:
        callback(str(warning))
    if listeners.propagate:
        warnings.warn(warning, stacklevel=stacklevel + 1)


@contextmanager
def capture_warnings(callback: Callable[[str], None], *, propagate: bool = True) -> Iterator[None]:
    """Pass the case warnings of this block, and of no other thread, to a callback.

    Args:
        callback: Called with each message; enclosing blocks receive it as well.
        propagate: Whether the warnings also go through `warnings.warn`; False where the callback shows them.
    """
    outer = _listeners.get()
    token = _listeners.set(_WarningListeners((*outer.callbacks, callback), outer.propagate and propagate))
    try:
        yield
    finally:
        _listeners.reset(token)


_renamed: ContextVar[tuple[tuple[Path, Path], ...]] = ContextVar("places with another name in messages", default=())


@contextmanager
def sources_shown_as(folder: Path, shown: Path) -> Iterator[None]:
    """In errors and case warnings of this block, name the files of a temporary folder by what they were unpacked from.

    Args:
        folder: The temporary folder.
        shown: Named instead of it.
    """
    token = _renamed.set((*_renamed.get(), (folder, shown)))
    try:
        yield
    except OmentumError as fault:
        fault.source = None if fault.source is None else _shown(fault.source)
        raise
    finally:
        _renamed.reset(token)


def _shown(source: str | Path) -> str | Path:
    for folder, shown in reversed(_renamed.get()):
        if Path(source).is_relative_to(folder):
            source = shown / Path(source).relative_to(folder)
    return source


class _WarningSilencer:
    """The warning filters of the process: replaced by the first thread that enters, restored by the last to leave."""

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


_silencer = _WarningSilencer()


@contextmanager
def silence_library_warnings() -> Iterator[None]:
    """Hide the warnings of libraries in this block; unlike `warnings.catch_warnings`, safe when threads overlap."""
    _silencer.enter()
    try:
        yield
    finally:
        _silencer.leave()


class EndedError(BaseException):
    """The process was asked to end by a signal; not an `Exception`, so that no `except Exception` swallows it.

    Args:
        number: Number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


def lines_of(fault: BaseException) -> str:
    """Where an error arose and its causes, for a report of a bug: types and lines of code, no values."""
    told: list[str] = []
    cause: BaseException | None = fault
    while cause is not None:
        told.append(type(cause).__name__)
        frames = traceback.extract_tb(cause.__traceback__)
        told += [f"  {'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno} {frame.name}" for frame in frames]
        cause = cause.__cause__ or cause.__context__
    return "\n".join([*told, ""])
