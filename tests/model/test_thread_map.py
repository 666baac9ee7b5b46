"""Every piece once, no gradients, faults told, and nobody else's threads changed."""

import pytest
import torch

from omentum.model.thread_map import map_on_threads


@pytest.fixture(params=[1, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_every_piece_is_worked_on_once_on_one_thread(threads):
    done = torch.zeros(20)
    seen = []

    def work(piece):
        seen.append((torch.get_num_threads(), torch.is_grad_enabled(), torch.is_inference_mode_enabled()))
        done[piece] += 1

    map_on_threads(work, range(20))
    assert done.tolist() == [1] * 20
    assert set(seen) == {(1, False, False)}
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled()


def test_inference_mode_goes_along(threads):
    seen = []
    with torch.inference_mode():
        map_on_threads(lambda _: seen.append(torch.is_inference_mode_enabled()), range(4))
    assert seen == [True] * 4


def test_a_fault_comes_out(threads):
    def work(piece):
        raise ValueError(f"piece {piece}")

    with pytest.raises(ValueError, match="piece 0"):
        map_on_threads(work, range(4))
