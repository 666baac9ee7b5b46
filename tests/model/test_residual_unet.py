import pytest
import torch

from omentum.model.backbones.residual_unet import ResidualUNet, depth_to_space, space_to_depth


def test_folding_loses_nothing():
    x = torch.rand(2, 3, 4, 6, 8)
    assert torch.equal(depth_to_space(space_to_depth(x)), x)


@pytest.mark.parametrize("size", [(32, 32, 32), (16, 32, 48)])
def test_shapes_are_as_promised(size):
    net = ResidualUNet(width=8, blocks=(1, 1, 1), decoded_channels=4)
    deep, decoded = net(torch.rand(1, 1, *size))
    assert deep.shape == (1, net.deep_channels, *(n // 8 for n in size))
    assert decoded.shape == (1, 4, *size)
    assert net.divisor == 8
