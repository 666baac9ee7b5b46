"""Received images on disk."""

import os
from itertools import accumulate

import numpy as np
import pytest
from dicom_files import slice_of, write_stack
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from omentum.errors import OutputError
from omentum.pacs.intake import Intake
from omentum.pacs.spool import NoRoomError, NotAnImageError, Spool, SpooledSeries


def image(**tags):
    header = slice_of(np.zeros((4, 4)), (0, 0, 0), 1, "1.2.3", **tags)
    buffer = DicomBytesIO()
    header.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue(), str(header.get("SOPInstanceUID", ""))


@pytest.fixture
def spool(tmp_path):
    return Spool(tmp_path / "spool", 10_000)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_series_passes_through(spool, tmp_path):
    first = spool.add(*image(), "A")
    assert spool.add(*image(), "A") == first
    assert spool.add(*image(), "B") != first
    assert (tmp_path / "spool").stat().st_mode & 0o077 == 0
    folder = spool.take(first)
    assert len(list(folder.glob("*.dcm"))) == 2
    assert "1.2.3" not in "".join(files(tmp_path))
    spool.done(folder)
    assert not folder.exists()
    assert len(spool.left_over()) == 1


def test_what_a_crash_leaves_is_taken_up_again(spool, tmp_path):
    working = spool.add(*image(), "A")
    spool.take(working)
    late = spool.add(*image(), "A")
    assert late == working
    (tmp_path / "spool" / ".image.tmp-00000000-1-00000000").write_bytes(b"half")
    with pytest.raises(OutputError, match="used by another process"):
        Spool(tmp_path / "spool", 10_000)
    spool.close()
    again = Spool(tmp_path / "spool", 10_000)
    assert again.left_over() == [working]
    assert len(list(again.take(working).glob("*.dcm"))) == 2


def test_the_same_image_twice_counts_once(spool):
    content, uid = image()
    for _ in range(100):
        series = spool.add(content, uid, "A")
    assert len(list(spool.take(series).glob("*.dcm"))) == 1


def test_the_quota_holds_and_failed_series_make_room(spool, tmp_path):
    series = spool.add(*image(), "A")
    spool.fail(spool.take(series))
    images = [image() for _ in range(20)]  # their UIDs, and so their sizes, are random
    fitting = sum(total <= 10_000 for total in accumulate(len(content) for content, _ in images))
    kept = [spool.add(*one, "B") for one in images[:fitting]]
    assert not any((tmp_path / "spool" / "failed").iterdir())
    with pytest.raises(NoRoomError, match="quota of 10000 bytes"):
        spool.add(*images[fitting], "B")
    spool.done(spool.take(kept[0]))
    spool.add(*image(), "C")


@pytest.mark.parametrize(
    "tags",
    [
        {"SeriesInstanceUID": "../../../etc/cron.d/x"},
        {"SeriesInstanceUID": None},
        {"SeriesInstanceUID": ""},
        {"SeriesInstanceUID": "1." * 40 + "1"},
        {"SOPInstanceUID": "1.2.9"},
        {"SOPInstanceUID": None},
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_uids_that_are_none_are_refused(spool, tmp_path, tags):
    content, _ = image(**tags)
    with pytest.raises(NotAnImageError):
        spool.add(content, "1.2.8", "A")
    assert files(tmp_path) == []


def test_nonsense_is_refused(spool, tmp_path):
    for content in (b"", b"x" * 500, bytes(132) + b"DICM" + b"\xff" * 60):
        with pytest.raises(NotAnImageError):
            spool.add(content, "1.2.8", "A")
    assert files(tmp_path) == []


def test_a_folder_that_others_read_is_refused(tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    os.chmod(tmp_path / "open", 0o755)
    with pytest.raises(OutputError, match="can be read by others"):
        Spool(tmp_path / "open", 1000)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        Spool(tmp_path / "file", 1000)


class Link:
    is_established = True
    is_released = False

    def release(self):
        self.is_established, self.is_released = False, True


def test_when_a_series_is_complete():
    now = [0.0]
    intake, link = Intake(5.0, lambda: now[0]), Link()
    one, two = SpooledSeries("one", "A"), SpooledSeries("two", "A")
    intake.note(one, link)
    now[0] = 4.0
    intake.note(one, link)
    intake.note(two, link)
    now[0] = 12.0
    assert intake.next_complete() is None  # the sender is still there
    link.release()
    assert intake.next_complete() == one
    assert intake.take(one) is None
    assert intake.next_complete() == two
    intake.take(two)
    assert intake.next_complete() is None


def test_a_sender_that_never_leaves():
    now = [0.0]
    intake = Intake(5.0, lambda: now[0])
    intake.note(SpooledSeries("one", "A"), Link())
    now[0] = 31.0
    assert intake.next_complete() == SpooledSeries("one", "A")


def test_images_that_come_late_are_told():
    intake, one = Intake(0.001, iter(range(100)).__next__), SpooledSeries("one", "A")
    link = Link()
    link.release()
    for images, late in ((5, None), (2, 2), (5, None), (9, None), (1, 1)):
        for _ in range(images):
            intake.note(one, link)
        assert intake.next_complete() == one
        lacks = intake.take(one)
        assert lacks is None if late is None else lacks.startswith(f"{late} images came after")


def test_a_transfer_that_broke_off_waits_for_its_rest():
    now = [0.0]
    intake, one, link = Intake(5.0, lambda: now[0]), SpooledSeries("one", "A"), Link()
    intake.note(one, link)
    link.is_established = False
    now[0] = 100.0
    assert intake.next_complete() is None
    again = Link()
    intake.note(one, again)  # the rest, over another connection
    again.release()
    now[0] = 106.0
    assert intake.next_complete() == one
    assert intake.take(one) is None
    intake.note_left_over(one, was_broken_off=True)
    now[0] = 110.0
    assert intake.next_complete() is None
    now[0] = 500.0
    assert intake.next_complete() == one
    assert "broke off" in intake.take(one)


def test_whether_all_was_sent_outlives_a_crash(spool, tmp_path):
    sent, cut, late = (spool.add(*image(), ae) for ae in "ABC")
    spool.mark_whole(sent)
    spool.mark_whole(late)
    spool.add(*image(), "C")
    spool.close()
    again = Spool(tmp_path / "spool", 10_000)
    assert [again.is_whole(one) for one in (sent, cut, late)] == [True, False, False]


def test_files_are_as_they_were(spool, tmp_path):
    (sent,) = write_stack(tmp_path / "a", np.zeros((4, 5, 1)))
    header = dcmread(sent)
    folder = spool.take(spool.add(sent.read_bytes(), str(header.SOPInstanceUID), "A"))
    (kept,) = folder.glob("*.dcm")
    assert kept.read_bytes() == sent.read_bytes()
