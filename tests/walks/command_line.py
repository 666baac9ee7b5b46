"""Commands as a shell would split them, and whether the real command line understands them."""

from __future__ import annotations

import subprocess

import typer

from omentum.cli import app

PROGRAMS = ("omentum", "make", "python", "torchrun", "tensorboard", "pip")
END, NEXT = "\x1e", "\x1f"
_TELLING = "".join(
    f"{name}() {{ printf '%s{NEXT}' {name} \"$@\"; printf '{END}'; }}\n".replace(END, "\\x1e").replace(NEXT, "\\x1f")
    for name in PROGRAMS
)


def expanded(command: str, before: str = "") -> list[list[str]]:
    """The programs that bash would start for a line, with their arguments; none for an assignment.

    Args:
        command: One logical line.
        before: Assignments before it.
    """
    script = f"set -eu\n{_TELLING}{before}\n{command}\n"
    told = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20)
    assert told.returncode == 0, f"{command}: {told.stderr}"
    return [call.split(NEXT)[:-1] for call in told.stdout.split(END)[:-1]]


def parse(arguments: list[str]) -> None:
    """Let the real command line read arguments, to the last command, and start nothing.

    Raises:
        UsageError: it does not understand them.
    """
    command = typer.main.get_command(app)
    context = command.make_context("omentum", list(arguments))
    while hasattr(command, "resolve_command"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None, arguments
        context = command.make_context(name, rest, parent=context)


UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""Of click, or of the copy of it in typer."""
