"""A run that takes a second: two toy cases, a tiny network, embeddings out of a hat."""

import dataclasses
import json

import torch
from toy_cases import toy_case

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.sampler import PatchSampler, PatchSource
from omentum.model import load_checkpoint
from omentum.train import fresh_model, loop
from omentum.train.config.case_collections import DataConfig
from omentum.train.config.settings import TrainConfig

EMBEDDINGS = torch.randn(32, 16, generator=torch.Generator().manual_seed(0))

CONFIG = TrainConfig(
    data=(DataConfig("unused"),),
    parameters={"widths": [8, 16, 16], "stem": 8, "blocks": 1, "decoded_channels": 4},
    patch=(32, 32, 32),
    steps=8,
    warmup_steps=2,
    save_every=4,
    validate_every=100,
    bf16=False,
    workers=0,
    subsample_factor=2,
)


def sampler(config=CONFIG, cases=2):
    return PatchSampler(
        (PatchSource("toys", tuple(toy_case(seed) for seed in range(cases))),),
        STRUCTURES.keys,
        config.patch,
        config.window_hu,
        config.augmentation,
    )


def model(config=CONFIG):
    """Fresh weights without a language model; as `new_model` makes them otherwise."""
    torch.manual_seed(config.seed)
    real, fresh_model.embed = fresh_model.embed, lambda prompts, encoder: EMBEDDINGS[: len(prompts)]
    try:
        return fresh_model.new_model(config)
    finally:
        fresh_model.embed = real


def run(config, folder, held_out=(), **how):
    """Train; the result and all events."""
    events = []
    how = {"sampler": sampler(config), "model": model(config)} | how
    source = how.pop("sampler")
    path = loop.run_training(
        config, source, held_out, folder, lambda kind, figures: events.append((kind, figures)), **how
    )
    return load_checkpoint(path), events


def changed(**values):
    return dataclasses.replace(CONFIG, **values)


def log_of(folder):
    """Entries of a run's log."""
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def tensors(thing):
    """All tensors in nested lists and dictionaries."""
    if isinstance(thing, torch.Tensor):
        return [thing]
    inner = thing.values() if isinstance(thing, dict) else thing if isinstance(thing, list | tuple) else ()
    return [tensor for one in inner for tensor in tensors(one)]


def assert_equal(one, other):
    """Two models have the same numbers."""
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name
