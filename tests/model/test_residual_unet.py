import pytest
import torch

from omentum.model.backbones.residual_blocks import BasicBlock, ResidualBlock, UpBlock
from omentum.model.backbones.residual_unet import ResidualUNet, depth_to_space, space_to_depth


def test_folding_loses_nothing():
    x = torch.rand(2, 3, 4, 6, 8)
    assert torch.equal(depth_to_space(space_to_depth(x)), x)


@pytest.mark.parametrize("size", [(32, 32, 32), (16, 32, 48)])
def test_shapes_are_as_promised(size):
    net = ResidualUNet(widths=(8, 16, 24), stem=4, blocks=1, decoded_channels=4)
    deep, decoded, coarse = net.stages(torch.rand(1, 1, *size))
    assert net.divisor == 8
    assert deep.shape == (1, net.deep_channels, *(n // 8 for n in size))
    assert decoded.shape == (1, 4, *size)
    assert [tuple(f.shape[1:]) for f in coarse] == [(16, *(n // 4 for n in size)), (8, *(n // 2 for n in size))]
    assert tuple(f.shape[1] for f in coarse) == net.coarse_channels


def test_the_close_up_separates_what_the_wide_window_hardly_does():
    net = ResidualUNet(widths=(8, 16, 16), stem=4, blocks=1, close_up=(0.5, 0.6)).eval()
    flat, tissue = torch.full((1, 1, 16, 16, 16), 0.45), torch.full((1, 1, 16, 16, 16), 0.45)
    tissue[..., 8:] = 0.55
    assert not torch.allclose(net(flat)[1], net(tissue)[1])
    assert net.close_up == (0.5, 0.6)


def test_by_default_the_close_up_is_soft_tissue_of_the_wide_window():
    """-160 to 240 HU, the usual abdominal window, in -1024 to 1024."""
    assert ResidualUNet().close_up == ((-160 + 1024) / 2048, (240 + 1024) / 2048)


def test_what_lies_beyond_the_close_up_is_cut():
    net = ResidualUNet(widths=(8, 16, 16), stem=4, blocks=1, close_up=(0.4, 0.6)).eval()
    seen = []
    net.stem.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    x = torch.linspace(0, 1, 16)[None, None, :, None, None].expand(1, 1, 16, 16, 16).contiguous()
    net(x)
    close, wide = ((depth_to_space(seen[0]) + 1) / 2).unbind(1)  # from -1..1
    assert torch.allclose(wide, x[:, 0])
    assert torch.allclose(close, ((x[:, 0] - 0.4) / 0.2).clamp(0, 1), atol=1e-6)
    assert (close[0, 0] == 0).all()
    assert (close[0, -1] == 1).all()


@pytest.mark.parametrize(("below", "width", "stride"), [(4, 6, 1), (4, 6, 2), (6, 6, 1)])
def test_its_blocks_are_those_of_monai(below, width, stride):
    from monai.networks.blocks.dynunet_block import UnetBasicBlock, UnetResBlock, UnetUpBlock

    norm = ("instance", {"affine": True})
    pairs = [
        (BasicBlock(below, width, stride), UnetBasicBlock(3, below, width, 3, stride, norm)),
        (ResidualBlock(below, width, stride), UnetResBlock(3, below, width, 3, stride, norm)),
        (UpBlock(below, width), UnetUpBlock(3, below, width, 3, 2, 2, norm)),
    ]
    torch.manual_seed(0)
    x, skip = torch.randn(2, below, 4, 6, 8), torch.randn(2, width, 8, 12, 16)
    for ours, theirs in pairs:
        theirs.load_state_dict({name: torch.randn_like(tensor) for name, tensor in theirs.state_dict().items()})
        ours.load_state_dict(theirs.state_dict())
        given = (x, skip) if isinstance(ours, UpBlock) else (x,)
        torch.testing.assert_close(ours(*given), theirs(*given))
