import numpy as np
import pytest

from omentum.data.sampling.balance import dataset_shares, structure_shares

CASES = np.array([100.0, 25.0, 1.0])
ONES = np.ones(3)


@pytest.mark.parametrize(
    ("temperature", "expected"), [(1, CASES / 126), (float("inf"), ONES / 3), (2, np.array([10, 5, 1]) / 16)]
)
def test_temperature_goes_from_every_case_to_every_dataset(temperature, expected):
    assert dataset_shares(CASES, ONES, temperature) == pytest.approx(expected)


def test_a_weight_multiplies_a_share():
    shares = dataset_shares(CASES, np.array([1.0, 4.0, 0.5]), float("inf"))
    assert shares == pytest.approx(np.array([1, 4, 0.5]) / 5.5)


def test_datasets_keep_their_shares_whatever_they_show():
    rng = np.random.default_rng(0)
    having = rng.integers(0, 50, (5, 8)) * (rng.random((5, 8)) < 0.5)
    having[:, 0] = 7
    datasets = dataset_shares(rng.integers(1, 200, 5).astype(float), np.ones(5), 2)
    shares = structure_shares(having.astype(float), datasets, np.ones(8), 2)
    assert shares.sum(1) == pytest.approx(datasets)
    assert (shares[having == 0] == 0).all()
    assert (shares[having > 0] > 0).all()


def test_alike_datasets_show_structures_as_their_weights_say():
    shares = structure_shares(np.full((2, 3), 9.0), np.array([0.5, 0.5]), np.array([1.0, 1.0, 2.0]), 2)
    assert shares.sum(0) == pytest.approx([0.25, 0.25, 0.5])


def test_what_few_datasets_show_is_shown_more_often_there():
    """Three datasets have liver (0) and one of them an adrenal (1) too: it makes up for the others."""
    having, datasets = np.array([[20.0, 20.0], [20.0, 0], [20.0, 0]]), np.ones(3) / 3
    shares = structure_shares(having, datasets, np.ones(2), float("inf"))
    assert shares[0, 1] > 0.6 * shares[0].sum()
    assert shares[0, 0] > 0.1 * shares[0].sum()


def test_the_shares_do_not_change_with_the_number_of_rounds(monkeypatch):
    having = np.array([[50.0, 3.0, 0], [10.0, 0, 10.0], [0, 0, 1.0]])
    args = (having, np.array([0.5, 0.3, 0.2]), np.array([1.0, 2.0, 2.0]), 2)
    found = structure_shares(*args)
    monkeypatch.setattr("omentum.data.sampling.balance.ROUNDS", 1000)
    assert structure_shares(*args) == pytest.approx(found, abs=1e-9)


def test_a_rare_structure_of_one_case_is_not_shown_all_the_time():
    having = np.array([[100.0, 1.0]])
    shares = structure_shares(having, np.ones(1), np.ones(2), 2)
    assert shares[0, 1] == pytest.approx(1 / 11)
