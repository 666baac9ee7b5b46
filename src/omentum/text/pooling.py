"""From the states of a sentence's tokens to one embedding, as a folder of sentence-transformers describes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from omentum.errors import InputError
from omentum.model.checkpoint import read_tensors
from omentum.model.safetensors_file import read_header
from omentum.text.model_folder import read_json


class Pooling(StrEnum):
    """Which token states make the embedding."""

    MEAN = "mean"
    CLS = "cls"
    MAX = "max"
    LAST = "lasttoken"


_FLAGS = {
    "pooling_mode_mean_tokens": Pooling.MEAN,
    "pooling_mode_cls_token": Pooling.CLS,
    "pooling_mode_max_tokens": Pooling.MAX,
    "pooling_mode_lasttoken": Pooling.LAST,
}

_ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "": lambda rows: rows,
    "Identity": lambda rows: rows,
    "Tanh": torch.tanh,
    "ReLU": torch.relu,
    "GELU": nn.functional.gelu,
}


def pooled(states: Tensor, how: Pooling) -> Tensor:
    """Pool token states [tokens, width] of one sentence without padding to [width]."""
    match how:
        case Pooling.MEAN:
            return states.mean(0)
        case Pooling.CLS:
            return states[0]
        case Pooling.MAX:
            return states.max(0).values
        case Pooling.LAST:
            return states[-1]


@dataclass(frozen=True)
class Dense:
    """A linear layer after the pooling, with its activation."""

    weight: Tensor
    bias: Tensor | None
    activation: str

    def __call__(self, row: Tensor) -> Tensor:
        """[width] -> [another width]."""
        return _ACTIVATIONS[self.activation](nn.functional.linear(row, self.weight, self.bias))


@dataclass(frozen=True)
class SentenceModules:
    """What follows the language model in a sentence encoder.

    Args:
        pooling: How token states become one row.
        dense: Layers after it, in order.
        longest: Tokens that are read at most, as far as stated.
        lower: Whether text is put in lower case first.

    A closing normalisation is left out: it would only change the lengths of the embeddings.
    """

    pooling: Pooling = Pooling.MEAN
    dense: tuple[Dense, ...] = ()
    longest: int | None = None
    lower: bool = False

    def __call__(self, states: Tensor) -> Tensor:
        """Token states [tokens, width] of one sentence -> its embedding."""
        row = pooled(states, self.pooling)
        for layer in self.dense:
            row = layer(row)
        return row


def sentence_modules(folder: Path) -> SentenceModules:
    """Read modules.json and what it names; the mean of the token states if the folder has none.

    Raises:
        InputError: It asks for something else than is known here.
    """
    listed = read_json(folder / "modules.json") or []
    modules = [(str(row["type"]).rpartition(".")[2], folder / row.get("path", "")) for row in listed]
    if strange := [kind for kind, _ in modules if kind not in ("Transformer", "Pooling", "Dense", "Normalize")]:
        raise InputError(f"asks for the module {strange[0]!r}, which is not known here", source=folder / "modules.json")
    limits = read_json(folder / "sentence_bert_config.json")
    return SentenceModules(
        next((_pooling(place) for kind, place in modules if kind == "Pooling"), Pooling.MEAN),
        tuple(_dense(place) for kind, place in modules if kind == "Dense"),
        limits.get("max_seq_length"),
        bool(limits.get("do_lower_case", False)),
    )


def _pooling(folder: Path) -> Pooling:
    said: dict[str, Any] = read_json(folder / "config.json")
    wanted = {name for name, on in said.items() if name.startswith("pooling_mode_") and on is True}
    named = {str(said["pooling_mode"])} if isinstance(said.get("pooling_mode"), str) else set()
    found = [_FLAGS[name] for name in wanted if name in _FLAGS] + [Pooling(n) for n in named if n in list(Pooling)]
    if len(wanted | named) != 1 or len(found) != 1:
        known = ", ".join(Pooling)
        asked = ", ".join(sorted(wanted | named)) or "none"
        raise InputError(f"pools by {asked}; known is one of {known}", source=folder / "config.json")
    return found[0]


def _dense(folder: Path) -> Dense:
    activation = str(read_json(folder / "config.json").get("activation_function", "")).rpartition(".")[2]
    if activation not in _ACTIVATIONS:
        raise InputError(f"asks for the activation {activation!r}, not known here", source=folder / "config.json")
    path = folder / "model.safetensors"
    read_header(path)
    tensors = read_tensors(path)
    if "linear.weight" not in tensors:
        raise InputError("holds no linear layer", source=path)
    return Dense(tensors["linear.weight"].float(), tensors.get("linear.bias"), activation)
