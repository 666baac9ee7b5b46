"""Nothing that comes from a file is ever run: no pickle, no eval, no unsafe loader."""

import ast
from pathlib import Path

from omentum import __file__ as package

ROOT = Path(package).parent
BETWEEN_OWN_PROCESSES = {"pipeline/batch/ipc.py", "data/sampling/loader.py"}
"""These unpickle what another process of the same command wrote into a pipe."""
UNSAFE_MODULES = {"dill", "joblib", "cloudpickle", "shelve", "marshal", "yaml"}
RUNS_CODE = {"eval", "exec", "compile", "__import__"}


def calls_in(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}, node.lineno


def unsafe_calls(path, inside=ROOT):
    found = []
    for name, words, line in calls_in(path):
        unpickles = name in {"pickle.load", "pickle.loads", "pickle.Unpickler"}
        if unpickles and path.relative_to(inside).as_posix() not in BETWEEN_OWN_PROCESSES:
            found.append(f"{line} {name}")
        if name in RUNS_CODE or (name.startswith(("subprocess.", "os.system")) and words.get("shell") == "True"):
            found.append(f"{line} {name}")
        if name == "torch.load" and words.get("weights_only") != "True":
            found.append(f"{line} torch.load without weights_only")
        if name in {"np.load", "numpy.load"} and words.get("allow_pickle") != "False":
            found.append(f"{line} np.load without allow_pickle=False")
    return found


def test_no_file_can_run_code():
    files = sorted(ROOT.rglob("*.py"))
    assert len(files) > 300
    assert {str(path.relative_to(ROOT)): found for path in files if (found := unsafe_calls(path))} == {}


def test_no_unsafe_module_is_imported():
    imported = {
        name.name.partition(".")[0]
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (node.names if isinstance(node, ast.Import) else [ast.alias(node.module or "")])
    }
    assert imported.isdisjoint(UNSAFE_MODULES)


def test_an_unsafe_call_is_found(tmp_path):
    lines = ["pickle.load(f)", "torch.load(p)", "torch.load(p, weights_only=False)", "np.load(p)", "eval(text)"]
    (tmp_path / "bad.py").write_text("\n".join([*lines, "np.load(p, allow_pickle=False)", "model.eval()"]))
    assert len(unsafe_calls(tmp_path / "bad.py", tmp_path)) == len(lines)
