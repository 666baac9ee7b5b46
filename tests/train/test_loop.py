import dataclasses
import json

import numpy as np
import pytest
import torch

from omentum.anatomy import STRUCTURES
from omentum.data.sampler import PatchSampler, Source
from omentum.errors import CheckpointError
from omentum.model import load_checkpoint
from omentum.train import loop
from omentum.train.config import DataConfig, TrainConfig
from omentum.train.learner import Learner, lattice
from omentum.train.state import STATE_FILE
from toy_cases import toy_case


@pytest.fixture(autouse=True)
def made_up_embeddings(monkeypatch):
    """The loop does not care where embeddings come from, and tests need no language model."""
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(32, 16, generator=generator)
    monkeypatch.setattr(loop, "embed", lambda prompts, encoder: table[: len(prompts)])


CONFIG = TrainConfig(
    data=(DataConfig("unused"),),
    parameters={"widths": [8, 16, 16], "stem": 8, "blocks": 1, "decoded_channels": 4},
    patch=(32, 32, 32),
    steps=8,
    warmup=2,
    save_every=4,
    validate_every=100,
    bf16=False,
    workers=0,
    voxel_share=2,
)


def run(config, folder, held_out=()):
    sampler = PatchSampler(
        (Source("toys", (toy_case(0), toy_case(1))),),
        STRUCTURES.keys,
        config.patch,
        config.window_hu,
        config.augmentation,
    )
    events = []
    path = loop.train(config, sampler, held_out, folder, lambda kind, figures: events.append((kind, figures)))
    return load_checkpoint(path), events


def test_one_run_leaves_model_log_and_state(tmp_path):
    model, events = run(CONFIG, tmp_path, [toy_case(2)])
    assert model.spec.class_keys == STRUCTURES.keys
    assert model.spec.training["steps"] == 8
    assert {"step", "validation"} == {kind for kind, _ in events}
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["kind"] == "validation"
    assert (tmp_path / "best.safetensors").exists()
    assert not list(tmp_path.glob(".*"))


def test_an_interrupted_run_equals_an_uninterrupted_one(tmp_path, monkeypatch):
    whole, _ = run(CONFIG, tmp_path / "whole")
    steps_done = Learner.step

    def stop_after_six(learner, batch, config, step, balance):
        if step == 6:
            raise KeyboardInterrupt
        return steps_done(learner, batch, config, step, balance)

    monkeypatch.setattr(Learner, "step", stop_after_six)
    with pytest.raises(KeyboardInterrupt):
        run(CONFIG, tmp_path / "cut")
    monkeypatch.setattr(Learner, "step", steps_done)
    resumed, _ = run(CONFIG, tmp_path / "cut")
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_the_loss_falls(tmp_path):
    config = dataclasses.replace(CONFIG, steps=40, warmup=1, save_every=100)
    _, _ = run(config, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["loss"] < lines[0]["loss"]


def test_a_damaged_state_is_refused(tmp_path):
    run(dataclasses.replace(CONFIG, steps=4), tmp_path)
    (tmp_path / STATE_FILE).write_bytes(b"PK\x03\x04 not a checkpoint")
    with pytest.raises(CheckpointError, match="damaged"):
        run(CONFIG, tmp_path)


def test_a_run_can_start_from_another_checkpoint(tmp_path):
    first, _ = run(dataclasses.replace(CONFIG, steps=4), tmp_path / "first")
    config = dataclasses.replace(CONFIG, init=str(tmp_path / "first" / loop.RESULT_FILE))
    fresh = loop.new_model(config)
    for part in ("backbone", "head"):
        for name, tensor in getattr(fresh, part).state_dict().items():
            assert torch.equal(tensor, getattr(first, part).state_dict()[name]), name


def test_a_checkpoint_of_another_shape_is_refused(tmp_path):
    run(dataclasses.replace(CONFIG, steps=4), tmp_path)
    wider = {**CONFIG.parameters, "widths": [16, 16, 16]}
    config = dataclasses.replace(CONFIG, parameters=wider, init=str(tmp_path / loop.RESULT_FILE))
    with pytest.raises(CheckpointError, match="cannot start from it"):
        loop.new_model(config)


def test_the_rate_warms_up_holds_and_ends_near_zero():
    config = dataclasses.replace(CONFIG, steps=100, warmup=10, hold=0.5)
    shares = [loop.rate_share(config, step) for step in range(100)]
    assert shares[0] == pytest.approx(0.1)
    assert shares[9:55] == [1.0] * 46
    assert shares[55:] == sorted(shares[55:], reverse=True)
    assert shares[-1] < 0.01


@pytest.mark.parametrize("share", [1, 2, 4, 8])
def test_the_lattices_of_many_steps_cover_every_voxel(share):
    seen = np.zeros((4, 4, 4), int)
    for step in range(64):
        part = np.zeros_like(seen)
        part[lattice(step, share)] = 1
        assert part.sum() * share == part.size
        seen += part
    assert seen.min() > 0
