"""A second pass is trained from nothing, resumed to the bit, and used."""

import json
import signal

import numpy as np
import pytest
import torch
from second_pass_run import SegmenterByHu, config_in, put_cases, put_first_pass
from toy_cases import toy_volume

from omentum.cli import main
from omentum.errors import InputError, OmentumError, UsageError
from omentum.io.truth import write_case
from omentum.model import load_checkpoint
from omentum.model.state import state_sha256
from omentum.pipeline import Segmenter, SegmentOptions
from omentum.progress import SilentProgress
from omentum.segmentation import Segmentation
from omentum.train.second_pass import organs
from omentum.train.second_pass.settings import RegionConfig
from omentum.train.second_pass.training import train_second_pass
from omentum.train.stopping import StoppedError


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Toy cases, and a first pass that finds livers by their HU."""
    monkeypatch.setattr(organs, "Segmenter", SegmenterByHu)
    put_cases(tmp_path / "cases")
    put_first_pass(tmp_path / "first.safetensors")
    return tmp_path


def state_of(path):
    return load_checkpoint(path).state_dict()


class StopAfter(SilentProgress):
    """Interrupts a run after a step, as Ctrl-C does."""

    def __init__(self, step):
        self.step = step

    def event(self, kind, figures):
        if kind == "advance" and figures["step"] == self.step:
            signal.raise_signal(signal.SIGINT)


def test_a_resumed_run_gives_the_weights_of_an_uninterrupted_one(place):
    whole = train_second_pass(config_in(place), place / "whole")
    calls = SegmenterByHu.calls
    with pytest.raises(StoppedError, match="after step 4"):
        train_second_pass(config_in(place), place / "parts", progress=StopAfter(4))
    assert state_sha256(state_of(place / "parts/model.safetensors")) != state_sha256(state_of(whole))
    parts = train_second_pass(config_in(place), place / "parts")
    assert state_sha256(state_of(parts)) == state_sha256(state_of(whole))
    assert SegmenterByHu.calls == calls + 2  # once for each case of the second run, not again when it went on
    log = [json.loads(line) for line in (place / "parts/log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log] == [6]
    assert np.isfinite(log[0]["loss"])
    with pytest.raises(UsageError, match=r"lr was 0\.002, is 0\.001"):
        train_second_pass(config_in(place, lr=1e-3), place / "parts")


def test_the_result_holds_both_passes_and_segments(place):
    path = train_second_pass(config_in(place, steps=2), place / "run")
    first, both = load_checkpoint(place / "first.safetensors"), load_checkpoint(path)
    second = both.spec.second_pass
    assert both.spec.classes == first.spec.classes
    assert (second.keys, second.preprocess.patch) == (("liver_tumour",), (16, 16, 16))
    assert (second.regions[0].organs, second.regions[0].margin_mm) == (("liver",), 6.0)
    row = first.spec.class_keys.index("liver_tumour")
    assert torch.allclose(both.second_pass.text_embeddings, first.text_embeddings[[row]], atol=1e-2)
    told = both.spec.training
    assert (told["steps"], told["second_pass"]["steps"]) == (7, 2)
    assert told["second_pass"]["config"]["data"][0]["folder"] == "cases"
    assert told["started_from"]["file"] == "first.safetensors"
    assert len(told["trained_on"]) == 2
    assert both.spec.licence == "Apache-2.0"
    ct, _ = toy_volume(5)
    with torch.no_grad():  # a liver everywhere, so that the second pass has something to look into
        both.head.controller.weight.zero_()
        both.head.controller.bias[-1] = 5
    result = Segmenter(
        both, SegmentOptions(classes=("liver tumour",), device="cpu", engine="torch", locate=False)
    ).segment(ct)
    assert result.manifest["second_pass"]["organs"] == 1
    assert result.classes == ("liver_tumour",)


def test_a_second_pass_that_the_weights_have_is_replaced(place):
    once = train_second_pass(config_in(place, steps=2), place / "once")
    twice = train_second_pass(config_in(place, steps=2, init=str(once)), place / "twice")
    before, after = state_of(once), state_of(twice)
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert torch.allclose(tensor, after[name], atol=1e-3), name  # the text was saved in half precision


def test_a_second_pass_starts_from_that_of_the_weights_with_another_class(place):
    once = train_second_pass(config_in(place, steps=2), place / "once")
    regions = (RegionConfig(("liver",), ("liver", "liver tumour")),)
    still = {"seed": 1, "steps": 1, "lr": 0.0, "muon_lr": 0.0, "regions": regions, "init": str(once)}
    warm = train_second_pass(config_in(place, warm_start=True, **still), place / "warm")
    cold = train_second_pass(config_in(place, **still), place / "cold")
    before, after, random = (load_checkpoint(path).second_pass for path in (once, warm, cold))
    assert after.spec.class_keys == ("liver", "liver_tumour")
    assert torch.equal(after.text_embeddings[1], before.text_embeddings[0])
    for name, tensor in before.backbone.state_dict().items():
        assert torch.allclose(tensor, after.backbone.state_dict()[name], atol=1e-3), name
    weight = "controller.weight"
    assert torch.allclose(before.head.state_dict()[weight], after.head.state_dict()[weight], atol=1e-3)
    assert not torch.allclose(before.head.state_dict()[weight], random.head.state_dict()[weight], atol=1e-2)


def test_a_warm_start_may_see_more_and_begins_as_if_it_did_not(place):
    small = {"widths": [8, 8, 8], "decoded_channels": 8}
    once = train_second_pass(config_in(place, steps=2, parameters=small | {"smoothed": [1.0]}), place / "once")
    still = {"steps": 1, "lr": 0.0, "muon_lr": 0.0, "init": str(once), "warm_start": True}
    more = train_second_pass(config_in(place, parameters=small | {"smoothed": [1.0, 2.0]}, **still), place / "more")
    before, after = (load_checkpoint(path).second_pass for path in (once, more))
    crop = torch.rand(1, 2, 16, 16, 16).round(decimals=1)
    assert torch.allclose(before(crop), after(crop), atol=1e-3)
    assert (after.backbone.stem.conv1.weight[:, -8:] == 0).all()
    for other in ([], [2.0, 1.0]):
        with pytest.raises(UsageError, match="another network"):
            train_second_pass(config_in(place, parameters=small | {"smoothed": other}, **still), place / "other")


def test_the_command_line_tells_what_is_trained(place, capsys):
    (place / "second.toml").write_text(
        'init = "first.safetensors"\nparameters = {widths = [8, 8, 8], decoded_channels = 8}\ncondition_width = 8\n'
        "spacing_mm = [6, 6, 6]\npatch = [16, 16, 16]\ncrop = [16, 16, 16]\nbf16 = false\nsteps = 2\nwarmup_steps = 1\n"
        '[[data]]\nfolder = "cases"\n[[regions]]\norgans = ["liver"]\nclasses = ["liver tumour"]\n'
    )
    assert main(["train", str(place / "second.toml"), "-o", str(place / "run"), "--set", "seed=1"]) == 0
    told = capsys.readouterr().err
    assert "cases: 2 cases, 2 boxes around organs" in told
    assert "step 2/2  loss " in told
    assert f"done: {place / 'run/model.safetensors'}" in told
    assert json.loads((place / "run/run.json").read_text())["config"]["seed"] == 1


def test_kept_organs_that_are_damaged_are_found_again(place):
    train_second_pass(config_in(place, steps=1), place / "run")
    kept = sorted((place / "run/organs").iterdir())
    assert len(kept) == 2
    before = kept[0].read_bytes()
    kept[0].write_bytes(before[: len(before) // 2])
    train_second_pass(config_in(place, steps=1), place / "run")
    assert kept[0].read_bytes() == before


def test_a_class_that_no_case_is_annotated_for_is_refused(place):
    ct, truth = toy_volume()
    partial = Segmentation(truth.bits, truth.affine, truth.classes, frozenset({"liver"}))
    for seed in range(2):
        write_case(place / f"cases/toy_{seed}", ct, partial, {})
    with pytest.warns(match="no organ with an annotated class"), pytest.raises(InputError, match="no usable cases"):
        train_second_pass(config_in(place), place / "run")
    put_cases(place / "cases")
    both = RegionConfig(("liver",), ("liver tumour", "spleen"))
    with pytest.raises(InputError, match=r"no case is annotated for spleen"):
        train_second_pass(config_in(place, regions=(both,)), place / "run")
    assert not (place / "run/run.json").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"regions": (RegionConfig(("liver",), ("kidney cyst",)),)}, "does not know kidney_cyst"),
        ({"regions": (RegionConfig(("pancreas",), ("liver tumour",)),)}, "does not find pancreas"),
        ({"crop": (20, 16, 16)}, "multiples of 8"),
        ({"patch": (16, 20, 16)}, "multiples of 8"),
        ({"parameters": {"width": 3}}, "unexpected keyword argument 'width'"),
        ({"warm_start": True}, "has no second pass to start from"),
    ],
)
def test_what_does_not_fit_is_refused_before_the_folder_is_made(place, changes, message):
    with pytest.raises(OmentumError, match=message):
        train_second_pass(config_in(place, **changes), place / "run")
    assert not (place / "run").exists()


def test_a_second_pass_of_another_size_is_no_start(place):
    once = train_second_pass(config_in(place, steps=1), place / "once")
    with pytest.raises(UsageError, match="its second pass is another network"):
        train_second_pass(config_in(place, init=str(once), warm_start=True, condition_width=16), place / "run")


def test_one_process_trains(place, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="leave torchrun out"):
        train_second_pass(config_in(place), place / "run")
