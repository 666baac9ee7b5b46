from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.image import imread
from shared_data import shared

from omentum.anatomy import STRUCTURES
from omentum.errors import GeometryError
from omentum.evaluate import load_mapping
from omentum.io.labels import read_labels
from omentum.io.nifti import read_volume
from omentum.measure.measures import measure
from omentum.report.preview import preview_png, slide
from omentum.segmentation import Segmentation
from omentum.volume import Volume

SHAPE = (40, 30, 36)
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])


def body(keys=("liver", "spleen")):
    """Liver on the patient's right, spleen on the left, further structures as small blocks between them."""
    hu = np.full(SHAPE, -1000, np.int16)
    hu[3:37, 3:27, :] = 40
    masks = {key: np.zeros(SHAPE, bool) for key in keys}
    for n, mask in enumerate(masks.values()):
        mask[26:34, 8:20, 10:26] = n == 0
        mask[6:14, 8:20, 10:26] = n == 1
        mask[15 + n % 8, 10 + n // 8, 14:20] |= n > 1
    return Volume(hu, AFFINE), Segmentation.from_masks(masks, AFFINE)


def pixels(png):
    return (imread(io.BytesIO(png), format="png")[..., :3] * 255).round().astype(int)


def near(picture, key):
    """Columns of the pixels drawn in a structure's own colour."""
    return np.nonzero((np.abs(picture - np.array(STRUCTURES[key].colour)).max(axis=-1) < 12).any(axis=0))[0]


def test_the_liver_is_drawn_on_the_left_of_the_axial_picture_and_the_spleen_on_its_right():
    ct, seg = body()
    picture = pixels(preview_png(ct, seg))
    assert picture.shape == (1080, 1920, 3)
    axial = next(a for a in slide(ct, seg, "", measure(ct, seg)).axes if a.get_title(loc="left") == "Axial")
    x0, y0, x1, y1 = (axial.get_position().extents * [1920, 1080, 1920, 1080]).astype(int)
    picture = picture[1080 - y1 : 1080 - y0, x0:x1]
    assert near(picture, "liver").max() < (x1 - x0) / 2 < near(picture, "spleen").min()


def test_the_picture_does_not_depend_on_the_storage_order():
    ct, seg = body()
    turned = np.zeros((4, 4))
    turned[:3, 0], turned[:3, 1], turned[:3, 2] = AFFINE[:3, 2], -AFFINE[:3, 0], AFFINE[:3, 1]
    turned[:, 3] = [3.0 * (SHAPE[0] - 1), 0, 0, 1]
    other_ct = Volume(ct.voxels.transpose(2, 0, 1)[:, ::-1], turned)
    other_seg = Segmentation(seg.bits.transpose(0, 3, 1, 2)[:, :, ::-1], turned, seg.classes)
    below_title = slice(120, None)
    np.testing.assert_array_equal(
        pixels(preview_png(ct, seg))[below_title], pixels(preview_png(other_ct, other_seg))[below_title]
    )


def test_thirty_two_entries_fit_and_none_runs_into_another():
    ct, seg = body(STRUCTURES.keys)
    figure = slide(ct, seg, "a" * 200, measure(ct, seg))
    renderer = figure.canvas.get_renderer()
    texts = [*figure.texts, *(t for axes in figure.axes for t in axes.texts)]
    places = [t.get_window_extent(renderer) for t in texts if t.get_text()]
    assert sum(t.get_text().endswith(" ml") for t in texts) == 32
    assert all(p.x0 >= 0 and p.x1 <= 1920 and p.y0 >= 0 and p.y1 <= 1080 for p in places)
    assert not any(a.overlaps(b) for n, a in enumerate(places) for b in places[:n])


def test_partly_imaged_structures_are_marked():
    ct, seg = body()
    cut = Segmentation(seg.bits[:, :30], seg.affine, seg.classes)
    figure = slide(Volume(ct.voxels[:30], AFFINE), cut, "", measure(Volume(ct.voxels[:30], AFFINE), cut))
    words = [t.get_text() for axes in figure.axes for t in axes.texts]
    assert "Liver †" in words
    assert "Spleen" in words


@pytest.mark.parametrize("case", ["", "$x_1$ \n tab\t", "山田\udcff"])
def test_any_name_and_an_empty_result_are_drawn(case):
    ct, seg = body()
    nothing = Segmentation(np.zeros_like(seg.bits), seg.affine, seg.classes)
    assert preview_png(ct, nothing, case=case).startswith(b"\x89PNG")


def test_one_slice_and_a_voxel_without_a_number_are_drawn():
    ct, seg = body()
    hu = ct.voxels[:, :, 17:18].astype(np.float32)
    hu[20, 20] = np.nan
    thin = Segmentation(seg.bits[..., 17:18], seg.affine, seg.classes)
    assert preview_png(Volume(hu, AFFINE), thin).startswith(b"\x89PNG")


def test_another_grid_is_refused():
    ct, seg = body()
    with pytest.raises(GeometryError):
        preview_png(Volume(ct.voxels, np.eye(4)), seg)


def test_a_real_abdomen_has_its_liver_on_the_left():
    folder = shared("data", "abdomen_3mm")
    ct = read_volume(folder / "ct.nii.gz")
    seg = read_labels(folder / "totalsegmentator_labels.nii.gz", load_mapping("totalsegmentator").labels)
    picture = pixels(preview_png(ct, seg))[200:780, 40:670]
    assert near(picture, "liver").mean() < 315 < near(picture, "spleen").mean()
