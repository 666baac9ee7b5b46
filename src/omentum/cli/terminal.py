"""Standard output and error that accept any text and may be closed.

ASCII-only terminals get plain replacement characters, and invalid names are escaped. A full or closed output ends the
command without an internal error; files already written are kept.
"""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from omentum.errors import printable

PLAIN = {
    **{"…": "...", "–": "-", "—": "-", "−": "-", "×": "x", "·": "-", "•": "-", "µ": "u", "μ": "u", "±": "+/-"},
    **{"≤": "<=", "≥": ">=", "→": "->", "°": " deg", "²": "^2", "³": "^3", "“": '"', "”": '"', "’": "'", "‘": "'"},
}
"""Replacements for characters that an output cannot encode."""
_ERRORS = "omentum_plain"


class OutputGoneError(Exception):
    """Standard output cannot be written any more.

    Args:
        reason: Reason given by the operating system.
        closed: Whether the reader has closed the pipe, which is not an error.
    """

    def __init__(self, reason: str, closed: bool) -> None:
        super().__init__(reason)
        self.closed = closed


@contextmanager
def safe_output() -> Iterator[None]:
    """In this block, stdout and stderr accept any text; writing to a closed stdout raises `OutputGoneError`."""
    before = sys.stdout, sys.stderr
    # Closed from the start: without a replacement, the next opened file would get its file descriptor.
    opened = ExitStack()
    out, err = (stream or _nowhere(opened) for stream in before)
    for stream in (out, err):
        _take_any_text(stream)
    sys.stdout, sys.stderr = _Guarded(out), _Quiet(err)
    try:
        yield
        sys.stdout.flush()
    except OutputGoneError:
        _point_nowhere(out)
        raise
    finally:
        sys.stdout, sys.stderr = before
        opened.close()


def _nowhere(opened: ExitStack) -> Any:
    return opened.enter_context(Path(os.devnull).open("w", encoding="utf-8"))


def _take_any_text(stream: Any) -> None:
    with suppress(AttributeError, ValueError):  # not a byte stream, as in tests
        stream.reconfigure(errors=_ERRORS)


def _plain(fault: UnicodeError) -> tuple[str, int]:
    if not isinstance(fault, UnicodeEncodeError):
        raise fault
    bad = fault.object[fault.start : fault.end]
    return "".join(PLAIN.get(c) or printable(c, ascii_only=True) for c in bad), fault.end


codecs.register_error(_ERRORS, _plain)


def _point_nowhere(stream: Any) -> None:
    """Redirect to the null device, so that Python does not flush the buffer again at exit."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


class _Guarded:
    """Standard output whose errors are distinguishable from those of files."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return int(self._try("write", text) or 0)

    def flush(self) -> None:
        self._try("flush")

    def _try(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._stream, method)(*arguments)
        except (BrokenPipeError, ConnectionError) as fault:
            raise OutputGoneError(str(fault), closed=True) from fault
        except OSError as fault:
            raise OutputGoneError(fault.strerror or str(fault), closed=False) from fault

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":
            raise AttributeError(name)  # otherwise typer would write bytes directly
        return getattr(self._stream, name)


class _Quiet(_Guarded):
    """Standard error that may be closed without ending the command."""

    def _try(self, method: str, *arguments: Any) -> Any:
        with suppress(OSError):
            return getattr(self._stream, method)(*arguments)
        _point_nowhere(self._stream)
        return None
