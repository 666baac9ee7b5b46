import math

import pytest
import torch
from torch import nn

from omentum.train.optimise.muon import COEFFICIENTS, ITERATIONS, Muon, orthogonalised


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


def plainly(matrix):
    """The iteration as it is published, in double precision."""
    a, b, c = COEFFICIENTS
    x = matrix.double() / matrix.double().norm()
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


def of_singular_values(values, shape):
    rows, columns = (torch.linalg.qr(torch.randn(n, len(values), dtype=torch.float64))[0] for n in shape)
    return (rows @ torch.diag(torch.as_tensor(values, dtype=torch.float64)) @ columns.T).float()


@pytest.mark.parametrize("shape", [(64, 1728), (256, 192), (128, 128)])
@pytest.mark.parametrize("smallest", [0.5, 1e-3, 1e-6])
def test_it_equals_the_plain_iteration_to_single_precision(shape, smallest):
    torch.manual_seed(0)
    matrix = 1e-4 * of_singular_values(torch.logspace(0, math.log10(smallest), min(shape)), shape)
    result = orthogonalised(matrix)
    assert result.dtype == torch.float32  # bfloat16 is off by 0.05, and emulated on many processors
    assert torch.linalg.matrix_norm(result - plainly(matrix), 2) < 1e-3


def test_of_nothing_comes_nothing_and_of_one_direction_that_direction():
    assert (orthogonalised(torch.zeros(8, 20)) == 0).all()
    torch.manual_seed(0)
    one = torch.outer(torch.randn(30), torch.randn(200))
    values = torch.linalg.svdvals(orthogonalised(one))
    assert 0.5 < values[0] < 1.4
    assert values[1] < 1e-2


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


@pytest.mark.parametrize("left", [1e-12, 1e-20, 1e-30])
def test_rows_that_have_vanished_are_left_alone(left):
    """Their squares are subnormal numbers, with which a processor takes forty times as long."""
    torch.manual_seed(0)
    matrix = torch.randn(12, 40)
    faded = matrix.clone()
    faded[::2] *= left
    found = orthogonalised(faded)
    assert not found[::2].any()
    assert torch.allclose(found[1::2], orthogonalised(matrix[1::2]), atol=1e-5)
