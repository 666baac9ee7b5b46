"""Options as fields of frozen dataclasses: type, default, choices and help are written once, beside the field.

The command line is generated from these fields (`omentum.cli.option_table`); Python callers make the objects directly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

_KEY = "option"


class Group(StrEnum):
    """Headings of a command's options in its help."""

    INPUT = "Input"
    FIND = "What to find"
    HOW = "How"
    OUTPUT = "Output"


@dataclass(frozen=True)
class Option:
    """What a command line has to know of a field beyond its name and default.

    Args:
        help: One line.
        group: Heading it is listed under.
        flags: As written on the command line; `--name-of-field` by default, with `--no-...` where the default is True.
        kind: Type of one value; that of the default where there is one.
        metavar: Stands for the value in the help.
        choices: All values it may have.
        shown_default: Describes a default that is not a constant.
        is_repeated: Whether it may be given several times; the field is then a tuple.
        is_rare: Whether only `--help-all` lists it.
        minimum: Smallest value of a number.
    """

    help: str
    group: Group
    flags: tuple[str, ...] = ()
    kind: type[str] | type[int] | type[float] | type[bool] | type[Path] = str
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    shown_default: str | None = None
    is_repeated: bool = False
    is_rare: bool = False
    minimum: int | None = None


def option(text: str, group: Group, **more: Any) -> dict[str, Option]:
    """Metadata of a dataclass field that is an option.

    Args:
        text: Help, one line.
        group: Heading in the help.
        **more: Further fields of `Option`.
    """
    return {_KEY: Option(text, group, **more)}


def options_of(options_class: type[Any]) -> Iterator[tuple[str, Any, Option]]:
    """Name, default and description of every field that is an option, in order."""
    for one in fields(options_class):
        if _KEY in one.metadata:
            about: Option = one.metadata[_KEY]
            default: Any = one.default
            typed = isinstance(default, (bool, int, float, str))
            yield one.name, default, replace(about, kind=type(default)) if typed else about
