"""The command over re-enacted datasets; what it finds is tested in tests/data/harmonise/test_check.py."""

import json
import shutil
from itertools import chain

import pytest

from omentum.cli import main
from omentum.cli.data.check_text import SHOWN, print_check
from omentum.data.datasets.raw_case import DatasetCases
from omentum.data.datasets.recipe_catalogue import find_recipe
from omentum.data.datasets.sites import Studio, find_sites, site_tasks, write_site_case
from omentum.data.harmonise.check import CaseCheck, Finding, FindingSeverity

STUDIO = Studio(seed=2, finest_mm=(6.0, 6.0, 6.0))
IMAGE = "RawData/Training/img/img{}.nii.gz"


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """BTCV 0001 and 0061, and AbdomenAtlas 2, which is BTCV 0001 without saying so."""
    out = tmp_path_factory.mktemp("raw")
    for task in site_tasks(out, find_sites(["btcv"]), 2, STUDIO):
        write_site_case(task)
    write_site_case(site_tasks(out, find_sites(["abdomenatlas-1.0"]), 2, STUDIO)[1])
    return out


def run(*arguments):
    return main(["data", "check", "--quiet", *(str(a) for a in arguments)])


def test_the_command_finds_who_is_in_two_datasets_and_keeps_them_together(raw, tmp_path, capsys):
    files = tmp_path / "report.json", tmp_path / "splits.json"
    roots = [f"{key}={raw / key}" for key in ("btcv", "abdomenatlas-1.0")]
    code = run("--dataset", roots[0], "--dataset", roots[1], "--json-file", files[0], "--splits", files[1])
    said = capsys.readouterr().out
    assert code == 0
    assert "warning: duplicate: abdomenatlas-1.0_00000002: the same scan as btcv_0001" in said
    content, splits = (json.loads(path.read_text()) for path in files)
    assert [(d["first"], d["second"]) for d in content["duplicates"]] == [("abdomenatlas-1.0_00000002", "btcv_0001")]
    assert content["groups"] == [["abdomenatlas-1.0_00000002", "btcv_0001"], ["btcv_0061"]]
    assert sorted(chain(*splits["parts"].values())) == sorted(chain(*content["groups"]))
    together = [{"abdomenatlas-1.0_00000002", "btcv_0001"} & set(names) for names in splits["parts"].values()]
    assert sorted(map(len, together)) == [0, 0, 2]


def test_the_command_goes_on_after_a_bad_case_and_says_so_in_its_exit_code(raw, tmp_path, capsys):
    btcv = shutil.copytree(raw / "btcv", tmp_path / "btcv")
    (btcv / IMAGE.format("0001")).write_bytes(b"")
    assert run("--dataset", f"btcv={btcv}", "--json-file", tmp_path / "r.json", "--splits", tmp_path / "s.json") == 3
    assert "error: unusable: btcv_0001:" in capsys.readouterr().out
    status = {case["case"]: case["status"] for case in json.loads((tmp_path / "r.json").read_text())["cases"]}
    assert status == {"btcv_0001": "failed", "btcv_0061": "fine"}
    assert "btcv_0001" not in (tmp_path / "s.json").read_text()


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ("btcv", "is not NAME=FOLDER"),
        ("btvc=/tmp", "did you mean 'btcv'"),
        ("btcv=/nowhere", "is not a folder"),
    ],
)
def test_a_wrong_order_is_answered_before_anything_is_read(given, answer, capsys):
    assert run("--dataset", given) == 2
    assert answer in capsys.readouterr().err


def test_two_recipes_of_one_name_are_refused(raw, tmp_path, capsys):
    from importlib.resources import files

    recipe = shutil.copy(files("omentum.data.datasets") / "recipes/btcv.toml", tmp_path / "btcv.toml")
    assert run("--dataset", f"btcv={raw / 'btcv'}", "--dataset", f"{recipe}={raw / 'btcv'}") == 2
    assert "have the same name" in capsys.readouterr().err


def test_many_findings_of_one_kind_are_counted(capsys):
    finding = Finding(FindingSeverity.NOTE, "geometry", "turned by its affine")
    checks = [CaseCheck(f"lits_{n}", "lits", f"lits-{n}", (finding,)) for n in range(SHOWN + 5)]
    cases = tuple(NamedCase(check.name) for check in checks)
    print_check({"lits": DatasetCases(cases, {"131": "a test case"}, ())}, checks, notes=True)
    said = capsys.readouterr().out
    assert said.count("turned by its affine") == SHOWN
    assert "note: geometry: 5 more of lits, see --json" in said
    assert "note: skipped: 131: a test case" in said
    assert "note: reuse: known of lits: MSD Liver is the same CTs" in said
    print_check({"lits": DatasetCases(cases, {}, ())}, checks, notes=False)
    assert "note" not in capsys.readouterr().out


class NamedCase:
    recipe = find_recipe("lits")

    def __init__(self, name):
        self.name = name
