"""Rules of the package that no linter knows: of names, folders, values that do not change, warnings and parameters."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1] / "src" / "omentum"


def test_a_public_class_has_a_name_of_its_own():
    places: dict[str, list[str]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))
    assert {name: at for name, at in places.items() if len(at) > 1} == {}


MOST_FILES = 25


def test_no_folder_is_a_drawer():
    folders = {path.parent for path in ROOT.rglob("*.py")}
    full = {str(f.relative_to(ROOT)): n for f in folders if (n := sum(1 for _ in f.glob("*.py"))) > MOST_FILES}
    assert full == {}


COLLECTORS = {
    "CompressedSparseArray", "HeldOut", "RunRecord", "CaseOutcome", "PreparationResult", "Report",
    "Store",
    "_Arrival", "_DeviceProcess", "_Tally", "_Total",
}  # fmt: skip
"""Dataclasses that are filled, or count, while something goes on."""


def test_values_do_not_change():
    """What is passed from one room to another stays as it was made; who wants another value makes another."""
    changing = set()
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                made = [ast.unparse(d) for d in node.decorator_list if ast.unparse(d).startswith("dataclass")]
                if made and "frozen=True" not in made[0]:
                    changing.add(node.name)
    assert changing <= COLLECTORS


def test_what_a_case_is_warned_of_goes_through_one_place():
    """`warnings.warn` is heard in the whole process: of two cases in threads one would hear what is the other's."""
    rooms = ("io", "preprocess", "infer", "postprocess", "pipeline", "model", "data", "evaluate", "train")
    texts = {path: path.read_text(encoding="utf-8") for room in rooms for path in (ROOT / room).rglob("*.py")}
    assert len(texts) > 50
    assert [path for path, text in texts.items() if "warnings.warn(" in text or "catch_warnings(" in text] == []


MOST_PARAMETERS = 10


def test_options_are_passed_as_objects():
    many = {}
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                if len(set(names) - {"self", "cls"}) > MOST_PARAMETERS:
                    many[f"{path.relative_to(ROOT)} {node.name}"] = len(names)
    assert many == {}
