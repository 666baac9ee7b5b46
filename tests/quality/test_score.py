"""The score only falls with what is unusual; harm done to phantoms shows in it."""

import numpy as np
import pytest

from omentum.measure import measure
from omentum.quality.mask_features import mask_features
from omentum.quality.placement import Placement
from omentum.quality.score import FEATURES, LEARNED, ScoreModel, anomaly_scores, bundled_model, raw_features
from omentum.segmentation import Segmentation
from omentum.volume import Volume

SPACING_MM = 4.0
SHAPE = (40, 40, 40)
NOWHERE = Placement({}, {}, {})
"""Nothing to be said about places."""


def ball(radius_mm, centre=(20, 20, 20)):
    at = np.moveaxis(np.indices(SHAPE), 0, -1)
    return (((at - centre) * SPACING_MM) ** 2).sum(-1) <= radius_mm**2


def features(mask, *, hu=None, **others):
    organ = ball(45)
    voxels = np.where(organ, 110, -90).astype(np.int16) if hu is None else hu
    ct = Volume(voxels, np.diag([SPACING_MM] * 3 + [1.0]))
    seg = Segmentation.from_masks({"spleen": mask, **others}, ct.affine)
    m = measure(ct, seg)[0]
    return m, mask_features(ct, seg, m, seg.boxes()["spleen"])


def test_a_mask_on_its_organ_has_a_sharp_edge():
    _, found = features(ball(45))
    assert (found.components, found.outside_largest, found.holes_share, found.shared, found.outside_host) == (
        1,
        0,
        0,
        0,
        0,
    )
    assert found.similar_outside == found.dissimilar_inside == 0
    assert found.edge_hu == 200
    assert found.roughness == pytest.approx(np.log(36 * np.pi) / 3, abs=0.1)
    assert found.elongation == pytest.approx([np.log((6 / np.pi) ** (1 / 3))] * 3, abs=0.1)


def test_an_eroded_one_finds_itself_outside():
    assert features(ball(37))[1].similar_outside > 0.9


def test_what_a_neighbour_claims_is_not_counted_as_overlooked():
    _, found = features(ball(37), liver=ball(45) & ~ball(37))
    assert found.similar_outside == 0


def test_a_dilated_one_holds_something_else():
    assert features(ball(53))[1].dissimilar_inside > 0.3


def test_cavities_pieces_and_overlap():
    mask = (ball(45) & ~ball(12)) | ball(12, (4, 4, 4))
    _, found = features(mask, liver=ball(45, (28, 20, 20)))
    assert found.components == 2
    assert 0 < found.outside_largest < 0.05
    assert found.holes_share == 0  # the liver fills it
    assert found.shared > 0.4
    assert features(ball(45) & ~ball(12))[1].holes_share == pytest.approx(ball(12).sum() / ball(45).sum(), rel=0.05)


def test_voxels_without_a_number_are_borne():
    hu = np.where(ball(45), 110.0, np.nan)
    assert np.isfinite(features(ball(45), hu=hu)[1].edge_hu)


def test_a_part_in_the_image_is_not_asked_for_its_shape_or_size():
    m, found = features(ball(45, (3, 20, 20)))
    assert (found.roughness, found.elongation) == (None, None)
    values = dict(zip(FEATURES, anomaly_scores(m, found, NOWHERE, None, {}), strict=True))
    assert m.touches_border
    assert values["small"] == values["pair"] == 0


def test_the_bundled_numbers_are_complete_and_only_ever_lower_the_score():
    model = bundled_model()
    assert set(model.weights) == set(FEATURES)
    assert min(model.weights.values()) >= 0
    assert all(sd > 0 and name in LEARNED for row in model.usual.values() for name, (_, sd) in row.items())
    nothing = np.zeros(len(FEATURES))
    best = model.score(nothing)
    assert 0.9 < best < 1
    assert all(model.score(nothing + row) <= best for row in np.eye(len(FEATURES)))
    assert model.score(np.full(len(FEATURES), 6.0)) < 0.01


def test_reasons_are_the_largest_losses():
    model = ScoreModel({}, dict.fromkeys(FEATURES, 1.0), 3.0)
    anomalies = np.zeros(len(FEATURES))
    anomalies[[FEATURES.index("hu"), FEATURES.index("large"), FEATURES.index("small")]] = 4, 2, 0.1
    assert model.reasons(anomalies) == ("hu", "large")


def test_raw_features_leave_out_what_the_image_cuts():
    _, found = features(ball(45, (3, 20, 20)))
    assert [name for name, value in raw_features(found).items() if value is None] == list(LEARNED[-4:])


@pytest.mark.parametrize("harm", [ball(20), ball(70), ball(45, (32, 20, 20))], ids=["eroded", "dilated", "shifted"])
def test_harm_lowers_the_score(harm):
    model = bundled_model()

    def score(mask):
        return model.score(anomaly_scores(*features(mask), NOWHERE, None, model.usual["spleen"]))

    assert score(harm) < 0.5 < score(ball(45))
