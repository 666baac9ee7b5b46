"""First weights that do not fit, are damaged or are none: refused in one line, and the model stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from public_states import State, genesis_state, swin_ssl_state
from small_models import small_model

from omentum.errors import CheckpointError
from omentum.model import UniversalModel, initialise, save_checkpoint


def assert_refused(model: UniversalModel, file: Path, message: str) -> None:
    before = {name: p.clone() for name, p in model.named_parameters()}
    with pytest.raises(CheckpointError, match=message) as fault:
        initialise(model, file)
    assert str(fault.value).startswith(f"{file}: ")
    assert "\n" not in str(fault.value)
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name])


def damaged(state: State) -> State:
    return state | {"down_tr64.ops.0.conv1.weight": torch.full((2, 1, 3, 3, 3), float("nan"))}


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "another network": (swin_ssl_state, r"not weights for a 'unet': 0 tensors fit, 0% of the encoder's .* missing"),
    "another width": (
        lambda: {n: torch.cat([t, t]) if t.ndim else t for n, t in genesis_state().items()},
        r"not weights for a 'unet'.* misshapen: backbone\.down\.0\.0\.weight should be \(2, 1, 3, 3, 3\) and is \(4, ",
    ),
    "half an encoder": (
        lambda: {n: t for n, t in genesis_state().items() if "tr256" not in n and "tr512" not in n},
        "not weights for a 'unet': .* 50% of the encoder's",
    ),
    "not finite": (lambda: damaged(genesis_state()), "NaN or infinite"),
    "no network": (lambda: {"epoch": 3}, "holds no network"),
    "a list": (lambda: [torch.zeros(3)], "holds no network"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_file_is_refused_and_changes_nothing(kind, file):
    make, message = WRONG[kind]
    torch.save(make(), file)
    assert_refused(small_model("unet"), file, message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>Quota exceeded</html>", "web page"),
        (b"PK\x03\x04 not an archive", "damaged or incomplete PyTorch file"),
        (b"", "empty or all zeros"),
        (None, "cannot be read: No such file"),
    ],
)
def test_no_file_of_weights_is_refused(content, message, file):
    if content is not None:
        file.write_bytes(content)
    assert_refused(small_model("unet"), file, message)


def test_an_exploit_is_not_run(file, tmp_path):
    class Exploit:
        def __reduce__(self):
            return Path.touch, (tmp_path / "owned",)

    torch.save({"state_dict": Exploit()}, file)
    assert_refused(small_model("unet"), file, "not a safe checkpoint")
    assert not (tmp_path / "owned").exists()


def test_a_network_nobody_published_starts_from_our_checkpoints_only(file):
    torch.save(genesis_state(), file)
    assert_refused(small_model("residual_unet"), file, "only checkpoints of this package can start a 'residual_unet'")


def test_an_own_checkpoint_of_another_backbone_is_refused(tmp_path):
    path = tmp_path / "own.safetensors"
    save_checkpoint(path, small_model("unet", width=4))
    assert_refused(small_model("residual_unet"), path, "its backbone is 'unet', the run wants 'residual_unet'")


@pytest.mark.filterwarnings("ignore::omentum.errors.CaseWarning")
def test_an_own_checkpoint_of_another_width_is_refused(tmp_path):
    path = tmp_path / "own.safetensors"
    save_checkpoint(path, small_model("unet", width=4))
    assert_refused(small_model("unet", width=8), path, "not weights for a 'unet'")
