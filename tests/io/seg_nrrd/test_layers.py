"""As few layers as keep apart what overlaps: never one too many, never two in one place."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from omentum.io.seg_nrrd.layers import share_layers


def fewest(keys, pairs):
    """By trying every placement."""
    for number in itertools.count(1):
        for placed in itertools.product(range(number), repeat=len(keys)):
            layer = dict(zip(keys, placed, strict=True))
            if all(layer[a] != layer[b] for a, b in pairs):
                return number


@given(seed=st.integers(0, 2**32 - 1), number=st.integers(1, 6), share=st.sampled_from([0.1, 0.3, 0.6, 0.9]))
def test_there_are_as_few_as_there_can_be(seed, number, share):
    random = np.random.default_rng(seed)
    keys = [f"s{n}" for n in range(number)]
    pairs = [pair for pair in itertools.combinations(keys, 2) if random.random() < share]
    layers = share_layers(keys, [frozenset(pair) for pair in pairs])
    assert list(layers) == keys
    assert all(layers[a] != layers[b] for a, b in pairs)
    assert set(layers.values()) == set(range(fewest(keys, pairs)))


def test_what_is_in_one_place_takes_a_layer_each_and_all_else_shares_them():
    sets = [frozenset("abc"), frozenset("cd"), frozenset("e")]
    layers = share_layers("abcdef", sets)
    assert sorted(layers[key] for key in "abc") == [0, 1, 2]
    assert layers["d"] != layers["c"]
    assert layers["d"] < 3
    assert layers["e"] == layers["f"] == 0


def test_a_ring_of_five_takes_three_and_a_wheel_four():
    ring = [frozenset(pair) for pair in ("ab", "bc", "cd", "de", "ea")]
    assert max(share_layers("abcde", ring).values()) == 2
    assert max(share_layers("abcdeh", [*ring, *(frozenset(("h", key)) for key in "abcde")]).values()) == 3


def test_nothing_overlapping_is_one_layer():
    assert share_layers(["a", "b"], []) == {"a": 0, "b": 0}
    assert share_layers([], []) == {}


def test_a_tangle_is_settled_without_trying_everything():
    random = np.random.default_rng(3)
    keys = [f"s{n}" for n in range(100)]
    sets = [frozenset(pair) for pair in itertools.combinations(keys, 2) if random.random() < 0.5]
    layers = share_layers(keys, sets)
    assert all(len({layers[key] for key in pair}) == 2 for pair in sets)
