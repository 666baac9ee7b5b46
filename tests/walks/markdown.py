"""Code blocks of a page, and the commands in them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Block:
    """What stands between two fences.

    Args:
        language: Behind the first fence; "" for commands.
        text: As it stands there.
    """

    language: str
    text: str

    @property
    def commands(self) -> list[str]:
        """Logical lines: without comments, continued ones joined, a loop in one piece; none of a listing of files."""
        if self.text.split(maxsplit=1)[0].endswith("/"):
            return []
        joined = re.sub(r"\\\n\s*", " ", self.text)
        found: list[str] = []
        for line in joined.splitlines():
            line = re.sub(r"(^|\s)#\s.*$", "", line).strip()
            is_open = bool(found) and found[-1].startswith("for ") and not found[-1].endswith("done")
            if is_open:
                found[-1] += f" {line}"
            elif line:
                found.append(line)
        return found


def blocks(page: str) -> list[Block]:
    """Of a page, by its path from the root of the repository."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [Block(language, body) for language, body in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S)]
