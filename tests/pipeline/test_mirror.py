"""A mirrored image is known by what is clearer in its mirror image; a straight one costs no second look."""

import json

import numpy as np
import pytest
from banded_phantom import ras_grid, stored
from shared_data import shared
from strategies import STORAGE_ORDERS, in_storage_order
from threshold_model import ThresholdModel

from omentum.axis_order import axis_order
from omentum.io.nifti import read_volume
from omentum.pipeline import segment
from omentum.pipeline.mirror import MirrorCheck, compare
from omentum.quality import Confidence
from omentum.spec import PreprocessSpec
from omentum.volume import Volume

SPEC = PreprocessSpec(spacing_mm=(2.0, 2.0, 2.0), patch=(64, 64, 64))
BANDS = {"liver": (90, 110), "spleen": (120, 130), "stomach": (140, 150)}
STRAIGHT = {"liver": 20, "spleen": -20, "stomach": -8}
"""x of each organ's middle, mm."""


class SidedModel(ThresholdModel):
    """Sure of organs in their half of the window, unsure of them in the other."""

    def forward(self, x, classes=None):
        logits = super().forward(x, classes) * 2
        right_half = np.arange(x.shape[2]) >= x.shape[2] / 2
        sides = [right_half if key == "liver" else ~right_half for key in self.spec.class_keys]
        for k, channel in enumerate(range(len(sides)) if classes is None else classes):
            logits[:, k][:, ~sides[channel]] *= 0.05
        return logits


def body(sign, grid=None):
    """A box of fat with three organs; mirrored if the sign is -1."""
    grid = grid or ras_grid((2.0, 2.0, 2.0), (110, 90, 80))
    where = np.moveaxis(grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1)), -1, 0)
    hu = np.full(grid.shape, -1000, np.int16)
    hu[(np.abs(where[0]) < 50) & (np.abs(where[1]) < 40) & (np.abs(where[2]) < 36)] = -100
    for n, (key, x) in enumerate(STRAIGHT.items()):
        ball = (where[0] - sign * x) ** 2 + (where[1] - 12 * (n - 1)) ** 2 + where[2] ** 2 < 7**2
        hu[ball] = np.mean(BANDS[key])
    return Volume(hu, grid.affine)


def seen(ct, **options):
    return segment(ct, weights=SidedModel(SPEC, BANDS), device="cpu", postprocess="none", **options)


@pytest.mark.parametrize(
    "order",
    [((0, 1, 2), (False, False, False)), ((2, 0, 1), (True, False, True)), ((1, 0, 2), (False, True, False))],
    ids=str,
)
def test_a_mirrored_body_is_flagged_whatever_its_storage_order(order):
    grid = stored(ras_grid((2.0, 2.0, 2.0), (110, 90, 80)), *order)
    straight, mirrored = seen(body(1, grid)), seen(body(-1, grid))
    assert straight.manifest["mirror"] == {"checked": False, "clearer_mirrored": {}, "mirrored": False}
    assert not [f for f in straight.quality().flags if f.code == "mirrored"]
    assert mirrored.manifest["mirror"]["mirrored"]
    (flag,) = [f for f in mirrored.quality().flags if f.code == "mirrored"]
    assert (flag.severity, flag.structure) == ("error", "")
    assert "mirrored image or situs inversus" in flag.text
    assert "liver 1.00, as stored" in flag.text


def test_parts_of_a_scan_and_other_structures_cannot_tell():
    assert not seen(body(-1), classes=["liver"]).manifest["mirror"]["checked"]
    assert not seen(body(-1), classes=["spleen", "stomach"]).manifest["mirror"]["checked"]


def test_progress_goes_on_to_its_end():
    told = []
    seen(body(-1), progress=lambda done, of: told.append((done, of)))
    assert told[-1][0] == told[-1][1]
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def sure(**probabilities):
    return {key: Confidence(p, None, None) for key, p in probabilities.items()}


@pytest.mark.parametrize(
    ("seen", "again", "mirrored"),
    [
        (sure(liver=0.88, stomach=0.8, aorta=0.9), sure(liver=0.95, stomach=0.93, aorta=0.94), True),
        (sure(liver=0.88, stomach=0.8), sure(liver=0.95, stomach=0.93, aorta=0.94), True),
        (sure(liver=0.88, stomach=0.8, aorta=0.9), sure(liver=0.95, stomach=0.93, aorta=0.9), False),
        (sure(liver=0.88, stomach=0.8, aorta=0.9, spleen=0.95), sure(liver=0.95, stomach=0.9, aorta=0.94), False),
        (
            sure(liver=0.9, stomach=0.8, aorta=0.9, spleen=0.8),
            sure(liver=0.9, stomach=0.9, aorta=0.94, spleen=0.9),
            False,
        ),
        (sure(liver=0.9, stomach=0.9, aorta=0.9), sure(liver=0.85, stomach=0.8, aorta=0.88), False),
    ],
)
def test_several_organs_must_agree_and_none_object(seen, again, mirrored):
    assert compare(seen, again).mirrored == mirrored


@pytest.mark.parametrize("axes_signs", [STORAGE_ORDERS[0], STORAGE_ORDERS[29]], ids=str)
def test_a_real_chest_and_abdomen_is_known_from_its_mirror_image(axes_signs):
    ct = read_volume(shared("data", "cip_ct64", "ct.nii.gz"))
    order = axis_order(ct.grid)
    upright = order.grid(ct.grid)
    hu = np.asarray(order.view(np.asarray(ct.voxels)))
    for mirrored in (False, True):
        voxels, affine = in_storage_order(hu[::-1] if mirrored else hu, upright.affine, *axes_signs)
        flags = segment(Volume(voxels, affine), device="cpu", profile="fast").quality().flags
        assert [f.severity for f in flags if f.code == "mirrored"] == (["error"] if mirrored else [])


def test_the_entry_of_the_manifest_is_read_back():
    check = MirrorCheck(True, {"liver": (0.85, 0.95), "spleen": (0.9, 0.93)}, True)
    assert MirrorCheck.from_json(json.loads(json.dumps(check.to_json()))) == check
