"""One `Segmenter`, or several, used by threads at once: every case gets its own masks and its own warnings."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from banded_phantom import banded_ct, ras_grid
from threshold_model import BANDS_HU, SPEC, ThresholdModel

from omentum.pipeline import Segmenter, SegmentOptions, segment
from omentum.volume import Volume

ROUNDS = 6


@pytest.fixture(scope="module")
def patients():
    """Three people who are not alike, one mirrored, one cut."""
    ct = banded_ct(ras_grid((3.0, 3.0, 4.0)))
    cut = ct.voxels.copy()
    cut[:, : cut.shape[1] // 2] = -1000
    return [ct, Volume(np.ascontiguousarray(ct.voxels[::-1]), ct.affine), Volume(cut, ct.affine)]


def voxels_of(result):
    return {key: int(result.mask(key).sum()) for key in BANDS_HU}, np.array(result.bits)


def test_threads_that_share_a_segmenter_get_what_each_would_get_alone(patients):
    segmenter = Segmenter(ThresholdModel(SPEC), SegmentOptions(device="cpu"))
    alone = [voxels_of(segmenter.segment(ct)) for ct in patients]
    shared = Segmenter(ThresholdModel(SPEC), SegmentOptions(device="cpu"))  # threads load it, too
    with ThreadPoolExecutor(len(patients)) as pool:
        for _ in range(ROUNDS):
            for (counts, bits), (expected, same) in zip(
                pool.map(lambda ct: voxels_of(shared.segment(ct)), patients), alone, strict=True
            ):
                assert counts == expected
                np.testing.assert_array_equal(bits, same)


def test_what_is_loaded_is_loaded_once_by_however_many_threads(patients, tmp_path, monkeypatch):
    loaded = []

    def load(*_):
        loaded.append(1)
        return ThresholdModel(SPEC)

    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", load)
    shared = Segmenter("default", SegmentOptions(device="cpu"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: shared.load(), range(4)))
    assert loaded == [1]


@pytest.mark.parametrize("how", ["one segmenter", "one each"])
def test_warnings_stay_with_the_case_they_are_about(how):
    """A clean CT, one with a hole in its numbers, one of thick slices, over and over and all at once."""
    clean = banded_ct(ras_grid((3.0, 3.0, 4.0)))
    holed = clean.voxels.astype(np.float32)
    holed[2, 2, 2] = np.nan
    thick = clean.affine.copy()
    thick[:3, 2] *= 3
    cases = [clean, Volume(holed, clean.affine), Volume(clean.voxels, thick)]
    model = ThresholdModel(SPEC)
    shared = Segmenter(model, SegmentOptions(device="cpu"))

    def heard(ct):
        result = shared.segment(ct) if how == "one segmenter" else segment(ct, weights=model, device="cpu")
        return [message[:22] for message in result.manifest["warnings"]]

    expected = [[], ["1 voxels non-finite, t"], ["slices are 12 mm apart"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert [heard(ct) for ct in cases] == expected
        with ThreadPoolExecutor(len(cases)) as pool:
            for _ in range(ROUNDS):
                assert list(pool.map(heard, cases)) == expected
        assert warnings.filters[0][0] == "ignore"  # no thread left its own filters behind
