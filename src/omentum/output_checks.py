"""Checks whether an output may be written, before the work starts."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from omentum.errors import OutputError, UsageError


def check_distinct(paths: Iterable[str | Path]) -> None:
    """Refuse one file for two outputs: the second would replace the first.

    Raises:
        UsageError: there is one.
    """
    seen = set()
    for path in paths:
        place = os.path.realpath(path)
        if place in seen:
            raise UsageError("is asked for twice", source=path, remedy="a file of its own for each format")
        seen.add(place)


def check_output(
    path: str | Path,
    *,
    inputs: Iterable[str | Path] = (),
    within: Iterable[str | Path] = (),
    overwrite: bool = False,
) -> None:
    """Refuse an output before work starts: it would replace an input, it exists, or its folder cannot be written.

    Args:
        path: The file or folder to be written.
        inputs: Files and folders that are read; neither they, nor what lies in them, nor a folder that holds one is
            an output.
        within: Folders of inputs: no file in them is ever replaced; new ones may be added.
        overwrite: Whether something else that is there may be replaced.

    Raises:
        OutputError: with the reason and the way out.
    """
    path, inputs = Path(path), list(inputs)
    place = Path(os.path.realpath(path))  # as far as links lead; `resolve` gives up where they lead in a circle
    for source in map(Path, inputs):
        read = Path(os.path.realpath(source))
        if place == read or _is_same(path, source):
            raise OutputError("is also the input", source=path, remedy="choose another output")
        if place.is_relative_to(read):
            raise OutputError("lies inside the input", source=path, remedy="choose an output beside that folder")
        if path.is_dir() and read.is_relative_to(place):
            raise OutputError(f"holds the input {source}", source=path, remedy="choose another output")
    kept = next((folder for folder in within if place.is_relative_to(os.path.realpath(folder))), None)
    if kept is not None and path.is_file():
        raise OutputError(f"is there already, among the inputs in {kept}", source=path, remedy="choose another output")
    if not overwrite and os.path.lexists(path):
        raise OutputError("exists already", source=path, remedy="choose another output or pass --overwrite")
    folder = next(parent for parent in place.parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError("cannot be written", source=folder, remedy="choose a folder you may write to")


def check_report(path: str | Path, *, inputs: Iterable[str | Path] = (), within: Iterable[str | Path] = ()) -> None:
    """`check_output` for a table, page or picture, which replaces an earlier one, but never an image or weights.

    Args:
        path: The file to be written.
        inputs: As for `check_output`.
        within: As for `check_output`.

    Raises:
        OutputError: with the reason and the way out.
    """
    check_output(path, inputs=inputs, within=within, overwrite=True)
    if Path(path).is_file() and not _is_report(Path(path)):
        raise OutputError("exists and is no report", source=path, remedy="choose another output")


def _is_report(path: Path) -> bool:
    """Whether a file holds text or a PNG picture; the header of an NRRD or MetaImage file is text, too."""
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith((b"NRRD", b"ObjectType")):
        return False
    return head.startswith(b"\x89PNG") or (b"\0" not in head and not _is_binary(head))


def _is_binary(head: bytes) -> bool:
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as fault:
        return fault.start < len(head) - 4  # a character may be cut off at the end
    return False


def _is_same(path: Path, source: Path) -> bool:
    """By another name, a link or a hard link, too; what is not there is nothing that could be replaced."""
    try:
        return path.samefile(source)
    except OSError:
        return False
