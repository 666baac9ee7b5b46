"""The wheel with the core alone: what it can do, and a clear line for what needs an extra."""

import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest

from walks.conftest import put_dicom, put_truth
from walks.markdown import ROOT

SKIPPED_EXTRAS = {"dev", "mutation"}
HERE = Path(__file__).parent

WORKS = (
    "--help",
    "classes",
    "data list",
    "data show lits",
    "phantom -n 1 --spacing 10 -o phantoms --quiet",
    "segment truths/ct/ct.nii.gz -o out --profile fast --quiet",
    "segment truths/ct/ct.nii.gz -o masks --profile fast --masks --no-report --no-preview --quiet",
    "evaluate out/ct truths/ct",
    "lesions compare truths/ct/labels.nii.gz truths/ct/labels.nii.gz",
    "phantom --site lits -n 1 --spacing 10 -o raw --quiet",
    "data check --dataset lits=raw/lits",
    "weights info default",
)
"""Commands of the core, each with exit code 0."""
NEEDS = {
    "segment dicom_folder -o dicom": "dicom",
    "segment dicomweb://127.0.0.1:9/studies/1.2 -o web": "pacs",
    "segment truths/ct/ct.nii.gz -o meshes --meshes stl": "report",
    "segment truths/ct/ct.nii.gz -o tables --parquet": "tables",
    "segment truths/ct/ct.nii.gz -o openvino --engine openvino": "cpu",
    "data prepare --dataset lits=raw/lits --spacing 10 --antialias -o store": "train",
    "train smoke --data truths -o run": "train",
    "serve --port 0 --state state": "serve",
    "export onnx -o onnx": "export",
    "mcp --root truths -o results": "mcp",
    "segment truths/ct/ct.nii.gz -o there --server http://127.0.0.1:9": "client",
}
"""Commands that need an extra, and which."""


def test_every_extra_is_asked_for():
    assert set(NEEDS.values()) | SKIPPED_EXTRAS | {"text"} == set(extras())


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The wheel, installed alone."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel = packed(folder)
    target = folder / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    done = subprocess.run([*pip, "--disable-pip-version-check", str(wheel)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


@pytest.mark.slow
@pytest.mark.exhaustive
def test_the_core_works_alone_and_names_the_extra_it_lacks(site, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put_truth("truths/ct")
    put_dicom("dicom_folder")
    commands = [*WORKS, *NEEDS]
    told = {one["command"]: one for one in in_core(site, tmp_path, commands)}
    assert told["where"]["out"].startswith(str(site))
    for command in WORKS:
        assert told[command]["code"] == 0, (command, told[command])
    for command, extra in NEEDS.items():
        lines = told[command]["err"].splitlines()
        asked = [line for line in lines if f"pip install 'omentum[{extra}]'" in line]
        assert told[command]["code"] in (2, 3), (command, told[command])
        assert asked, (command, told[command])
        assert not any("Traceback" in line for line in lines)


def in_core(site: Path, folder: Path, commands: list[str]) -> list[dict]:
    """What commands say in a process that has the wheel and no extra."""
    blocked = json.dumps(sorted(modules_of_extras()))
    paths = [str(HERE / "core_site"), str(site)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "WITHOUT": blocked, "OMP_NUM_THREADS": "1"}
    script = [sys.executable, str(HERE / "core_site" / "run_commands.py")]
    done = subprocess.run(
        script, input=json.dumps(commands), capture_output=True, text=True, cwd=folder, env=environment, timeout=540
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def extras() -> dict[str, list[str]]:
    """Names of the distributions of each extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {extra: [re.split(r"[^\w.-]", need)[0].lower() for need in needs]
             for extra, needs in project["optional-dependencies"].items()}  # fmt: skip
    return named


def modules_of_extras() -> set[str]:
    """Top-level modules of what an extra brings, as far as it is installed here."""
    wanted = {name for extra, names in extras().items() if extra not in SKIPPED_EXTRAS for name in names}
    of = packages_distributions()
    return {module for module, names in of.items() if wanted & {name.lower() for name in names}}


def packed(folder: Path) -> Path:
    """The wheel: by its build backend where that is installed, else the same files put into one by hand."""
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT, capture_output=True
    )
    if built.returncode == 0:
        return next(folder.glob("*.whl"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name = f"omentum-{version('omentum')}"
    facts = {
        "METADATA": f"Metadata-Version: 2.3\nName: omentum\nVersion: {version('omentum')}\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "entry_points.txt": f"[console_scripts]\nomentum = {project['scripts']['omentum']}\n",
    }
    path = folder / f"{name}-py3-none-any.whl"
    files = [p for p in (ROOT / "src/omentum").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    with zipfile.ZipFile(path, "w") as wheel:
        for file in files:
            wheel.write(file, file.relative_to(ROOT / "src"))
        for fact, text in facts.items():
            wheel.writestr(f"{name}.dist-info/{fact}", text)
        members = [*(str(f.relative_to(ROOT / "src")) for f in files), *(f"{name}.dist-info/{fact}" for fact in facts)]
        wheel.writestr(f"{name}.dist-info/RECORD", "".join(f"{member},,\n" for member in members))
    return path
