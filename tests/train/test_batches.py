import pytest
import torch
from toy_run import changed, sampler

from omentum.errors import UsageError
from omentum.train.batches import Share, deliveries


@pytest.mark.parametrize(("ranks", "parts"), [(1, 1), (2, 1), (1, 4), (4, 2)])
def test_all_parts_of_all_processes_make_each_step_once(ranks, parts):
    shares = [Share(8, parts, ranks, rank) for rank in range(ranks)]
    for step in (0, 3):
        numbers = [n for share in shares for part in range(parts) for n in share.numbers(step, part)]
        assert numbers == list(range(8 * step, 8 * step + 8))


def test_a_batch_that_cannot_be_divided_is_refused():
    with pytest.raises(UsageError, match="a batch of 6 cannot be divided among 2 processes x 2 parts"):
        Share(6, 2, 2)


@pytest.mark.parametrize("workers", [0, 2])
def test_deliveries_are_the_numbered_patches_wherever_they_begin(workers):
    source = sampler(changed(patch=(16, 16, 16)))
    found = dict(deliveries(source, Share(2, 2), range(1, 4), torch.device("cpu"), workers))
    assert list(found) == [1, 2, 3]
    assert [batch.images.shape[0] for batch in found[2].batches] == [1, 1]
    assert torch.equal(found[2].batches[1].images, source.batch([5]).images)
    assert found[2].names == source.batch([4, 5]).names
    assert sum(delivery.waited_s for delivery in found.values()) > 0
