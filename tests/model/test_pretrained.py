"""First weights from public files, in their layouts with made-up numbers; what does not fit is reported or refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from monai.networks.nets.basic_unetplusplus import BasicUNetPlusPlus
from monai.networks.nets.dynunet import DynUNet
from monai.networks.nets.mednext import create_mednext
from monai.networks.nets.segresnet import SegResNet
from monai.networks.nets.swin_unetr import SwinUNETR
from published_files import published_entries
from safetensors.torch import save_file
from small_models import KEYS, SMALL, small_model, small_spec
from torch import Tensor, nn

from omentum.errors import CaseWarning, CheckpointError
from omentum.model import BACKBONES, UniversalModel, initialise, save_checkpoint
from omentum.model.layouts import bare, encoder_pattern, layouts
from omentum.model.plain_head import PlainHead
from omentum.model.state import without_memory

State = dict[str, Tensor]

SWIN = {"feature_size": 12, "patch_merging": "legacy"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "pretrained.pt"


def random_like(names: dict[str, Tensor]) -> State:
    """Other numbers than any fresh network has."""
    return {n: t.new_empty(t.shape).normal_() if t.is_floating_point() else t.clone() for n, t in names.items()}


def swin_state() -> State:
    return random_like(SwinUNETR(in_channels=1, out_channels=14, feature_size=12).state_dict())


def swin_ssl_state() -> State:
    """As model_swinvit.pt has it: the transformer alone, its perceptrons by older names, heads of the pretext tasks."""
    start = "swinViT."
    state = {n.removeprefix(start): t for n, t in swin_state().items() if n.startswith(start)}
    state = {n.replace("mlp.linear1", "mlp.fc1").replace("mlp.linear2", "mlp.fc2"): t for n, t in state.items()}
    return state | {"norm.weight": torch.randn(192)} | pretext_heads()


def swin_script_state() -> State:
    """As the pre-training script saves it."""
    state = {n.replace("swinViT.", "swin_vit."): t for n, t in swin_state().items() if n.startswith("swinViT.")}
    return state | pretext_heads()


def pretext_heads() -> State:
    shapes = {"rotation_head.weight": (4, 192), "contrastive_head.bias": (512,), "conv.bias": (1,)}
    return {name: torch.randn(shape) for name, shape in shapes.items()}


def genesis_state() -> State:
    """As Genesis_Chest_CT.pt has it, of width 4 instead of 64."""
    state = {}
    for name, (shape, _) in published_entries("unet").items():
        if name.startswith("backbone."):
            small = [n // 16 if axis < 2 and n > 1 else n for axis, n in enumerate(shape)]
            state[name.removeprefix("backbone.")] = torch.randn(small) if small else torch.tensor(0)
    return state | {"out_tr.final_conv.weight": torch.randn(1, 4, 1, 1, 1), "out_tr.final_conv.bias": torch.randn(1)}


def parallel(state: State) -> State:
    return {f"module.{name}": tensor for name, tensor in state.items()}


def in_backbone(state: State) -> State:
    """As in a file of the Universal Model or SuPreM, beside the head."""
    return {f"module.backbone.{name}": tensor for name, tensor in state.items()}


FILES: dict[str, tuple[str, dict[str, object], Callable[[], object], bool]] = {
    "swin ssl": ("swin_unetr", SWIN, lambda: {"state_dict": parallel(swin_ssl_state())}, False),
    "swin ssl of the script": (
        "swin_unetr",
        SWIN,
        lambda: {"global_step": 7, "state_dict": parallel(swin_script_state()), "optimizer": {}},
        False,
    ),
    "swin unetr": ("swin_unetr", SWIN, lambda: {"state_dict": swin_state()}, True),
    "swin unetr of suprem": ("swin_unetr", SWIN, lambda: {"net": in_backbone(swin_state()), "epoch": 3}, True),
    "models genesis": ("unet", SMALL["unet"], lambda: {"epoch": 1, "state_dict": parallel(genesis_state())}, True),
    "unet of suprem": ("unet", SMALL["unet"], lambda: {"net": in_backbone(genesis_state())}, True),
    "segresnet of suprem": (
        "segresnet",
        {"width": 8},
        lambda: {"net": in_backbone(random_like(SegResNet(init_filters=8, out_channels=25).state_dict()))},
        True,
    ),
    "bare unet++": (
        "unetpp",
        SMALL["unetpp"],
        lambda: random_like(BasicUNetPlusPlus(features=(4, 4, 8, 8, 16, 4)).state_dict()),
        True,
    ),
    "compiled mednext": (
        "mednext",
        {},
        lambda: {f"_orig_mod.{n}": t for n, t in random_like(create_mednext("S").state_dict()).items()},
        True,
    ),
    "dynunet": (
        "dynunet",
        SMALL["dynunet"],
        lambda: {
            "model_state_dict": random_like(
                DynUNet(
                    3, 1, 5, [3] * 4, [1, 2, 2, 2], [2] * 3, [4, 8, 8, 16], norm_name=("INSTANCE", {"affine": True}),
                    res_block=True,
                ).state_dict()
            )
        },
        True,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_a_public_file_fills_all_of_the_encoder(kind, file):
    backbone, parameters, make, has_decoder = FILES[kind]
    torch.save(make(), file)
    model = small_model(backbone, **parameters)
    before = {name: p.clone() for name, p in model.named_parameters()}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", CaseWarning)
        report = initialise(model, file)
    own = {name for name in before if name.startswith("backbone.")}
    assert report.encoder_share == 1
    assert report.unexpected == report.misshapen == ()
    assert set(report.loaded) | set(report.missing) == own
    assert set(report.loaded) >= {n for n in own if encoder_pattern(backbone).match(n.removeprefix("backbone."))}
    assert bool(report.missing) is not has_decoder
    assert report.complete is has_decoder
    assert [str(w.message) for w in told] == ([] if has_decoder else [str(report)])
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name]) is (name not in report.loaded), name


def test_the_swin_transformer_is_filled_as_monai_itself_does_it(file):
    content = {"state_dict": parallel(swin_ssl_state())}
    torch.save(content, file)
    reference = SwinUNETR(in_channels=1, out_channels=1, feature_size=12)
    reference.load_from(content)
    model = small_model("swin_unetr", **SWIN)
    with pytest.warns(CaseWarning, match=r"[0-9]+ tensors fit, 100% of the encoder's \(names: monai-swin-ssl\)"):
        initialise(model, file)
    ours = model.backbone.network.swinViT.state_dict()  # type: ignore[union-attr, operator]
    for name, tensor in reference.swinViT.state_dict().items():
        assert torch.equal(ours[name], tensor), name


def test_models_genesis_lands_where_it_belongs(file):
    state = genesis_state()
    torch.save({"state_dict": parallel(state)}, file)
    model = small_model("unet")
    initialise(model, file)
    net = model.backbone
    assert isinstance(net.down, nn.ModuleList)
    assert torch.equal(net.down[2][3].weight, state["down_tr256.ops.1.conv1.weight"])  # type: ignore[index]
    assert torch.equal(net.up[0].upsample.weight, state["up_tr256.up_conv.weight"])  # type: ignore[index]
    assert torch.equal(net.up[2].convolutions[4].bias, state["up_tr64.ops.1.bn1.bias"])  # type: ignore[index]


@pytest.mark.parametrize(
    ("file_name", "backbone", "layout"),
    [
        ("swinunetr", "swin_unetr", "monai"),
        ("unet", "unet", "models-genesis"),
        ("unetpp", "unetpp", "monai"),
        ("dints", "dints", "dints"),
    ],
)
def test_layouts_name_every_tensor_of_the_real_files(file_name, backbone, layout):
    entries = published_entries(file_name)
    real = {bare(name) for name, (_, dtype) in entries.items() if name.startswith("backbone.") and dtype == "float32"}
    network = without_memory(small_spec(backbone), Path("nowhere")).backbone
    ours = {layouts()[layout].theirs(name) for name, _ in network.named_parameters()}
    assert ours == {name for name in real if not layouts()[layout].ignores(name)}


def test_safetensors_of_others_are_read_too(file):
    save_file(swin_state(), file)
    assert initialise(small_model("swin_unetr", **SWIN), file).complete


def test_what_does_not_fit_is_reported_and_stays_fresh(file):
    state = genesis_state()
    state["up_tr64.up_conv.weight"] = torch.zeros(7)
    state["extra.weight"] = torch.zeros(1)
    del state["up_tr64.up_conv.bias"]
    torch.save(state, file)
    model = small_model("unet")
    fresh = model.get_parameter("backbone.up.2.upsample.weight").clone()
    with pytest.warns(CaseWarning, match=r"1 missing: .*; 1 unexpected: extra\.weight; 1 misshapen: .*\(7,\)"):
        report = initialise(model, file)
    assert report.missing == ("backbone.up.2.upsample.bias",)
    assert report.unexpected == ("extra.weight",)
    assert report.misshapen == ("backbone.up.2.upsample.weight should be (8, 8, 2, 2, 2) and is (7,)",)
    assert torch.equal(model.get_parameter("backbone.up.2.upsample.weight"), fresh)


@pytest.mark.parametrize("patch_merging", ["legacy", "corrected"])
def test_public_swin_weights_in_a_network_with_other_patch_merging_are_not_silent(patch_merging, file):
    torch.save(swin_state(), file)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", CaseWarning)
        initialise(small_model("swin_unetr", feature_size=12, patch_merging=patch_merging), file)
    heard = [str(w.message) for w in told]
    assert len(heard) == (patch_merging == "corrected")
    assert all("trained with patch_merging = 'legacy'" in text for text in heard)


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


def assert_refused(model: UniversalModel, file: Path, message: str) -> None:
    before = {name: p.clone() for name, p in model.named_parameters()}
    with pytest.raises(CheckpointError, match=message) as fault:
        initialise(model, file)
    assert str(fault.value).startswith(f"{file}: ")
    assert "\n" not in str(fault.value)
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name])


@pytest.mark.parametrize("backbone", ["residual_unet", "dints"])
def test_an_own_checkpoint_fills_everything_but_the_words(backbone, tmp_path):
    path = tmp_path / "own.safetensors"
    trained = small_model(backbone)
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.normal_()
    save_checkpoint(path, trained)
    model = small_model(backbone)
    words = model.text_embeddings.add_(1).clone()
    assert initialise(model, path).complete
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, trained.get_parameter(name)), name
    assert torch.equal(model.text_embeddings, words)


def test_only_what_concerns_the_loaded_parts_is_told(tmp_path, recwarn):
    path = tmp_path / "own.safetensors"
    save_checkpoint(path, small_model("residual_unet"))
    model = small_model("residual_unet")
    model.head = PlainHead(model.backbone.decoded_channels, len(KEYS))
    report = initialise(model, path, ["backbone"])
    assert report.complete
    assert all(name.startswith("backbone.") for name in report.loaded)
    assert not recwarn.list


def test_an_own_checkpoint_of_another_backbone_is_refused(tmp_path):
    path = tmp_path / "own.safetensors"
    save_checkpoint(path, small_model("unet", width=4))
    assert_refused(small_model("residual_unet"), path, "its backbone is 'unet', the run wants 'residual_unet'")


@pytest.mark.filterwarnings("ignore::omentum.errors.CaseWarning")
def test_an_own_checkpoint_of_another_width_is_refused(tmp_path):
    path = tmp_path / "own.safetensors"
    save_checkpoint(path, small_model("unet", width=4))
    assert_refused(small_model("unet", width=8), path, "not weights for a 'unet'")


def test_of_an_own_checkpoint_with_other_parameters_what_fits_is_taken(tmp_path):
    path = tmp_path / "own.safetensors"
    trained = small_model("residual_unet", decoded_channels=8)
    save_checkpoint(path, trained)
    model = small_model("residual_unet", decoded_channels=16)
    fresh = model.backbone.expand.weight.clone()
    with pytest.warns(CaseWarning) as told:
        report = initialise(model, path)
    assert "what fits is taken" in str(told[0].message)
    assert "backbone.expand.weight should be" in "".join(report.misshapen)
    assert torch.equal(model.backbone.expand.weight, fresh)
    assert torch.equal(model.head.controller.weight, trained.head.controller.weight)
    assert report.encoder_share == 1


def test_every_backbone_says_which_part_is_its_encoder():
    for name in BACKBONES:
        network = without_memory(small_spec(name), Path("nowhere")).backbone
        encoder = [n for n, _ in network.named_parameters() if encoder_pattern(name).match(n)]
        assert 0 < len(encoder) < len(list(network.parameters()))
