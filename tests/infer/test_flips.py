import torch

from omentum.infer.flips import flip_ensemble


def right_of_it(windows):
    """Channel 0 sees what lies at higher x, channel 1 what lies at lower x: a pair of sides."""
    return torch.cat([windows.roll(-1, 2), windows.roll(1, 2), windows], dim=1)


def test_a_network_that_knows_its_sides_says_the_same_of_a_mirrored_body():
    windows = torch.rand(2, 1, 6, 5, 4, generator=torch.Generator().manual_seed(0))
    predict = flip_ensemble(right_of_it, ("x", "z"), [1, 0, 2])
    torch.testing.assert_close(predict(windows), right_of_it(windows))
    wrong = flip_ensemble(right_of_it, ("x",), [0, 1, 2])(windows)
    assert not torch.allclose(wrong[:, :2], right_of_it(windows)[:, :2])


def test_a_side_without_its_pair_keeps_what_unmirrored_bodies_say():
    """Mirrored along x, a right kidney looks like a left one, which a network without it cannot say."""
    windows = torch.rand(1, 1, 6, 5, 4, generator=torch.Generator().manual_seed(1))
    known = torch.tensor(7.0)

    def right_and_whole(seen):
        return torch.cat([seen.roll(-1, 2), seen + known], dim=1)

    found = flip_ensemble(right_and_whole, ("x",), [None, 1])(windows)
    torch.testing.assert_close(found, right_and_whole(windows))

    def at_the_front(seen):
        return torch.cat([seen.roll(1, 3), seen], dim=1)

    both = flip_ensemble(at_the_front, ("x", "y"), [None, 1])(windows)
    torch.testing.assert_close(both[:, :1], (windows.roll(1, 3) + windows.roll(-1, 3)) / 2)
    torch.testing.assert_close(both[:, 1:], windows)


def test_every_combination_of_axes_is_looked_at_once():
    seen = []

    def predict(windows):
        seen.append(windows.clone())
        return windows

    window = torch.arange(8.0).view(1, 1, 2, 2, 2)
    flip_ensemble(predict, ("y", "z"), [0])(window)
    expected = [window, window.flip(3), window.flip(4), window.flip(3, 4)]
    assert len(seen) == 4
    assert all(torch.equal(a, b) for a, b in zip(seen, expected, strict=True))


def test_without_axes_nothing_is_wrapped():
    assert flip_ensemble(right_of_it, (), [0]) is right_of_it
