"""The imported network computes what the published code computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up_weights import image
from published_files import PARITY, published_state, save_as_released

from omentum.errors import CaseWarning
from omentum.model.published import import_published

STRIDE = 12
LARGE = ("swinunetr", "unetpp", "dints")
EXHAUSTIVE = (pytest.mark.slow, pytest.mark.exhaustive)


@pytest.mark.parametrize("backbone", ["unet", *(pytest.param(name, marks=EXHAUSTIVE) for name in LARGE)])
def test_an_imported_model_computes_what_the_published_one_does(
    backbone: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    reference = np.load(PARITY / f"{backbone}_seed0.npz")
    path = save_as_released(published_state(backbone), tmp_path / "released.pth")
    with pytest.warns(CaseWarning, match="not the released ones"):
        model = import_published(path)
    with torch.inference_mode():
        logits = model(torch.from_numpy(image(0)))[0].numpy()

    difference = {
        "logits": np.abs(logits[:, ::STRIDE, ::STRIDE, ::STRIDE] - reference["logits_strided"]).max(),
        "mean": np.abs(logits.mean(axis=(1, 2, 3), dtype=np.float64) - reference["mean"]).max(),
        "std": np.abs(logits.std(axis=(1, 2, 3), dtype=np.float64) - reference["std"]).max(),
    }
    print(backbone, {name: f"{value:.2e}" for name, value in difference.items()})
    for name, value in difference.items():
        record_property(name, float(value))
    assert difference["logits"] <= 1e-3
    assert difference["mean"] <= 1e-4
    assert difference["std"] <= 1e-4
