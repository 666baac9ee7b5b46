"""The import order of the package is part of its design; this test keeps it true.

LAYERS lists every top-level unit, lowest first, with the units it may import.
A lazy import inside a function counts: it is still a dependency.
"""

import ast
from pathlib import Path

PACKAGE = "omentum"
ROOT = Path(__file__).parents[1] / "src" / PACKAGE

CORE = {
    *("errors", "anatomy", "volume", "fingerprint", "axis_order", "boxes", "components", "spec", "sparse"),
    *("segmentation", "atomic", "formatting", "lazy_names", "option_fields", "output_checks", "progress"),
    *("result_files", "sockets", "temporary_names"),
    *("json_values", "schemas"),
}
LAYERS: dict[str, set[str]] = {
    "errors": set(),
    "formatting": set(),
    "lazy_names": set(),
    "option_fields": set(),
    "progress": set(),
    "result_files": set(),
    "sockets": set(),
    "access": {"errors"},
    "sparse": set(),
    "home": {"temporary_names"},
    "temporary_names": set(),
    "volume": {"errors"},
    "axis_order": {"errors", "volume"},
    "boxes": {"volume"},
    "fingerprint": {"volume"},
    "components": set(),
    "spec": {"errors", "json_values", "fingerprint"},
    "atomic": {"errors", "temporary_names"},
    "output_checks": {"errors"},
    "anatomy": {"errors"},
    "segmentation": {"errors", "formatting", "anatomy", "volume", "boxes", "sparse"},
    "midline": {"volume", "boxes", "components"},
    "process_pool": {"anatomy", "errors", "sockets"},
    "io": CORE | {"home"},
    "preprocess": {"errors", "volume", "axis_order", "boxes", "components", "spec", "sparse"},
    "postprocess": CORE | {"midline"},
    "model": CORE | {"home"},
    "text": CORE | {"home", "model"},
    "words": {"errors", "anatomy", "text"},
    "infer": CORE | {"home"},
    "phantom": CORE,
    "measure": CORE,
    "quality": CORE | {"midline", "measure"},
    "follow_up": CORE | {"words", "io", "measure"},
    "report": CORE | {"home", "measure", "quality"},
    "data": CORE | {"midline", "process_pool", "io", "preprocess", "phantom"},
    "evaluate": CORE | {"words", "process_pool", "io", "preprocess", "measure", "report", "data"},
    "pipeline": CORE
    | {"words", "process_pool", "io", "preprocess", "model", "infer", "postprocess", "measure", "quality", "report"}
    | {"data", "evaluate"},
    "annotate": CORE | {"words", "process_pool", "io", "measure", "quality", "report", "data", "evaluate", "pipeline"},
    "train": CORE | {"words", "io", "preprocess", "phantom", "data", "model", "text", "infer", "evaluate", "pipeline"},
    "export": CORE | {"home", "io", "model", "infer", "postprocess"},
    "doctor": CORE | {"home", "words", "io", "preprocess", "model", "infer", "quality", "pipeline"},
    "pacs": CORE | {"access", "home", "io", "pipeline"},
    "mcp": CORE | {"words", "io", "measure", "quality", "follow_up", "pipeline", "doctor"},
    "client": CORE | {"access", "io"},
    "remote": CORE | {"words", "client", "pipeline"},
    "serve": CORE
    | {"access", "home", "words", "process_pool", "io", "measure", "data", "pipeline", "annotate", "follow_up"}
    | {"doctor"},
    "cli": CORE
    | {
        "home",
        "words",
        "process_pool",
        "io",
        "preprocess",
        "model",
        "text",
        "infer",
        "measure",
        "quality",
        "follow_up",
        "report",
    }
    | {
        "evaluate",
        "phantom",
        "data",
        "pipeline",
        "annotate",
        "train",
        "doctor",
        "pacs",
        "mcp",
        "serve",
        "access",
        "export",
        "client",
        "remote",
    },
    "resources": set(),
    "json_values": set(),
    "schemas": set(),
}

ROOMS: dict[str, dict[str, set[str]]] = {
    "anatomy": {"vocabulary": {""}},
    "data": {
        "datasets": set(),
        "harmonise": {"datasets"},
        "store": {"datasets", "harmonise"},
        "splits": {"datasets", "store"},
        "sampling": {"datasets", "harmonise", "store", "splits"},
    },
    "evaluate": {"metrics": set()},
    "pipeline": {"batch": {""}},
    "annotate": {"propose": {""}, "accept": {"", "propose"}, "audit": {"", "propose"}, "click": set()},
    "serve": {"state": {""}, "work": {"", "state"}, "web": {"", "state", "work"}},
    "io": {"dicom": set(), "dicom_out": {"dicom"}, "dicom_masks": {"", "dicom"}},
    "train": {
        "config": set(),
        "losses": {"config"},
        "optimise": {"config"},
        "run": {"", "config"},
        "extend": {"", "config", "losses", "run"},
        "second_pass": {"", "config", "optimise", "run"},
    },
}
"""Rooms inside a room, and which of their neighbours each may import; "" is what lies loose beside them."""

