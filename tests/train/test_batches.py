import pytest
import torch

from omentum.errors import InputError, TrainingError
from omentum.train import batches
from omentum.train.batches import RESERVE, Share, deliveries, readable_patch
from toy_run import changed, sampler


@pytest.mark.parametrize(("ranks", "parts"), [(1, 1), (2, 1), (1, 4), (4, 2)])
def test_all_parts_of_all_processes_make_each_step_once(ranks, parts):
    shares = [Share(8, parts, ranks, rank) for rank in range(ranks)]
    for step in (0, 3):
        numbers = [n for share in shares for part in range(parts) for n in share.numbers(step, part)]
        assert numbers == list(range(8 * step, 8 * step + 8))


def test_a_batch_that_cannot_be_divided_is_refused():
    with pytest.raises(TrainingError, match="a batch of 6 cannot be divided among 2 processes x 2 parts"):
        Share(6, 2, 2)


@pytest.mark.parametrize("workers", [0, 2])
def test_deliveries_are_the_numbered_patches_wherever_they_begin(workers):
    config = changed(batch=2, steps=4, workers=workers, patch=(16, 16, 16))
    source = sampler(config)
    found = dict(deliveries(source, config, Share(2, 2), 1))
    assert list(found) == [1, 2, 3]
    assert [batch.images.shape[0] for batch in found[2].batches] == [1, 1]
    assert torch.equal(found[2].batches[1].images, source.batch(5, 1).images)
    assert found[2].names == source.batch(4, 1).names + source.batch(5, 1).names


class Sometimes:
    """Fails as told: a number -> the fault of that patch, as often as it is asked for or so many times."""

    def __init__(self, fault, numbers, times=10**9):
        self.inner, self.fault, self.numbers, self.left = sampler(changed(patch=(16, 16, 16))), fault, numbers, times

    def batch(self, number, size):
        if number in self.numbers and self.left:
            self.left -= 1
            raise self.fault
        return self.inner.batch(number, size)


def test_another_patch_always_the_same_one_stands_in_for_an_unreadable_case():
    source = Sometimes(InputError("cannot be decoded", source="case_7"), {5})
    faults = []
    patch = readable_patch(source, 5, faults)
    assert faults == ["case_7: cannot be decoded"]
    assert torch.equal(patch.images, source.inner.batch(5 + RESERVE, 1).images)


def test_a_file_that_is_away_for_a_moment_is_waited_for(monkeypatch):
    monkeypatch.setattr(batches, "RETRIES_S", (0.0, 0.0))
    faults = []
    source = Sometimes(OSError("stale file handle"), {5}, times=2)
    assert torch.equal(readable_patch(source, 5, faults).images, source.inner.batch(5, 1).images)
    assert faults == []


def test_nothing_but_unreadable_cases_is_an_error():
    source = Sometimes(InputError("cannot be decoded"), {5 + k * RESERVE for k in range(batches.ATTEMPTS)})
    with pytest.raises(InputError, match="10 cases in a row cannot be read"):
        readable_patch(source, 5, [])


def test_voxels_that_are_no_numbers_never_reach_the_network():
    class Broken(Sometimes):
        def batch(self, number, size):
            drawn = self.inner.batch(number, size)
            if number == 5:
                drawn.images[0, 0, 3, 3, 3] = float("nan")
            return drawn

    faults = []
    assert readable_patch(Broken(None, ()), 5, faults).images.isfinite().all()
    assert "no numbers" in faults[0]
