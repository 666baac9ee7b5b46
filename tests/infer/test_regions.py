import itertools

import numpy as np
import pytest
import torch
from torch import nn

from omentum.boxes import box_of, starts, stops
from omentum.infer.blend import Slab
from omentum.infer.regions import Border, ClassBox, Region, find_class_boxes
from omentum.infer.sliding import WindowRun, sliding_slabs
from omentum.infer.windows import plan_windows

SHAPE, PATCH = (50, 40, 60), (16, 20, 24)
BOXES = {
    "in the middle": (box_of((20, 15, 25), (28, 20, 33)),),
    "low corner": (box_of((0, 0, 0), (3, 4, 5)),),
    "high corner": (box_of((45, 36, 57), (50, 40, 60)),),
    "two with a gap": (box_of((2, 2, 2), (6, 6, 6)), box_of((40, 30, 50), (44, 34, 55))),
    "everything": (box_of((0, 0, 0), SHAPE),),
}


class WindowWise(nn.Module):
    """A network whose answer depends on the whole window."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.local = nn.Conv3d(1, 6, 3, padding=1)
        self.mix = nn.Conv3d(6, 2, 1)

    def forward(self, x):
        features = torch.tanh(self.local(x))
        return self.mix(features * (1 + features.mean(dim=(2, 3, 4), keepdim=True)))


def put_together(slabs, shape):
    """All slabs in one array, checked to follow on one another up to the top; they may begin late."""
    whole, end = None, None
    for slab in slabs:
        whole = torch.zeros(slab.sums.shape[0], *shape) if whole is None else whole
        assert end in (None, slab.start)
        end = slab.start + slab.sums.shape[-1]
        whole[..., slab.start : end] = slab.logits
    assert end == shape[2]
    return whole


@pytest.mark.parametrize("boxes", BOXES.values(), ids=BOXES.keys())
def test_inside_the_boxes_the_logits_are_those_of_a_whole_scan(boxes):
    image, network = torch.rand(*SHAPE, generator=torch.Generator().manual_seed(1)), WindowWise().eval()
    plan, region = plan_windows(SHAPE, PATCH), Region(SHAPE, boxes)
    whole = put_together(sliding_slabs(image, network, plan), SHAPE)
    some_plan = region.windows(plan)
    some = put_together(Border(region).keep(sliding_slabs(image, network, some_plan)), SHAPE)
    inside = torch.from_numpy(region.inside())
    assert torch.equal(some[:, inside], whole[:, inside])
    assert not (some[:, ~inside] > 0).any()
    assert (len(some_plan) < len(plan)) == (region != Region.everything(SHAPE))


def test_windows_that_meet_no_box_are_not_run():
    """Every window that is run has a voxel in a box, also where the volume is padded; and none of those is missing."""
    shape = (10, 40, 60)
    plan, region = (
        plan_windows(shape, PATCH),
        Region(shape, (box_of((0, 0, 0), (4, 5, 6)), box_of((8, 39, 20), (10, 40, 30)))),
    )
    padded = np.pad(region.inside(), list(zip(plan.before, plan.after, strict=True)))
    kept = region.windows(plan).wanted
    for start in itertools.product(*plan.starts):
        where = tuple(slice(s, s + p) for s, p in zip(start, PATCH, strict=True))
        assert (start in kept) == padded[where].any()


def test_progress_counts_the_windows_that_are_run():
    told = []
    plan = Region(SHAPE, BOXES["two with a gap"]).windows(plan_windows(SHAPE, PATCH))
    run = WindowRun(batch=2, progress=lambda done, of: told.append((done, of)))
    for _ in sliding_slabs(torch.rand(*SHAPE), lambda w: w, plan, run):
        pass
    assert told[-1] == (len(plan), len(plan))
    assert [done for done, _ in told] == sorted({done for done, _ in told})


def ball_logits(shape, centre, radius):
    index = np.moveaxis(np.indices(shape), 0, -1)
    return torch.from_numpy(radius - np.linalg.norm(index - centre, axis=-1)).float()[None]


def slabs_of(logits, thickness=7):
    logits = logits.clone()  # what is handed out may be written to
    parts = [(z, logits[..., z : z + thickness]) for z in range(0, logits.shape[-1], thickness)]
    return [Slab(z, part, torch.ones(part.shape[1:])) for z, part in parts]


def test_boxes_around_what_is_positive():
    one, other = (ball_logits(SHAPE, centre, 5.5)[0] for centre in ((10, 20, 15), (40, 8, 40)))
    found = find_class_boxes(slabs_of(torch.stack([one, torch.full(SHAPE, -1.0), torch.maximum(one, other)])))
    voxels = int((one > 0).sum())
    assert found == {
        0: ClassBox(box_of((5, 15, 10), (16, 26, 21)), voxels),
        2: ClassBox(box_of((5, 3, 10), (46, 26, 46)), voxels + int((other > 0).sum())),
    }


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("high", [False, True])
def test_what_is_cut_off_is_seen_at_the_border_and_the_box_grows_there(axis, high):
    low, stop = [10, 10, 10], [40, 30, 50]
    (stop if high else low)[axis] = 22  # through the ball
    region = Region(SHAPE, (box_of(low, stop),))
    logits = ball_logits(SHAPE, (22, 20, 22), 8.5)
    border = Border(region)
    kept = put_together(border.keep(slabs_of(logits)), SHAPE)
    assert border.touched.any()
    grown = region.grown(border.touched, (12, 12, 12))
    (box,) = grown.boxes
    ends = [(starts(one), stops(one)) for one in (box, region.boxes[0])]
    changed = [(n, a) for n in (0, 1) for a in range(3) if ends[0][n][a] != ends[1][n][a]]
    assert changed == [(int(high), axis)]
    assert not (kept > 0).numpy()[0][~region.inside()].any()
    again = Border(grown)
    assert torch.equal(put_together(again.keep(slabs_of(logits)), SHAPE) > 0, logits > 0)
    assert not again.touched.any()


def test_a_box_grows_to_the_edge_of_the_volume_and_no_further():
    """On all sides at once, by other steps along each axis."""
    region = Region(SHAPE, (box_of((5, 20, 1), (48, 30, 50)),))
    touched = region.inside()
    assert region.grown(touched, (12, 4, 3)).boxes == (box_of((0, 16, 0), (50, 34, 53)),)
    assert region.grown(np.zeros_like(touched), (12, 4, 3)) == region


def test_the_edge_of_the_scan_and_a_neighbouring_box_are_no_border():
    logits = ball_logits(SHAPE, (0, 20, 30), 9.5)
    edge = Border(Region(SHAPE, (box_of((0, 5, 15), (15, 35, 45)),)))
    two = Border(Region(SHAPE, (box_of((0, 5, 15), (15, 20, 45)), box_of((0, 18, 15), (15, 35, 45)))))
    for border in (edge, two):
        list(border.keep(slabs_of(logits)))
        assert not border.touched.any()
