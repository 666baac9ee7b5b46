from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hollow_files import hollow_state, hollow_unet_state, save_hollow
from published_files import published_entries
from shared_data import shared

from omentum.anatomy import STRUCTURES
from omentum.errors import CaseWarning, CheckpointError
from omentum.model import load_checkpoint, save_checkpoint
from omentum.model.published import FINGERPRINTS, UNUSED, import_published, published_name
from omentum.spec import ModelSpec, PreprocessSpec

pytestmark = pytest.mark.filterwarnings("ignore:.*not the released ones:omentum.errors.CaseWarning")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "published.pth"


LAYOUTS = {
    "training checkpoint": lambda state: {"net": state, "optimizer": {"state": {}}, "scheduler": {}, "epoch": 490},
    "bare": lambda state: state,
    "parallel": lambda state: {"net": {f"module.{name}": t for name, t in state.items()}},
    "without statistics": lambda state: {n: t for n, t in state.items() if "running" not in n and "tracked" not in n},
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_imported_with_what_is_known_of_it(layout, file):
    torch.save(LAYOUTS[layout](hollow_unet_state()), file)
    spec = import_published(file).spec
    assert spec.model.backbone == "unet"
    assert spec.class_keys == STRUCTURES.keys
    assert spec.preprocess == PreprocessSpec()
    assert spec.classes[7].prompt == "A computerized tomography of a Arota"
    assert "NC-ND" in spec.licence
    assert "2301.00785" in spec.citation


def test_an_imported_model_survives_saving(file, tmp_path):
    model = import_published(save_hollow(file))
    save_checkpoint(tmp_path / "m.safetensors", model)
    assert load_checkpoint(tmp_path / "m.safetensors").spec == model.spec


def test_tensors_that_share_memory_in_the_file_are_imported_apart(file, tmp_path):
    """As index buffers that are one tensor, or pieces cut from one; safetensors refuses to write such."""
    state = dict(hollow_unet_state())
    whole = torch.arange(200.0)
    twins = [name for name, tensor in state.items() if tensor.shape == (64,)][:3]
    assert len(twins) == 3
    state |= dict(zip(twins, (whole[:64], whole[:64], whole[32:96]), strict=True))
    torch.save(state, file)
    model = import_published(file)
    save_checkpoint(tmp_path / "m.safetensors", model)
    found = {
        published_name(name): tensor
        for name, tensor in load_checkpoint(tmp_path / "m.safetensors").state_dict().items()
    }
    ours = {published_name(name): tensor for name, tensor in model.state_dict().items()}
    for name in twins:
        assert torch.equal(found[name], state[name])
    with torch.no_grad():
        ours[twins[0]].zero_()  # training moves one of them alone
    assert torch.equal(ours[twins[1]], whole[:64])
    assert torch.equal(ours[twins[2]], whole[32:96])


def test_names_map_to_the_published_ones():
    assert hollow_unet_state().keys() == published_entries("unet").keys()


def test_the_order_of_classes_is_trusted_with_a_warning_and_proved_by_the_released_embeddings(file):
    with pytest.warns(CaseWarning, match="order of its classes"):
        assert import_published(save_hollow(file)).spec.training["class_order"].startswith("assumed")
    table = np.load(shared("parity", "clip_vit_b32_text_embeddings_32x512_float16.npy"))
    released = torch.from_numpy(table).float()
    model = import_published(save_hollow(file, hollow_unet_state() | {"organ_embedding": released}))
    assert model.spec.training["class_order"].startswith("verified")
    assert torch.equal(model.text_embeddings, released)


def test_missing_and_unexpected_tensors_are_counted(file):
    state = hollow_unet_state()
    state["out_tr.weight"] = state.pop("GAP.3.bias")
    with pytest.raises(CheckpointError, match=r"1 missing: GAP\.3\.bias; 1 unexpected: out_tr\.weight"):
        import_published(save_hollow(file, state))


def test_a_misshapen_tensor_is_named(file):
    state = hollow_unet_state() | {"precls_conv.2.bias": torch.zeros(9)}
    with pytest.raises(CheckpointError, match=r"precls_conv\.2\.bias should be \(8,\) and is \(9,\)"):
        import_published(save_hollow(file, state))


def test_other_class_counts_are_refused(file):
    state = hollow_unet_state() | {"organ_embedding": torch.zeros(25, 512)}
    with pytest.raises(CheckpointError, match=r"25 x 512 \(classes x width\).* need 32 x 512"):
        import_published(save_hollow(file, state))


def test_a_number_that_is_not_finite_is_found(file):
    state = hollow_unet_state() | {"controller.bias": torch.full((153,), float("nan"))}
    with pytest.raises(CheckpointError, match=r"NaN or infinite numbers: controller\.bias"):
        import_published(save_hollow(file, state))


@pytest.mark.parametrize("file_name", ["swinunetr", "unet", "unetpp", "dints"])
def test_every_published_network_is_recognised_and_has_the_names_and_shapes_of_ours(file_name):
    published = {name: shape for name, (shape, _) in published_entries(file_name).items() if not UNUSED.search(name)}
    published["controller.weight"] = published["controller.weight"][:2]
    spec = next(spec for start, spec in FINGERPRINTS if any(name.startswith(start) for name in published))
    ours = hollow_state(spec)
    assert {name: tuple(tensor.shape) for name, tensor in ours.items()} == published


def test_a_hollow_unetpp_is_imported(file):
    model = import_published(save_hollow(file, hollow_state(ModelSpec("unetpp"))))
    assert model.spec.model == ModelSpec("unetpp")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds no network"),
        ({}, "holds no network"),
        ({"optimizer": {"state": {}}, "epoch": 3}, "2 entries are not tensors, first 'optimizer'"),
        ({"net": {"a": torch.zeros(1)}}, "2 missing: controller.weight, organ_embedding; 1 unexpected: a"),
    ],
)
def test_files_without_a_network_are_refused(content, message, file):
    torch.save(content, file)
    with pytest.raises(CheckpointError, match=message):
        import_published(file)


class Exploit:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("zipped", [True, False])
def test_an_exploit_is_not_run(file, tmp_path, zipped):
    torch.save({"net": Exploit(tmp_path / "owned")}, file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointError, match="not a safe checkpoint") as fault:
        import_published(file)
    assert not (tmp_path / "owned").exists()
    assert "weights_only" not in str(fault.value)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_a_truncated_file_is_refused_in_our_words(file, share):
    content = save_hollow(file).read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match=r"damaged or incomplete PyTorch file .*download it again"):
        import_published(file)


def test_a_compressed_archive_is_refused(file):
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(10**6))
    with pytest.raises(CheckpointError, match="compressed archive"):
        import_published(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty or all zeros"),
        (b"<html>Quota exceeded</html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\x08\0\0\0\0\0\0\0{}      ", "not a PyTorch file"),
    ],
)
def test_other_files_are_recognised(content, message, file):
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        import_published(file)


def test_a_missing_file_is_refused(file):
    with pytest.raises(CheckpointError, match="cannot be read: No such file"):
        import_published(file)


def test_our_names_are_left_alone_where_nothing_was_published():
    assert published_name("backbone.network.swinViT.layers1.0.blocks.0.norm1.weight") == (
        "backbone.swinViT.layers1.0.blocks.0.norm1.weight"
    )
