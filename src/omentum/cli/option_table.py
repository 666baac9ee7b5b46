"""Commands whose options are fields of frozen dataclasses; see `omentum.option_fields`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from omentum.option_fields import Group, Option, options_of

Command = Callable[..., Any]


def with_options(command: Command) -> Command:
    """Convert to a typer command: parameters whose type has option fields become one option per field.

    Args:
        command: Function with such parameters and others that typer supports; annotations must be evaluated.
    """
    signature, hints = inspect.signature(command), get_type_hints(command, include_extras=True)
    objects = {name: hints[name] for name in signature.parameters if any(_options_of(hints[name]))}
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        if name in objects:
            parameters += [_parameter(*described) for described in options_of(objects[name])]
        else:
            parameters.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))

    if any(about.is_rare for kind in objects.values() for _, _, about in options_of(kind)):
        keyword = inspect.Parameter.KEYWORD_ONLY
        parameters.append(inspect.Parameter("help_all", keyword, default=False, annotation=HelpAll))

    @functools.wraps(command)
    def made(**values: Any) -> Any:
        values.pop("help_all", None)  # handled during parsing
        arguments = {
            name: kind(**{field: _value(values.pop(field), about) for field, _, about in options_of(kind)})
            for name, kind in objects.items()
        }
        return command(**arguments, **values)

    parameters.sort(key=_group_number)
    made.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    made.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del made.__wrapped__
    return made


def flags_of(name: str, default: Any, about: Option) -> tuple[str, ...]:
    """Flags of an option, e.g. `-j`, `--jobs`; both forms of a switch in one string."""
    word = name.replace("_", "-")
    return about.flags or ((f"--{word}/--no-{word}",) if default is True else (f"--{word}",))


def _options_of(kind: Any) -> tuple[Any, ...]:
    return tuple(options_of(kind)) if hasattr(kind, "__dataclass_fields__") else ()


def _parameter(name: str, default: Any, about: Option) -> inspect.Parameter:
    kind: Any = StrEnum(name, {word: word for word in about.choices}) if about.choices else about.kind
    default = list(default) if isinstance(default, tuple) and default else None if default == () else default
    shown: bool | str = about.shown_default or default not in (None, False)
    described = typer.Option(
        *flags_of(name, default, about),
        help=about.help,
        metavar=about.metavar,
        rich_help_panel=str(about.group),
        show_default=shown,
        hidden=about.is_rare,
        min=about.minimum,
    )
    if about.is_repeated:
        kind = list[kind]
    if default is None:
        kind = kind | None
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, described]
    )


def _group_number(parameter: inspect.Parameter) -> int:
    """Order of the headings in the help; arguments and options without heading come first."""
    described = parameter.annotation.__metadata__[0] if hasattr(parameter.annotation, "__metadata__") else None
    panel = getattr(described, "rich_help_panel", None)
    return 1 + list(Group).index(Group(panel)) if panel else 0


def _value(given: Any, about: Option) -> Any:
    """Convert a value of the command line to that of the dataclass."""
    if about.is_repeated:
        return tuple(given or ())
    return str(given) if about.choices and given is not None else given


def show_all(context: typer.Context, wanted: bool) -> None:
    """Callback of `--help-all`: print the help including rare options."""
    if wanted and not context.resilient_parsing:
        for parameter in context.command.params:
            parameter.hidden = False  # type: ignore[attr-defined]
        typer.echo(context.get_help())
        raise typer.Exit


HelpAll = Annotated[
    bool, typer.Option("--help-all", help="show all options, also rare ones", is_eager=True, callback=show_all)
]
Json = Annotated[bool, typer.Option("--json", help="print JSON to standard output", rich_help_panel=Group.OUTPUT)]
JsonFile = Annotated[
    Path | None, typer.Option("--json-file", metavar="FILE", help="write JSON", rich_help_panel=Group.OUTPUT)
]
Quiet = Annotated[
    bool, typer.Option("--quiet", help="print nothing but warnings and errors", rich_help_panel=Group.OUTPUT)
]
Jobs = Annotated[int, typer.Option("-j", "--jobs", metavar="N", help="number of processes", min=1)]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="replace an existing file", rich_help_panel=Group.OUTPUT)]


def markdown_table(*options_classes: type[Any]) -> str:
    """Markdown tables of all options, one heading per dataclass; used in docs/how-to/segment-options.md."""
    rows: dict[Group, list[str]] = {group: [] for group in Group}
    for kind in options_classes:
        for name, default, about in options_of(kind):
            value = "|".join(about.choices) or about.metavar or ""
            flags = ", ".join(f"`{flag}`" for flag in "/".join(flags_of(name, default, about)).split("/"))
            shown = about.shown_default or _shown(default)
            field = f"`{kind.__name__}.{name}`"
            text = about.help.replace("|", "\\|")
            rows[about.group].append(f"| {flags} | {value.replace('|', ', ')} | {shown} | {text} | {field} |")
    head = "| option | value | default | | in Python |\n|---|---|---|---|---|\n"
    return "\n\n".join(f"## {group}\n\n{head}" + "\n".join(lines) for group, lines in rows.items() if lines) + "\n"


def _shown(default: Any) -> str:
    if isinstance(default, bool) or default in (None, ()):
        return "on" if default is True else ""
    return ", ".join(default) if isinstance(default, tuple) else str(default)
