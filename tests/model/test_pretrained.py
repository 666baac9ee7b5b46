"""First weights from public files in their layouts: all of the encoder is filled, what does not fit is reported."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from monai.networks.nets.basic_unetplusplus import BasicUNetPlusPlus
from monai.networks.nets.dynunet import DynUNet
from monai.networks.nets.mednext import create_mednext
from monai.networks.nets.segresnet import SegResNet
from monai.networks.nets.swin_unetr import SwinUNETR
from public_states import (
    SWIN,
    genesis_state,
    in_backbone,
    parallel,
    random_like,
    swin_script_state,
    swin_ssl_state,
    swin_state,
)
from safetensors.torch import save_file
from small_models import SMALL, small_model
from torch import nn

from omentum.errors import CaseWarning
from omentum.model import initialise
from omentum.model.layouts import encoder_pattern

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
