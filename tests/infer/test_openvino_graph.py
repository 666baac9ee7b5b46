"""What is rewritten for OpenVINO computes the same, and is what was meant to be rewritten."""

import pytest
import torch
from openvino_here import needs_openvino
from torch import nn

from omentum.infer.engines import Network
from omentum.infer.engines.openvino import OpenVinoEngine, converted
from omentum.infer.engines.plain_norms import PlainGroupNorm, PlainInstanceNorm, with_plain_norms

PATCH = (8, 12, 16)


@pytest.mark.parametrize(
    ("norm", "plain"),
    [
        (nn.InstanceNorm3d(6), PlainInstanceNorm),
        (nn.InstanceNorm3d(6, affine=True), PlainInstanceNorm),
        (nn.GroupNorm(6, 6), PlainInstanceNorm),
        (nn.GroupNorm(2, 6), PlainGroupNorm),
        (nn.GroupNorm(1, 6, affine=False), PlainGroupNorm),
    ],
)
def test_a_norm_written_out_is_that_norm(norm, plain):
    torch.manual_seed(0)
    for parameter in norm.parameters():
        nn.init.normal_(parameter)
    rewritten = with_plain_norms(nn.Sequential(norm))
    x = torch.randn(1, 6, *PATCH) * 3 + torch.randn(1, 6, 1, 1, 1)
    assert type(rewritten[0]) is plain
    torch.testing.assert_close(rewritten(x), norm(x), rtol=1e-4, atol=1e-5)


class Alike(nn.Module):
    """Features that hardly differ and are far from 0."""

    def __init__(self) -> None:
        super().__init__()
        self.features, self.norm = nn.Conv3d(1, 6, 1), nn.GroupNorm(1, 6)
        nn.init.constant_(self.features.weight, 1e-6)
        nn.init.constant_(self.features.bias, 1000.1)

    def forward(self, x):
        return (self.norm(self.features(x)),)


@needs_openvino
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_features_that_are_all_alike_stay_numbers(precision, tmp_path):
    engine = OpenVinoEngine(Network(Alike().eval(), lambda normal: normal, PATCH), precision, tmp_path)
    assert torch.isfinite(engine(torch.rand(1, 1, *PATCH))).all()


class Joining(nn.Module):
    """Joined features read by convolutions alone (three of them), and by something else too (two of them)."""

    def __init__(self, *, watched: bool) -> None:
        super().__init__()
        self.parts = nn.ModuleList(nn.Conv3d(1, width, 1) for width in (3, 2, 4))
        self.wide = nn.Conv3d(9, 5, 3, padding=1, stride=2)
        self.narrow = nn.Conv3d(9, 7, 1)
        self.watched = watched

    def forward(self, x):
        joined = torch.cat([part(x) for part in self.parts], dim=1)
        seen = joined.sigmoid() if self.watched else self.narrow(joined)
        return self.wide(joined), seen


@needs_openvino
@pytest.mark.parametrize("watched", [False, True])
def test_nothing_is_joined_for_convolutions_alone(watched, tmp_path):
    torch.manual_seed(0)
    front = Joining(watched=watched).eval()
    network = Network(front, lambda wide, seen: wide, PATCH)
    kinds = [op.get_type_name() for op in converted(network).get_ops()]
    assert kinds.count("Concat") == watched
    assert kinds.count("Convolution") == 3 + (1 if watched else 2 * 3)
    x = torch.rand(1, 1, *PATCH)
    with torch.inference_mode():
        expected = front(x)[0]
    torch.testing.assert_close(OpenVinoEngine(network, cache=tmp_path)(x), expected, rtol=0, atol=1e-5)
