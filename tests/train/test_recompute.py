import torch

from omentum.model.build import build_backbone
from omentum.spec import ModelSpec
from omentum.train.recompute import recompute_blocks
from toy_run import CONFIG


def passed(recompute):
    """Gradient of the first weights, and bytes kept for the way back."""
    torch.manual_seed(0)
    network = build_backbone(ModelSpec("residual_unet", CONFIG.parameters))
    names = list(network.state_dict())
    if recompute:
        assert recompute_blocks(network) > 4
        assert list(network.state_dict()) == names
    kept = {}

    def keep(tensor):
        kept[tensor.data_ptr()] = tensor.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        deep, decoded, coarse = network.stages(torch.rand(1, 1, 32, 32, 32))
        total = deep.square().mean() + decoded.square().mean() + sum(c.square().mean() for c in coarse)
    total.backward()
    return {name: p.grad for name, p in network.named_parameters()}, sum(kept.values())


def test_gradients_are_the_same_and_less_is_kept():
    plain, plain_bytes = passed(recompute=False)
    again, again_bytes = passed(recompute=True)
    for name, gradient in plain.items():
        assert torch.equal(gradient, again[name]), name
    assert again_bytes < 0.7 * plain_bytes
