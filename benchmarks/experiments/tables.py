"""What the heads are told about each structure: embeddings of words, and tables that know no words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from omentum.anatomy import STRUCTURES
from omentum.anatomy.prompts import prompt
from omentum.text.encoder import embed

RANDOM_WIDTH = 384
"""As MiniLM's."""


def minilm() -> Tensor:
    """The package's own encoder on the paper's prompt: [K, 384]."""
    return embed([prompt(structure) for structure in STRUCTURES])


def clip(path: Path) -> Tensor:
    """A saved table of CLIP ViT-B/32 embeddings: float16 .npy [K, 512], rows in template order."""
    return torch.from_numpy(np.load(path, allow_pickle=False).astype(np.float32))


def one_hot() -> Tensor:
    """[K, K]."""
    return torch.eye(len(STRUCTURES))


def gaussian(seed: int) -> Tensor:
    """Random directions: [K, 384]."""
    return torch.randn(len(STRUCTURES), RANDOM_WIDTH, generator=torch.Generator().manual_seed(seed))


def shuffled(table: Tensor, seed: int) -> Tensor:
    """The same embeddings, each given to another structure."""
    return table[torch.randperm(len(table), generator=torch.Generator().manual_seed(seed))]
