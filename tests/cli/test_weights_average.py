"""`omentum weights average`: uniform and greedy soups of trained weights, and what is refused."""

import pytest
import torch
from toy_cases import toy_volume
from toy_run import CONFIG, EMBEDDINGS

import omentum
from omentum.anatomy import STRUCTURES
from omentum.cli import main
from omentum.io.truth import write_case
from omentum.model import load_model, read_spec, save_checkpoint
from omentum.train import fresh_model

SETTINGS = {
    "parameters": f"{{widths=[8, 16, 16], stem={CONFIG.parameters['stem']}, blocks=1, decoded_channels=4}}",
    **{"spacing_mm": "[4, 4, 4]", "patch": "[16, 16, 16]", "classes": "['liver', 'kidneys']", "steps": "2"},
    **{
        "save_every": "2",
        "validate_every": "2",
        "warmup_steps": "1",
        "workers": "0",
        "bf16": "false",
        "ema_decay": "0",
    },
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Three short runs from one start, cases they saw (cases/) and one that they did not (others/)."""
    folder = tmp_path_factory.mktemp("soup")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(fresh_model, "embed", lambda prompts, encoder: EMBEDDINGS[: len(prompts)])
        for seed, place in ((0, "cases"), (1, "cases"), (2, "others")):
            write_case(folder / place / f"toy_{seed}", *toy_volume(seed), {})
        train("-o", "first")
        for number in range(3):
            train("-o", f"run{number}", seed=str(number), init="first/model.safetensors")
    STRUCTURES.reset()
    return folder


def train(*arguments, **settings):
    given = SETTINGS | settings
    pairs = [part for key, value in given.items() for part in ("--set", f"{key}={value}")]
    assert main(["train", "smoke", "--data", "cases", "--quiet", *arguments, *pairs]) == 0


@pytest.fixture
def here(trained, monkeypatch):
    monkeypatch.chdir(trained)
    return trained


RUNS = [f"run{number}/model.safetensors" for number in range(3)]


def average(*arguments):
    return main(["weights", "average", *map(str, arguments)])


def test_the_mean_of_some_runs_is_written_and_told(here, tmp_path, capsys):
    out = tmp_path / "soup.safetensors"
    assert average(*RUNS[:2], "-o", out) == 0
    told = capsys.readouterr()
    assert told.out == f"{out}: mean of run0/model.safetensors, run1/model.safetensors\n"
    assert "not checked: evaluate the result before it is used" in told.err
    members = [load_model(path) for path in RUNS[:2]]
    for name, weight in load_model(out).named_parameters():
        mean = sum(model.get_parameter(name) for model in members) / 2
        torch.testing.assert_close(weight, mean, atol=1e-3, rtol=1e-3)  # stored in half precision, as the runs
    record = read_spec(out).training["soup"]
    assert record["kind"] == "uniform"
    assert "check" not in record
    assert main(["weights", "info", str(out)]) == 0


def test_a_greedy_soup_is_never_worse_on_its_check_than_the_best_of_its_members(here, tmp_path, capsys):
    out = tmp_path / "soup.safetensors"
    ruined = load_model(RUNS[2])
    with torch.no_grad():
        for weight in ruined.parameters():
            weight.add_(torch.randn_like(weight))
    save_checkpoint(tmp_path / "ruined.safetensors", ruined)
    soup = omentum.average_weights(
        [*RUNS[:2], tmp_path / "ruined.safetensors"],
        out,
        options=omentum.SoupOptions(kind="greedy", check=here / "others"),
    )
    assert soup.dice >= max(soup.member_dice.values())
    assert {*soup.members, *soup.left_out} == set(soup.member_dice)
    record = read_spec(out).training["soup"]
    assert [member["name"] for member in record["members"]] == list(soup.members)
    assert record["check"]["dice"] == pytest.approx(soup.dice, abs=1e-4)
    assert record.get("left_out", []) == list(soup.left_out)


def test_of_a_uniform_soup_the_check_is_told(here, tmp_path, capsys):
    assert average(*RUNS[:2], "-o", tmp_path / "soup.safetensors", "--check", "others") == 0
    told = capsys.readouterr()
    assert "mean Dice of the check: 0." in told.out
    assert "run0/model.safetensors: mean Dice 0." in told.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([RUNS[0]], "an average needs at least two"),
        ([*RUNS[:2], "--check", "cases"], "run0/model.safetensors: was trained on toy_0 and 1 more, of the cases"),
        ([*RUNS[:2], "--kind", "greedy"], "a greedy soup is chosen by the Dice of cases (--check STORE"),
        ([*RUNS[:2], "--split", "split.json"], "--split selects cases of --check"),
        ([*RUNS[:2], "--check", "nowhere"], "nowhere: no usable cases"),
        ([RUNS[0], "default"], "default.safetensors: its weights cannot be averaged with those of model.safetensors"),
        ([RUNS[0], "nowhere.safetensors"], "nowhere.safetensors: no such file"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(here, tmp_path, arguments, message, capsys):
    assert average(*arguments, "-o", tmp_path / "soup.safetensors") == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
    assert not list(tmp_path.iterdir())


def test_an_input_is_never_replaced(here, capsys):
    assert average(*RUNS[:2], "-o", RUNS[0], "--overwrite") == 2
    assert "is also the input" in capsys.readouterr().err
    assert average(*RUNS[:2], "-o", "soup.pt") == 2
    assert "the output is a .safetensors file" in capsys.readouterr().err


def test_a_part_of_a_split_is_checked_on(here, tmp_path, capsys):
    import json

    from omentum.schemas import Schema, stamped

    parts = {"validation": ["toy_2"], "train": ["toy_0", "toy_1"]}
    (tmp_path / "split.json").write_text(json.dumps(stamped(Schema.SPLIT, {"made": {}, "parts": parts, "cases": {}})))
    for place in ("cases", "others"):
        for case in (here / place).iterdir():
            target = tmp_path / "all" / case.name
            target.parent.mkdir(exist_ok=True)
            target.symlink_to(case)
    words = ["--check", tmp_path / "all", "--split", tmp_path / "split.json"]
    assert average(*RUNS[:2], "-o", tmp_path / "soup.safetensors", *words) == 0
    assert average(*RUNS[:2], "-o", tmp_path / "other.safetensors", *words, "--part", "train") == 2
    assert "was trained on toy_0" in capsys.readouterr().err
