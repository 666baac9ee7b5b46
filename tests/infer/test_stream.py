import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from omentum.infer.blend import Slab
from omentum.infer.stream import AxisPositions, pack_slabs
from omentum.preprocess.resample import sample_along


def slabs_of(logits, cuts):
    edges = [0, *cuts, logits.shape[-1]]
    random = torch.rand(logits.shape[1:], generator=torch.Generator().manual_seed(7))
    weights = torch.exp2((random * 4).round() - 2)  # powers of two: dividing by them is exact
    return [Slab(a, (logits * weights)[..., a:b], weights[..., a:b]) for a, b in itertools.pairwise(edges) if a < b]


def packed(logits, axes, cuts=()):
    """Everything put together, checked to go upwards without overlap; empty where nothing came."""
    planes = -(-logits.shape[0] // 64)
    out = np.zeros((planes, *(len(a.centres) for a in axes)), np.uint64)
    done = 0
    for part in pack_slabs(slabs_of(logits, cuts), axes, sample_along):
        assert part.box[2].start >= done
        assert part.bits.dtype == (np.uint32 if logits.shape[0] <= 32 else np.uint64)
        done = part.box[2].stop
        out[:, *part.box] = part.bits
    return out


def slow(logits, axes):
    """Every class interpolated over the whole grid, cut off outside, thresholded, packed."""
    values = logits
    for axis in (2, 1, 0):
        values = sample_along(values, axis + 1, axes[axis].centres)
    outside = torch.zeros(values.shape[1:], dtype=torch.bool)
    for axis, positions in enumerate(axes):
        beyond = (positions.centres < -0.5 - 1e-6) | (positions.centres > positions.length - 0.5 + 1e-6)
        shape = [1, 1, 1]
        shape[axis] = -1
        outside |= torch.from_numpy(beyond).view(shape)
    masks = ((values > 0) & ~outside).numpy()
    out = np.zeros((-(-len(masks) // 64), *masks.shape[1:]), np.uint64)
    for k, mask in enumerate(masks):
        out[k // 64][mask] |= np.uint64(1 << (k % 64))
    return out


def random_logits(seed, classes, shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(classes, *shape, generator=generator) - 0.7


def axes_of(shape, ratios, offsets, lengths):
    return tuple(
        AxisPositions(np.arange(m) * r + o, n) for n, r, o, m in zip(shape, ratios, offsets, lengths, strict=True)
    )


@given(
    seed=st.integers(0, 100),
    shape=st.tuples(*[st.integers(1, 12)] * 2, st.integers(1, 40)),
    ratios=st.tuples(*[st.sampled_from([0.24, 0.5, 1.0, 1.7, 4.0])] * 3),
    offsets=st.tuples(*[st.sampled_from([-6.3, -0.5, 0.0, 0.25])] * 3),
    cuts=st.lists(st.integers(1, 39), max_size=3).map(sorted),
)
def test_equals_interpolating_everything(seed, shape, ratios, offsets, cuts):
    logits = random_logits(seed, 3, shape)
    lengths = [max(1, round(n / r) + 3) for n, r in zip(shape, ratios, strict=True)]
    axes = axes_of(shape, ratios, offsets, lengths)
    np.testing.assert_array_equal(packed(logits, axes, [c for c in cuts if c < shape[2]]), slow(logits, axes))


def test_more_than_64_classes_go_to_more_planes():
    logits = random_logits(0, 130, (4, 5, 6))
    axes = axes_of((4, 5, 6), (1.0,) * 3, (0.0,) * 3, (4, 5, 6))
    bits = packed(logits, axes)
    assert bits.shape[0] == 3
    np.testing.assert_array_equal(bits, slow(logits, axes))
    assert (bits[0] >> np.uint64(63)).any()  # the sign bit of the tensors it was packed with


def test_where_nothing_is_positive_nothing_is_set():
    axes = axes_of((4, 5, 6), (0.5,) * 3, (0.0,) * 3, (8, 10, 12))
    assert not packed(torch.full((2, 4, 5, 6), -1.0), axes).any()


@pytest.mark.parametrize("cuts", [[], [1], [5, 6, 7], [16], [20, 39]])
def test_where_slabs_end_does_not_matter(cuts):
    logits = random_logits(1, 2, (5, 6, 40))
    axes = axes_of((5, 6, 40), (0.7, 0.4, 0.31), (0.0,) * 3, (7, 14, 127))
    np.testing.assert_array_equal(packed(logits, axes, cuts), packed(logits, axes))
