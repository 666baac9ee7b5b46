"""A page walked from top to bottom: files written as it says, commands run in order, as it says.

What is small, short or somewhere else here is declared: `swaps` (text of the page -> text that is run) and `skips`
(beginning of a command -> why it is not run; the real command line must still understand it). A declaration that
nothing on the page needs is an error, so that the tables stay as true as the pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omentum.cli import main
from walks.command_line import expanded, parse
from walks.markdown import Block, blocks

Swaps = Sequence[tuple[str, str]]


@dataclass
class Walk:
    """One page.

    Args:
        page: Path from the root of the repository.
        swaps: Applied to commands and files, in order, everywhere they occur.
        skips: See above.
        files: First line of a block -> the file that it is, where the block does not name it.
        may_fail: Beginning of a command -> exit code that is right for it here.
        before: What a block needs before it is walked, by its first line; called in the folder of the walk.
    """

    page: str
    swaps: Swaps = ()
    skips: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    may_fail: Mapping[str, int] = field(default_factory=dict)
    before: Mapping[str, Callable[[], None]] = field(default_factory=dict)

    def go(self) -> list[str]:
        """Walk it in the working directory; the commands that ran.

        Raises:
            AssertionError: a command does not do what the page says, or a declaration is of no use.
        """
        self._used: set[str] = set()
        self._assigned, ran = "", []
        for block in blocks(self.page):
            first = block.text.splitlines()[0]
            if first in self.before:
                self._used.add(first)
                self.before[first]()
            if name := self._file(block, first):
                Path(name).parent.mkdir(parents=True, exist_ok=True)
                Path(name).write_text(self._swapped(block.text), encoding="utf-8")
            elif block.language == "python":
                self._python(block)
            elif block.language == "":
                ran += [command for command in block.commands if self._ran(command)]
        declared = (
            {old for old, _ in self.swaps} | set(self.skips) | set(self.files) | set(self.may_fail) | set(self.before)
        )
        assert not declared - self._used, f"{self.page} has nothing of {sorted(declared - self._used)}"
        return ran

    def _file(self, block: Block, first: str) -> str | None:
        if block.language not in ("toml", "json"):
            return None
        if first in self.files:
            self._used.add(first)
            return self.files[first]
        named = re.fullmatch(r"# (\S+\.toml)", first)
        return named[1] if named else None

    def _swapped(self, text: str) -> str:
        for old, new in self.swaps:
            if old in text:
                self._used.add(old)
                text = text.replace(old, new)
        return text

    def _python(self, block: Block) -> None:
        text = self._swapped(block.text)
        exec(compile(text, self.page, "exec"), {"__name__": "walk"})

    def _ran(self, command: str) -> bool:
        for start in self.skips:
            if command.startswith(start):
                self._used.add(start)
                self._understood(command)
                return False
        command = self._swapped(command)
        if re.fullmatch(r"\w+=.*", command):
            self._assigned += f"{command}\n"
            return False
        calls = expanded(command, self._assigned)
        assert calls, f"{self.page}: nothing to run in {command!r} (declare why)"
        right = next((code for start, code in self.may_fail.items() if command.startswith(start)), 0)
        self._used |= {start for start in self.may_fail if command.startswith(start)}
        for program, *arguments in calls:
            assert program == "omentum", f"{self.page}: {program} is not run in a walk (declare why)"
            code = main(arguments)
            assert code == right, f"{self.page}: exit code {code} of omentum {' '.join(arguments)}"
        return True

    def _understood(self, command: str) -> None:
        for program, *arguments in expanded(command, self._assigned):
            if "omentum" in arguments:
                arguments = arguments[arguments.index("omentum") + 1 :]
            elif program != "omentum":
                continue
            if "..." not in arguments:  # the page leaves out what other lines have
                parse(arguments)
