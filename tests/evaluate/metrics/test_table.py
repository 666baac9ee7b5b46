"""What is measured, how finely it is shown, and which way is better."""

from __future__ import annotations

from omentum.evaluate.metrics.table import COMPARED, METRICS


def test_a_tenth_of_a_millimetre_or_millilitre_is_shown_and_a_thousandth_of_an_overlap():
    """No finer than a reading of the reference is worth; the mean surface distance is below a voxel."""
    shown = {"dice": 3, "iou": 3, "nsd": 3, "assd_mm": 2}
    for metric in METRICS:
        assert metric.digits == shown.get(metric.key, 1), metric.key


def test_overlaps_are_better_high_distances_low_and_volume_errors_at_nothing():
    for metric in METRICS:
        overlap, distance = metric.key in ("dice", "iou", "nsd"), metric.key.endswith("_mm")
        assert metric.better == ("higher" if overlap else "lower" if distance else "zero")
        assert metric.label.lower().startswith(metric.key.split("_")[0])


def test_two_models_are_compared_by_an_overlap_a_boundary_and_an_outlier():
    assert [metric.key for metric in COMPARED] == ["dice", "nsd", "hd95_mm"]
