import itertools

import numpy as np
import pytest
import torch
from monai.inferers import sliding_window_inference
from torch import nn

from omentum.errors import UsageError
from omentum.infer.sliding import WindowRun, sliding_slabs
from omentum.infer.windows import plan_windows
from reference.sliding import blended_logits

SHAPES = [(40, 33, 57), (16, 16, 16), (9, 31, 70), (5, 6, 7), (1, 20, 33), (24, 1, 1), (17, 16, 47), (50, 40, 32)]
PATCH = (16, 20, 24)


class WindowWise(nn.Module):
    """A network whose answer depends on the whole window, as the text-driven head does (it pools over the window)."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.local = nn.Conv3d(1, 6, 3, padding=1)
        self.mix = nn.Conv3d(6, classes, 1)

    def forward(self, x):
        features = torch.tanh(self.local(x))
        return self.mix(features * (1 + features.mean(dim=(2, 3, 4), keepdim=True)))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return WindowWise().eval()


def image_of(shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def whole(image, network, run=None, patch=PATCH):
    """All slabs put together, checked to follow on one another."""
    slabs = sliding_slabs(image, network, plan_windows(tuple(image.shape), patch), run)
    starts, logits = zip(*((slab.start, slab.logits) for slab in slabs), strict=True)
    assert list(starts) == [0, *itertools.accumulate(part.shape[-1] for part in logits[:-1])]
    return torch.cat(logits, dim=-1)


@pytest.mark.parametrize("shape", SHAPES)
def test_equals_monai(shape, network):
    image = image_of(shape)
    with torch.inference_mode():
        theirs = sliding_window_inference(image[None, None], PATCH, 1, network, overlap=0.5, mode="gaussian")[0]
    ours = whole(image, network)
    assert ours.shape == theirs.shape
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_equals_the_slow_reference(shape, network):
    image = image_of(shape)
    with torch.inference_mode():
        slow = blended_logits(image, network, PATCH)
    torch.testing.assert_close(whole(image, network), slow, rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_weights_are_a_partition_of_unity(shape):
    ones = whole(image_of(shape), lambda windows: torch.ones_like(windows))
    torch.testing.assert_close(ones, torch.ones(1, *shape), rtol=0, atol=1e-5)


@pytest.mark.parametrize("batch", [2, 3, 64])
def test_the_batch_size_does_not_matter(batch, network):
    image = image_of((40, 33, 57))
    torch.testing.assert_close(whole(image, network, WindowRun(batch=batch)), whole(image, network), rtol=0, atol=1e-5)


def test_memory_is_bounded_by_the_height_of_a_window(network):
    image = image_of((16, 20, 480))
    slabs = sliding_slabs(image, network, plan_windows(tuple(image.shape), PATCH))
    memory = {(slab.sums.untyped_storage().data_ptr(), slab.sums.untyped_storage().nbytes()) for slab in slabs}
    assert [held for _, held in memory] == [3 * PATCH[0] * PATCH[1] * PATCH[2] * 4]  # one ring, as high as a window


def test_windows_that_hold_nothing_needed_are_left_out_and_nothing_needed_changes(network):
    image = image_of((40, 33, 97))
    needed = np.zeros(image.shape, bool)
    needed[30:35, 4:9, 50:60] = True
    every = plan_windows(tuple(image.shape), PATCH)
    plan, told = every.touching(needed), []
    logits = torch.full((3, *image.shape), torch.nan)
    run = WindowRun(batch=2, progress=lambda done, of: told.append((done, of)))
    for slab in sliding_slabs(image, network, plan, run):
        logits[..., slab.start : slab.start + slab.logits.shape[-1]] = slab.logits
    assert 0 < len(plan) < len(every) / 3
    assert told[-1] == (len(plan), len(plan))
    expected = whole(image, network)
    torch.testing.assert_close(logits[:, needed], expected[:, needed], rtol=0, atol=1e-5)
    assert (logits[:, :4, :, 60] == 0).all()  # where no window was run nothing is claimed


def test_windows_are_run_only_as_slabs_are_taken(network):
    seen = []
    image = image_of((16, 20, 480))
    plan = plan_windows(tuple(image.shape), PATCH)
    next(sliding_slabs(image, lambda w: seen.append(len(w)) or network(w), plan))
    assert len(seen) == 1 < len(plan)


def test_progress_counts_every_window(network):
    told = []
    image = image_of((40, 33, 57))
    whole(image, network, WindowRun(batch=3, progress=lambda done, of: told.append((done, of))))
    plan = plan_windows(tuple(image.shape), PATCH)
    assert told[-1] == (len(plan), len(plan))
    assert [done for done, _ in told] == sorted({done for done, _ in told})


def test_bf16_stays_close(network):
    image = image_of((40, 33, 57))
    rounded = whole(image, network, WindowRun(precision="bf16"))
    assert rounded.dtype == torch.float32
    difference = (rounded - whole(image, network)).abs()
    assert 0 < difference.max() < 0.05


def test_slabs_track_no_gradients(network):
    assert not whole(image_of((5, 6, 7)), network).requires_grad


@pytest.mark.parametrize(("options", "match"), [({"batch": 0}, "one window"), ({"precision": "int4"}, "int4")])
def test_impossible_options_are_refused(options, match):
    with pytest.raises(UsageError, match=match):
        WindowRun(**options)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_equals_cpu(network):
    image = image_of((40, 33, 57))
    run = WindowRun(device=torch.device("cuda"), batch=4)
    moved = network.to("cuda")
    try:
        there = whole(image, moved, run).cpu()
    finally:
        moved.to("cpu")
    torch.testing.assert_close(there, whole(image, network), rtol=0, atol=1e-3)


def test_sums_in_half_the_memory_move_a_logit_by_a_thousandth(network):
    image = image_of((40, 33, 57))
    wide, narrow = whole(image, network), whole(image, network, WindowRun(sums=torch.float16))
    assert narrow.dtype == torch.float32
    difference = (narrow - wide).abs()
    assert 0 < difference.max() <= 8 * 2**-11 * wide.abs().max()  # rounded once for each of the windows


def test_logits_beyond_all_measure_stay_numbers():
    endless = whole(image_of((40, 33, 57)), lambda windows: (windows - 0.5) * 1e9, WindowRun(sums=torch.float16))
    assert endless.isfinite().all()
    assert endless.abs().max() <= 501
    exact = whole(image_of((40, 33, 57)), lambda windows: (windows - 0.5) * 1e9)
    assert ((endless > 0) == (exact > 0)).float().mean() > 0.9999
