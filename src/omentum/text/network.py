"""An opened language model: one sentence in, one embedding out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from omentum.errors import InputError

Forward = Callable[[Mapping[str, Tensor]], Tensor]
"""Tokens of one sentence -> its embedding [width]."""


@dataclass(frozen=True)
class TextNetwork:
    """An opened language model.

    Args:
        name: For messages.
        tokenizer: Of transformers.
        forward: The model with its pooling and projection.
        longest: Most tokens it reads.
        lower: Whether text is put in lower case first.
        padding: Arguments for the tokenizer beside the sentence.
        end: Token that must close a sentence, whose state is the embedding; None for other kinds of pooling.
    """

    name: str
    tokenizer: Any
    forward: Forward
    longest: int
    lower: bool = False
    padding: Mapping[str, Any] = field(default_factory=dict)
    end: int | None = None

    def embed(self, sentence: str) -> Tensor:
        """Embed one sentence: float32 [width]. It is read alone, so its embedding never depends on other sentences.

        Raises:
            InputError: It is too long, cannot be represented, or the model returns no finite numbers.
        """
        tokens = self._tokens(sentence)
        with torch.inference_mode():
            row = self.forward(tokens).float().clone()
        if not torch.isfinite(row).all():
            raise InputError(f"returns numbers that are not finite for {sentence!r}", source=self.name)
        return row

    def _tokens(self, sentence: str) -> Mapping[str, Tensor]:
        text = sentence.lower() if self.lower else sentence
        tokens: Mapping[str, Tensor] = self.tokenizer(text, return_tensors="pt", **self.padding)
        ids = tokens["input_ids"][0]
        if len(ids) > self.longest:
            reason = f"reads {self.longest} tokens at most, and the prompt {sentence!r} has {len(ids)}"
            raise InputError(reason, source=self.name, remedy="shorten the prompt; nothing is cut off")
        if self.end is not None and (not len(ids) or int(ids[-1]) != self.end):
            reason = f"its tokenizer does not close sentences with token {self.end}, whose state is the embedding"
            raise InputError(reason, source=self.name)
        return tokens
