"""Small changes to source code by Cosmic Ray's operators, and a random sample of them."""

from __future__ import annotations

import ast
import difflib
import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import parso
from cosmic_ray.ast import ast_nodes
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

Position = tuple[int, int]
"""Line, from 1 on, and column, from 0 on."""


@dataclass(frozen=True)
class Mutant:
    """One change.

    Args:
        room: Of the code.
        file: From the repository's root.
        line: Of what is changed, from 1 on.
        inside: Qualified name of the function or class around it, "" for the module itself.
        operator: Cosmic Ray's name for the kind of change.
        was, now: The lines that differ, without what surrounds them.
        before, after: The whole file without the change and with it.
    """

    room: str
    file: str
    line: int
    inside: str
    operator: str
    was: str
    now: str
    before: str
    after: str

    @property
    def key(self) -> str:
        """The same for the same change wherever in the file its lines have moved to."""
        return hashlib.sha256("\0".join((self.file, self.inside, self.was, self.now)).encode()).hexdigest()[:16]


def sample(root: Path, rooms: dict[str, Sequence[str]], number: int, seed: int) -> list[Mutant]:
    """As many mutants of each room as of every other, the rooms in turn.

    Every place in the code that can be changed is as likely as any other, then every change of it; so `a + b`, which
    can become ten other things, weighs no more than `not a`. A smaller sample is the beginning of a larger one.

    Args:
        root: Of the repository.
        rooms: Name -> files and folders.
        number: Of all mutants.
        seed: Of the sample.
    """
    drawn = [_of_room(root, room, entries, -(-number // len(rooms)), seed) for room, entries in rooms.items()]
    return [mutant for turn in zip(*drawn, strict=True) for mutant in turn][:number]


def _of_room(root: Path, room: str, entries: Sequence[str], number: int, seed: int) -> list[Mutant]:
    rng = random.Random(f"{seed} {room}")
    files = [file for entry in entries for file in _files(root / entry)]
    places = [(file, place) for file in files for place in _places(file)]
    rng.shuffle(places)
    found: list[Mutant] = []
    for file, (position, changes) in places:
        if len(found) == number:
            break
        for operator, occurrence in rng.sample(changes, len(changes)):
            mutant = _mutant(root, room, file, position, operator, occurrence)
            if mutant is not None:
                found.append(mutant)
                break
    return found


def _files(entry: Path) -> list[Path]:
    return sorted(entry.rglob("*.py")) if entry.is_dir() else [entry]


@cache
def _operators() -> dict[str, Any]:
    """Those that need no argument."""
    found = {name: get_operator(name) for name in operator_names()}
    return {name: operator() for name, operator in sorted(found.items()) if not operator.arguments()}


def _places(file: Path) -> list[tuple[Position, list[tuple[str, int]]]]:
    """Where something can be changed, and the operators with their number of the occurrence."""
    source = file.read_text(encoding="utf-8")
    nodes, skipped = list(ast_nodes(parso.parse(source))), list(_unread(ast.parse(source)))
    places: dict[tuple[Position, Position], list[tuple[str, int]]] = {}
    for name, operator in _operators().items():
        positions = (where for node in nodes for where in operator.mutation_positions(node))
        for occurrence, (start, end) in enumerate(positions):
            if not any(first <= start and end <= last for first, last in skipped):
                places.setdefault((start, end), []).append((name, occurrence))
    return [(start, changes) for (start, _), changes in sorted(places.items())]


def _unread(tree: ast.AST) -> Iterator[tuple[Position, Position]]:
    """What is never run: annotations (of functions, and they are not evaluated) and imports for types alone."""
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            part = getattr(node, name, None)
            if isinstance(part, ast.expr):
                yield _extent(part)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield _extent(node)


def _extent(node: Any) -> tuple[Position, Position]:
    return (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)


def _mutant(root: Path, room: str, file: Path, position: Position, operator: str, occurrence: int) -> Mutant | None:
    """None where the change is no Python, or changes nothing."""
    before = file.read_text(encoding="utf-8")
    after = mutate_code(before, _operators()[operator], occurrence)
    if after is None:
        return None
    try:
        if ast.dump(ast.parse(after)) == ast.dump(tree := ast.parse(before)):
            return None
    except SyntaxError:
        return None
    was, now = _difference(before, after)
    name = file.relative_to(root).as_posix()
    return Mutant(room, name, position[0], _inside(tree, position[0]), operator.split("/")[-1], was, now, before, after)


def _difference(before: str, after: str) -> tuple[str, str]:
    old, new = before.splitlines(), after.splitlines()
    blocks = [b for b in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if b[0] != "equal"]
    was = (line.strip() for _, first, last, _, _ in blocks for line in old[first:last])
    now = (line.strip() for _, _, _, first, last in blocks for line in new[first:last])
    return "\n".join(filter(None, was)), "\n".join(filter(None, now))


def _inside(tree: ast.AST, line: int) -> str:
    """Qualified name of the innermost function or class around a line."""
    names, node = [], tree
    while True:
        inner = (child for child in ast.iter_child_nodes(node) if hasattr(child, "end_lineno"))
        node = next((child for child in inner if child.lineno <= line <= (child.end_lineno or 0)), None)  # type: ignore
        if node is None:
            return ".".join(names)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
