import pytest
from toy_run import changed

from omentum.train.optimise.schedule import rate_share


def test_the_rate_warms_up_holds_and_ends_near_zero():
    config = changed(steps=100, warmup_steps=10, plateau_fraction=0.5)
    shares = [rate_share(config, step) for step in range(100)]
    assert shares[0] == pytest.approx(0.1)
    assert shares[9:55] == [1.0] * 46
    assert shares[55:] == sorted(shares[55:], reverse=True)
    assert shares[-1] < 0.01


def test_it_may_move_once_an_epoch():
    by_step = changed(steps=100, warmup_steps=10, plateau_fraction=0.0)
    by_epoch = changed(steps=1000, warmup_steps=100, plateau_fraction=0.0, lr_update_every=10)
    for step in range(1000):
        assert rate_share(by_epoch, step) == pytest.approx(rate_share(by_step, step // 10))
    uneven = changed(steps=100, warmup_steps=15, lr_update_every=10)
    assert max(rate_share(uneven, step) for step in range(100)) == 1


def test_without_a_plateau_it_is_the_usual_cosine():
    config = changed(steps=110, warmup_steps=10, plateau_fraction=0.0)
    assert rate_share(config, 60) == pytest.approx(0.5)
