"""Renamed options: the error message for an old name gives the new one."""

from __future__ import annotations

from collections.abc import Sequence

RENAMED = {
    "--batch": "--batch-size",
    "--output": "--out",
}
"""Old name -> new name, for all commands."""
_JSON = "--json prints to standard output; a file is written by --json-file"


def renaming_hint(arguments: Sequence[str], message: str) -> str | None:
    """Hint with the new name, if a command line was rejected because of a renamed option.

    Args:
        arguments: Arguments of the command line.
        message: Error message.
    """
    words = [argument.partition("=")[0] for argument in arguments]
    for old, new in RENAMED.items():
        if old in words and f"No such option: {old}" in message:
            return f"it is called {new} now"
    if "--json" in words and ("unexpected extra argument" in message or "does not take a value" in message):
        return _JSON
    return None
