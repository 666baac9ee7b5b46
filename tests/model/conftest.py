"""A small model, its checkpoint, and a place for files of others."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_models import small_model

from omentum.model import UniversalModel, save_checkpoint


@pytest.fixture(scope="module")
def model() -> UniversalModel:
    return small_model()


@pytest.fixture
def saved(model: UniversalModel, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, model)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pretrained.pt"
