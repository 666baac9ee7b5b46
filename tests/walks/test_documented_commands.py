"""Every `omentum ...` in README and docs is understood by the command line as it is; nothing is run."""

import re
import shlex

import pytest
import typer

from omentum.errors import OmentumError
from walks.command_line import UsageError, expanded, parse
from walks.markdown import ROOT, blocks

HISTORY = {"docs/log.md", "docs/results.md"}
"""What was run once, with the options of that day."""
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
    if str(path.relative_to(ROOT)) not in HISTORY
)
PLACEHOLDER = "..."
_IN_A_LINE = re.compile(r"`(omentum [^`]+)`")


def commands_in_blocks(page):
    """Command lines, as bash would start them."""
    assignments: list[str] = []
    for block in blocks(page):
        if block.language in ("", "bash", "sh", "console"):
            assignments += [line for line in block.commands if re.match(r"\w+=", line)]
            for line in block.commands:
                if "omentum" in line:
                    yield from expanded(line, "\n".join(assignments))


def commands_in_text(page):
    """In backquotes within a sentence."""
    text = re.sub(r"^```.*?^```$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.M | re.S)
    for line in _IN_A_LINE.findall(text):
        yield shlex.split(line.replace("\n", " "))


def is_whole(arguments):
    """Not a mere mention, as `omentum segment` or `omentum train --dry-run`."""
    return PLACEHOLDER not in " ".join(arguments)


def understood(arguments):
    try:
        parse(arguments)
    except UsageError as fault:
        return str(fault.format_message())
    except OmentumError as fault:  # a file that is not here, after all options were understood
        return None if "no such file" in str(fault) else str(fault)
    except (SystemExit, typer.Exit):  # --help
        return None
    return None


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_understood(page, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    faults = {}
    for command in commands_in_blocks(page):
        if command[0] == "omentum" and is_whole(command[1:]) and (fault := understood(command[1:])):
            faults[shlex.join(command)] = fault
    for command in commands_in_text(page):
        fault = understood([word for word in command[1:] if word != PLACEHOLDER])
        if fault and not fault.startswith("Missing") and not fault.endswith("requires an argument."):  # a mention
            faults[shlex.join(command)] = fault
    assert faults == {}


def test_an_unknown_option_is_found(monkeypatch, tmp_path):
    assert "No such option" in understood(["segment", "ct.nii.gz", "-o", "out", "--sorcery"])
    assert "no such" in understood(["sgement"]).lower()
    assert understood(["segment", "ct.nii.gz", "-o", "out"]) is None
