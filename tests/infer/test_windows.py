import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.data.utils import compute_importance_map, dense_patch_slices

from omentum.errors import UsageError
from omentum.infer.windows import importance, plan_windows

sizes = st.tuples(*[st.integers(1, 200)] * 3)
patches = st.tuples(*[st.integers(1, 96)] * 3)


@given(shape=sizes, patch=patches, overlap=st.sampled_from([0.0, 0.25, 0.5, 0.75]))
def test_windows_are_those_of_monai(shape, patch, overlap):
    plan = plan_windows(shape, patch, overlap)
    for starts, n, p in zip(plan.starts, plan.padded_shape, patch, strict=True):
        interval = p if p == n else max(int(p * (1 - overlap)), 1)  # MONAI's documented rule
        assert list(starts) == [window[0].start for window in dense_patch_slices((n,), (p,), (interval,))]


def test_every_combination_of_starts_is_a_window():
    plan = plan_windows((40, 33, 57), (16, 20, 24))
    windows = {(x, y, z) for z in plan.starts[2] for x, y in plan.columns(z)}
    assert windows == {tuple(s.start for s in w) for w in dense_patch_slices((40, 33, 57), (16, 20, 24), (8, 10, 12))}
    assert len(plan) == len(windows)


@given(shape=sizes, patch=patches)
def test_padding_is_shared_by_both_sides_the_extra_voxel_behind(shape, patch):
    plan = plan_windows(shape, patch)
    for before, after, n, p in zip(plan.before, plan.after, shape, patch, strict=True):
        assert before + n + after == max(n, p)
        assert after - before in {0, 1}


@pytest.mark.parametrize("patch", [(96, 96, 96), (32, 64, 48), (1, 7, 2)])
def test_importance_is_that_of_monai(patch):
    theirs = compute_importance_map(patch, mode="gaussian", sigma_scale=0.125)
    torch.testing.assert_close(importance(patch), theirs, rtol=0, atol=1e-6)


def test_importance_never_vanishes():
    assert importance((96, 96, 96)).min() >= 1e-3


@pytest.mark.parametrize("overlap", [-0.1, 1.0, 2.0])
def test_an_impossible_overlap_is_refused(overlap):
    with pytest.raises(UsageError, match="overlap"):
        plan_windows((10, 10, 10), (4, 4, 4), overlap)
