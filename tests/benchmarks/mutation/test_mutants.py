"""What is changed in the code; and a whole run, which leaves the checkout alone and goes on where it was."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import subprocess
import sys

import pytest

from record import ROOT

needs_operators = pytest.mark.skipif(
    importlib.util.find_spec("cosmic_ray") is None or importlib.util.find_spec("coverage") is None,
    reason="needs the extra [mutation]",
)
ROOMS = {"one": ("src/omentum/one",), "two": ("src/omentum/two/box.py",)}


@needs_operators
def test_changes_are_python_that_differs_and_never_of_types(tree):
    from mutation.mutants import sample

    code = (tree / "src/omentum/one/box.py").read_text()
    mutants = sample(tree, ROOMS, 30, seed=0)
    assert [mutant.room for mutant in mutants[:4]] == ["one", "two", "one", "two"]
    assert len({mutant.key for mutant in mutants}) == len(mutants)
    for mutant in mutants:
        assert ast.dump(ast.parse(mutant.after)) != ast.dump(ast.parse(code))
        assert mutant.before == code
        assert mutant.was in "\n".join(line.strip() for line in code.splitlines())
        assert mutant.line not in (5, 6)
        assert "list[int | float]" in mutant.after
        assert "ONE = 1 + 1" in mutant.after
    assert {mutant.inside for mutant in mutants} == {"", "largest", "Box", "Box.size"}


@needs_operators
def test_a_sample_depends_on_its_seed_alone_and_begins_like_a_larger_one(tree):
    from mutation.mutants import sample

    one, again, other = (sample(tree, ROOMS, 8, seed=seed) for seed in (5, 5, 6))
    assert one == again != other
    assert sample(tree, ROOMS, 4, seed=5) == one[:4]


@pytest.mark.slow
@needs_operators
def test_a_whole_run_leaves_the_checkout_alone_and_goes_on_where_it_was(tree):
    """On a repository of one module, in a process of its own."""
    script = tree / "run.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nimport mutants, record, facts\n"
        "from mutation import children\n"
        f"root = Path({str(tree)!r})\n"
        "children.LOADED_ONCE = ('pytest', 'coverage')\n"
        "mutants.ROOT = root\n"
        "mutants.content_hash = lambda entry: record.content_hash(entry, root)\n"
        "mutants.ROOMS = {'one': ('src/omentum/one',)}\n"
        "mutants.MEASURES = ()\n"
        "mutants.TESTS = ('tests/one',)\n"
        "mutants.main()\n"
    )
    git = ("git", "-C", str(tree), "-c", "user.name=a", "-c", "user.email=b")
    subprocess.run([*git, "init", "-q"], check=True)
    arguments = [sys.executable, str(script), "--number", "8", "--work", str(tree / "work"), "--tests", "tests/one"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "benchmarks")}
    (tree / ".gitignore").write_text("work\n")
    before = {path: path.read_bytes() for path in (tree / "src").rglob("*.py")}
    first = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    assert "8 of 8, 0 min left" in first.stderr
    assert {path: path.read_bytes() for path in (tree / "src").rglob("*.py")} == before
    verdicts = tree / "work" / "verdicts-1.jsonl"
    killed = sum(json.loads(line)["killed"] for line in verdicts.read_text().splitlines())
    assert killed >= 6
    assert f"| one | 8 | {killed} |" in first.stdout
    lines = verdicts.read_text().splitlines(keepends=True)
    verdicts.write_text("".join(lines[:5]))
    second = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True)
    assert "3 of 3, 0 min left" in second.stderr
    assert "tracing" not in second.stderr
    assert f"| one | 8 | {killed} |" in second.stdout


@needs_operators
def test_what_is_changed_and_what_is_run_is_there():
    import mutants

    sources = [path for paths in mutants.ROOMS.values() for path in paths]
    tests = [test.partition("::")[0] for test in mutants.TESTS]
    assert [path for path in (*sources, *tests) if not (ROOT / path).exists()] == []
