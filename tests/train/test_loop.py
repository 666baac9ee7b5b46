"""The training loop: what a run leaves behind, that its loss falls, and a finished run."""

from toy_cases import toy_case
from toy_run import CONFIG, changed, log_of, run

from omentum.anatomy import STRUCTURES


def test_one_run_leaves_model_log_and_checkpoints(whole):
    folder, result, events = whole
    assert result.spec.class_keys == STRUCTURES.keys
    assert result.spec.training["steps"] == 8
    assert result.spec.training["config"]["data"][0]["folder"] == "unused"
    assert {kind for kind, _ in events} == {"advance", "step", "saved", "validating", "validation"}
    assert [entry["kind"] for entry in log_of(folder)] == ["step", "validation"]
    assert {"loss", "gradient", "patches_a_second", "waiting", "rate"} < log_of(folder)[0].keys()
    assert sorted(path.name for path in (folder / "checkpoints").iterdir()) == ["step-00000004", "step-00000008"]
    assert (folder / "best.safetensors").exists()
    assert not list(folder.rglob("*.tmp-*"))


def test_what_is_validated_was_saved_before(whole):
    kinds = [kind for kind, _ in whole[2]]
    assert kinds.index("validation") > len(kinds) - 1 - kinds[::-1].index("saved")


def test_a_finished_run_is_left_as_it_is(whole):
    folder, _, _ = whole
    before = (folder / "model.safetensors").stat().st_mtime_ns
    _, events = run(CONFIG, folder, [toy_case(2)])
    assert events == []
    assert (folder / "model.safetensors").stat().st_mtime_ns == before


def test_the_loss_falls(tmp_path):
    run(changed(steps=40, warmup_steps=1, save_every=100, patch=(16, 16, 16)), tmp_path)
    first, last = (entry for entry in log_of(tmp_path) if entry["kind"] == "step")
    assert last["loss"] < first["loss"]
