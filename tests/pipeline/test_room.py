"""Too little room on the disk is answered before the network runs, and nothing is left behind."""

import shutil
from collections import namedtuple

import pytest
from case_files import SPEC, put_ct
from threshold_model import ThresholdModel

import omentum
from omentum.errors import OutputError
from omentum.pipeline.options import SaveOptions, SegmentOptions
from omentum.pipeline.room import expected_bytes

Usage = namedtuple("Usage", "total used free")
LARGE = 512 * 512 * 300


class Unused(ThresholdModel):
    def forward(self, *_):
        raise AssertionError("computed although there is no room")


@pytest.fixture
def full_disk(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", lambda *_: Unused(SPEC))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12, 1_000_000))
    return tmp_path


def test_a_full_disk_is_told_before_the_network_runs(full_disk):
    put_ct("ct.nii.gz")
    with pytest.raises(OutputError, match=r"out/ct: needs about .* on the disk, .* are free \(free some space"):
        omentum.segment_batch("ct.nii.gz", "out")
    assert not (full_disk / "out").exists()


def test_in_a_batch_every_case_says_so(full_disk):
    put_ct("a.nii.gz")
    put_ct("b.nii.gz")
    result = omentum.segment_batch(["a.nii.gz", "b.nii.gz"], "out", batch=omentum.BatchOptions(jobs=0))
    assert [outcome.job.case for outcome in result.failed] == ["a", "b"]


def test_more_outputs_need_more_room():
    usual = expected_bytes(SegmentOptions(), SaveOptions(), LARGE, 32)
    assert 30e6 < usual < 60e6
    for save in (SaveOptions(masks=True), SaveOptions(meshes="stl"), SaveOptions(formats=("dicom-seg",))):
        assert expected_bytes(SegmentOptions(), save, LARGE, 32) > usual
    half = expected_bytes(SegmentOptions(probabilities="uint8"), SaveOptions(), LARGE, 32) - usual
    assert expected_bytes(SegmentOptions(probabilities="uint16"), SaveOptions(), LARGE, 32) - usual == 2 * half
