"""Probability maps are those of interpolating everything, whatever the slabs, and hold nothing where all is 0."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from omentum.errors import UsageError
from omentum.infer.maps import PLANES, STEPS, ProbabilityMaps, box_above, check_kind, cut
from omentum.infer.stream import pack_slabs
from omentum.preprocess.resample import sample_along

from .test_stream import axes_of, random_logits, slabs_of

OFFSETS = [0.0, -1.5, 2.0]


def mapped(logits, axes, cuts=(), kind="uint8", offsets=OFFSETS):
    """Every class's map put together; no voxel is told twice."""
    shape = tuple(len(a.centres) for a in axes)
    maps, told = np.zeros((len(logits), *shape), kind), np.zeros((len(logits), *shape), int)

    def keep(k, box, part):
        assert part.dtype == kind
        assert part.shape[2] <= PLANES
        maps[k][box] = part
        told[k][box] += 1

    for _ in pack_slabs(slabs_of(logits, cuts), axes, sample_along, None, ProbabilityMaps(kind, offsets, keep)):
        pass
    assert told.max() <= 1
    return maps


def slow(logits, axes, kind, offsets=OFFSETS):
    values = logits.double()
    for axis in (2, 1, 0):
        values = sample_along(values, axis + 1, axes[axis].centres)
    steps = (torch.sigmoid(values + torch.tensor(offsets)[:, None, None, None]) * STEPS[kind]).numpy()
    for axis, positions in enumerate(axes):
        beyond = (positions.centres < -0.5 - 1e-6) | (positions.centres > positions.length - 0.5 + 1e-6)
        steps[(slice(None), *[slice(None)] * axis, beyond)] = 0
    return steps


@given(
    seed=st.integers(0, 100),
    shape=st.tuples(*[st.integers(1, 10)] * 2, st.integers(1, 40)),
    ratios=st.tuples(*[st.sampled_from([0.24, 0.5, 1.0, 1.7, 4.0])] * 3),
    offsets=st.tuples(*[st.sampled_from([-6.3, -0.5, 0.0, 0.25])] * 3),
    cuts=st.lists(st.integers(1, 39), max_size=3).map(sorted),
    kind=st.sampled_from(list(STEPS)),
)
def test_equals_interpolating_everything(seed, shape, ratios, offsets, cuts, kind):
    logits = random_logits(seed, 3, shape) * 4 - 3
    lengths = [max(1, round(n / r) + 3) for n, r in zip(shape, ratios, strict=True)]
    axes = axes_of(shape, ratios, offsets, lengths)
    found = mapped(logits, axes, [c for c in cuts if c < shape[2]], kind)
    np.testing.assert_allclose(found, slow(logits, axes, kind), atol=0.51 if kind == "uint8" else 0.6)


def test_what_rounds_to_nothing_is_not_even_told():
    axes = axes_of((4, 5, 6), (0.5,) * 3, (0.0,) * 3, (8, 10, 12))
    told = []
    maps = ProbabilityMaps("uint8", [0.0], lambda *part: told.append(part))
    low = torch.full((1, 4, 5, 6), maps.least(0) - 1e-3)
    list(pack_slabs(slabs_of(low, []), axes, sample_along, None, maps))
    assert not told
    low[0, 2, 2, 3] += 0.01  # one step
    list(pack_slabs(slabs_of(low, []), axes, sample_along, None, maps))
    assert [part.max() for _, _, part in told] == [1]


def test_planes_are_computed_a_few_at_a_time():
    runs = cut(slice(3, 3 + 2 * PLANES + 5))
    assert [run.stop - run.start for run in runs] == [PLANES, PLANES, 5]
    assert (runs[0].start, runs[-1].stop) == (3, 3 + 2 * PLANES + 5)
    assert cut(slice(4, 4)) == []


def test_the_box_holds_the_neighbours_too():
    logits = torch.full((6, 7, 8), -1.0)
    assert box_above(logits, 0.0) is None
    logits[0, 3, 7] = 1.0
    assert box_above(logits, 0.0) == (slice(0, 2), slice(2, 5), slice(6, 8))


@pytest.mark.parametrize("kind", ["float16", "float32", "int8", ""])
def test_other_numbers_are_refused(kind):
    with pytest.raises(UsageError, match=f"probabilities as '{kind}'.*"):
        check_kind(kind)
    check_kind(None)
