import pytest
import torch
from torch import nn

from omentum.train.muon import Muon, orthogonalised


@pytest.mark.parametrize("shape", [(16, 40), (40, 16), (24, 24)])
def test_singular_values_come_near_one_and_vectors_stay(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape)
    result = orthogonalised(matrix).float()
    values = torch.linalg.svdvals(result)
    assert values.min() > 0.5
    assert values.max() < 1.4
    u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
    aligned = u.T @ result @ vh.T
    assert (aligned - torch.diag(aligned.diag())).abs().max() < 0.1


def test_a_kernel_moves_by_the_rate_in_every_direction():
    torch.manual_seed(0)
    kernel = nn.Parameter(torch.randn(8, 4, 3, 3, 3))
    before = kernel.detach().clone()
    kernel.grad = torch.randn_like(kernel)
    Muon([kernel], lr=0.1).step()
    values = torch.linalg.svdvals((kernel.detach() - before).reshape(8, -1))
    assert values.min() > 0.05
    assert values.max() < 0.14


def test_it_finds_the_least_squares_solution():
    torch.manual_seed(0)
    wanted, weight = torch.randn(6, 10), nn.Parameter(torch.zeros(6, 10))
    inputs = torch.randn(200, 10)
    optimiser = Muon([weight], lr=0.1)
    for step in range(200):
        optimiser.param_groups[0]["lr"] = 0.1 * (1 - step / 200)
        optimiser.zero_grad()
        ((inputs @ weight.T - inputs @ wanted.T) ** 2).mean().backward()
        optimiser.step()
    assert (weight - wanted).abs().max() < 0.05
