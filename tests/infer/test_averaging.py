import pytest
import torch

from omentum.infer.averaging import mean_probability
from omentum.infer.sliding import sliding_slabs
from omentum.infer.windows import plan_windows
from reference.sliding import blended_logits


def logits(seed, scale=6.0, dtype=torch.float32):
    return (torch.randn(2, 3, 5, 4, 6, generator=torch.Generator().manual_seed(seed)) * scale).to(dtype)


def always(answer):
    return lambda windows: answer.clone()


def slow_mean(*answers):
    """The definition, in float64."""
    return torch.stack([answer.double().sigmoid() for answer in answers]).mean(0)


def test_the_probabilities_are_averaged_and_not_the_logits():
    answers = [logits(seed) for seed in range(3)]
    mean = mean_probability([always(answer) for answer in answers])(torch.zeros(1))
    torch.testing.assert_close(mean.double().sigmoid(), slow_mean(*answers), rtol=1e-5, atol=0)
    one_sided = mean_probability(
        [always(torch.tensor([30.0])), always(torch.tensor([-2.0])), always(torch.tensor([-2.0]))]
    )
    assert one_sided(torch.zeros(1)) < 0  # (1 + 2 * 0.12) / 3 < 0.5, although the mean of the logits is positive


@pytest.mark.parametrize("size", [0.0, 5.0, 15.0, 40.0, 79.0])
def test_twice_the_same_network_says_what_it_says_alone(size):
    answer = torch.tensor([size, -size])
    twice = mean_probability([always(answer), always(answer)])(torch.zeros(1))
    torch.testing.assert_close(twice, answer, rtol=1e-5, atol=1e-6)


def test_logits_that_are_huge_stay_numbers():
    mean = mean_probability([always(torch.tensor([1e4, -1e4])), always(torch.tensor([1e4, 1e4]))])(torch.zeros(1))
    assert mean[0] >= 79
    assert mean[1] == pytest.approx(0, abs=1e-5)


def test_narrow_logits_stay_narrow():
    answers = [logits(seed, dtype=torch.float16) for seed in range(2)]
    mean = mean_probability([always(answer) for answer in answers])(torch.zeros(1))
    assert mean.dtype == torch.float16
    torch.testing.assert_close(mean.double().sigmoid(), slow_mean(*answers), rtol=0.01, atol=1e-6)


def test_one_network_is_given_back_and_the_others_are_left_as_they_are():
    only = always(logits(0))
    assert mean_probability([only]) is only
    answer = logits(1)
    mean_probability([lambda windows: answer, lambda windows: answer])(torch.zeros(1))
    assert torch.equal(answer, logits(1))


PATCH = (8, 8, 8)


def network(seed):
    """Answers that depend on the whole window, so that overlapping windows contradict one another."""
    towards = torch.randn(2, 1, 1, 1, generator=torch.Generator().manual_seed(seed)) * 30

    def predict(windows):
        return (windows - windows.mean(dim=(2, 3, 4), keepdim=True)) * towards

    return predict


def map_of(image, predict):
    slabs = sliding_slabs(image, predict, plan_windows(tuple(image.shape), PATCH))
    return torch.cat([slab.logits for slab in slabs], dim=-1).sigmoid()


@pytest.mark.parametrize(("shape", "windows_overlap"), [((8, 8, 8), False), ((13, 9, 20), True)])
def test_what_is_averaged_is_each_window_before_windows_are_blended(shape, windows_overlap):
    image = torch.rand(shape, generator=torch.Generator().manual_seed(3)) + torch.linspace(0, 2, shape[2])
    members = [network(0), network(1)]

    def each_window(windows):
        return torch.stack([member(windows).double().sigmoid() for member in members]).mean(0).logit().float()

    together = map_of(image, mean_probability(members))
    expected = blended_logits(image, each_window, PATCH).sigmoid()
    torch.testing.assert_close(together, expected.to(together), rtol=0, atol=1e-5)
    mean_of_maps = torch.stack([map_of(image, member) for member in members]).mean(0)
    difference = float((together - mean_of_maps).abs().max())
    assert difference > 0.01 if windows_overlap else difference < 1e-6


def test_a_channel_is_the_mean_of_the_networks_that_have_it():
    one, other = torch.tensor([[2.0, -3.0]]), torch.tensor([[0.5, 1.0]])
    networks = [lambda windows: one.clone(), lambda windows: other.clone()]
    found = mean_probability(networks, [[0, 1], [1, 2]])(torch.zeros(1))
    shared = (torch.sigmoid(one[0, 1]) + torch.sigmoid(other[0, 0])) / 2
    torch.testing.assert_close(torch.sigmoid(found[0, 1]), shared)
    torch.testing.assert_close(found[0, [0, 2]], torch.tensor([2.0, 1.0]))


def test_one_network_whose_channels_are_in_another_order_is_put_in_order():
    found = mean_probability([lambda windows: torch.tensor([[2.0, -3.0]])], [[1, 0]])(torch.zeros(1))
    torch.testing.assert_close(found, torch.tensor([[-3.0, 2.0]]))