WALLS: dict[str, set[str]] = {
    "torch": {"preprocess", "model", "text", "infer", "data", "train", "pipeline", "doctor", "export"},
    "monai": {"model"},
    "nibabel": {"io"},
    "nrrd": {"io"},
    "pydicom": {"io"},
    "highdicom": {"io"},
    "PIL": {"io", "report"},
    "matplotlib": {"report"},
    "contourpy": {"io", "report"},
    "mcubes": {"report"},
    "fast_simplification": {"report"},
    "trimesh": {"report"},
    "transformers": {"text"},
    "huggingface_hub": {"text"},
    "lightning_fabric": {"train"},
    "tensorboard": {"train"},
    "openvino": {"infer"},
    "onnx": {"export"},
    "onnxscript": {"export"},
    "onnxruntime": {"export"},
    "httpx": {"pacs", "client"},
    "pynetdicom": {"pacs"},
    "mcp": {"mcp"},
    "fastapi": {"serve"},
    "starlette": {"serve"},
    "uvicorn": {"serve"},
    "prometheus_client": {"serve"},
    "python_multipart": {"serve"},
}
"""Which units may import a third-party package at all."""


def units_imported_by(path: Path, root: Path = ROOT, package: str = PACKAGE) -> set[str]:
    """Names of the top-level units that one file imports, relative imports resolved."""
    return {n.split(".")[1] for n in modules_imported_by(path, root, package) if n.startswith(f"{package}.")}


def modules_imported_by(path: Path, root: Path = ROOT, package: str = PACKAGE) -> set[str]:
    """Dotted names of everything one file imports."""
    here = [package, *path.relative_to(root).with_suffix("").parts]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = here[: len(here) - node.level] if node.level else []
            base = [*parents, *([node.module] if node.module else [])]
            found |= {".".join([*base, alias.name]) for alias in node.names}
    return found


def violations(root: Path = ROOT, package: str = PACKAGE, layers=LAYERS, walls=WALLS) -> list[str]:
    """One sentence per forbidden import, empty when the order holds."""
    problems = []
    for path in sorted(root.rglob("*.py")):
        unit = path.relative_to(root).parts[0].removesuffix(".py")
        if unit in {"__init__", "__main__"}:
            continue
        for used in sorted((units_imported_by(path, root, package) & layers.keys()) - {unit}):
            if used not in layers.get(unit, set()):
                problems.append(
                    f"{path.relative_to(root)} imports {used}; {unit} may import {sorted(layers.get(unit, set()))}"
                )
        for foreign in sorted({n.split(".")[0] for n in modules_imported_by(path, root, package)} & walls.keys()):
            if unit not in walls[foreign]:
                problems.append(f"{path.relative_to(root)} imports {foreign}; only {sorted(walls[foreign])} may")
    return problems


def test_every_unit_has_a_layer():
    units = {p.name.removesuffix(".py") for p in ROOT.iterdir() if p.suffix == ".py" or p.is_dir()}
    assert units - {"__init__", "__main__", "__pycache__"} <= LAYERS.keys()


def test_imports_follow_the_layers():
    assert violations() == []


def test_a_forbidden_import_is_found(tmp_path):
    package = tmp_path / "toy"
    (package / "low").mkdir(parents=True)
    (package / "low" / "__init__.py").write_text("def f():\n    from toy.high import g\n    import torch\n")
    (package / "high.py").write_text("")
    found = violations(package, "toy", {"low": set(), "high": {"low"}}, {"torch": {"high"}})
    assert len(found) == 2


def test_rooms_inside_rooms_keep_their_order():
    problems = []
    for room, inner in ROOMS.items():
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT / room).parts
            here = parts[0] if len(parts) > 1 else ""
            used = set()
            for name in modules_imported_by(path):
                steps = name.split(".")
                if steps[:2] == [PACKAGE, room] and len(steps) > 2:
                    used.add(steps[2] if steps[2] in inner else "")
            allowed = inner[here] | {here} if here in inner else inner.keys() | {""}
            problems += [f"{path.relative_to(ROOT)} imports {room}/{one or '*'}" for one in sorted(used - allowed)]
    assert problems == []


def imported_modules(path: Path, known: set[str]) -> set[str]:
    """Modules of the package that one file imports, each by its own dotted name."""
    return {name if name in known else name.rpartition(".")[0] for name in modules_imported_by(path)} & known


def test_no_module_imports_itself_by_way_of_others():
    files = {".".join([PACKAGE, *p.relative_to(ROOT).with_suffix("").parts]): p for p in ROOT.rglob("*.py")}
    files = {name.removesuffix(".__init__"): path for name, path in files.items()}
    uses = {name: imported_modules(path, set(files)) - {name} for name, path in files.items()}
    while free := {name for name, used in uses.items() if not used & uses.keys()}:  # nothing left to wait for
        uses = {name: used for name, used in uses.items() if name not in free}
    assert uses == {}
