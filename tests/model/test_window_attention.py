import pytest
import torch
from monai.networks.nets.swin_unetr import WindowAttention

from omentum.model.backbones import window_attention
from omentum.model.backbones.window_attention import AttentionInParts

WINDOWS, N, SAMPLES = 6, 8, 2


@pytest.fixture
def pair():
    torch.manual_seed(0)
    theirs = WindowAttention(12, 3, (2, 2, 2), qkv_bias=True).eval()
    torch.nn.init.normal_(theirs.relative_position_bias_table)
    ours = AttentionInParts.in_place_of(theirs).eval()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("windows_at_once", [1, 4, 100])
def test_parts_together_are_the_whole_also_where_a_part_spans_two_samples(pair, monkeypatch, masked, windows_at_once):
    ours, theirs = pair
    monkeypatch.setitem(window_attention.SCORES_AT_ONCE, "cpu", windows_at_once * 3 * N * N)
    x = torch.randn(SAMPLES * WINDOWS, N, 12)
    mask = torch.randn(WINDOWS, N, N) if masked else None
    with torch.no_grad():
        torch.testing.assert_close(ours(x, mask), theirs(x, mask))


def test_with_gradients_everything_is_done_at_once_and_they_are_the_same(pair):
    ours, theirs = pair
    x, mask = torch.randn(SAMPLES * WINDOWS, N, 12), torch.randn(WINDOWS, N, N)
    for attention in (ours, theirs):
        attention(x, mask).square().sum().backward()
    for (name, mine), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, msg=name)
