"""An output is whole or absent, and what was there before stays until the new one is whole."""

import errno
import os

import pytest

from omentum.atomic import replacing
from omentum.errors import OutputError, UsageError
from omentum.output_checks import check_distinct, check_output, check_report


def write_half(path, fault):
    with replacing(path) as file:
        file.write(b"half of it")
        raise fault


def test_the_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "deep" / "out.bin"
    with replacing(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("fault", [KeyboardInterrupt, ValueError, MemoryError])
def test_a_fault_leaves_what_was_there(fault, tmp_path):
    path = tmp_path / "out.bin"
    path.write_bytes(b"old")
    with pytest.raises(fault):
        write_half(path, fault)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path):
    with pytest.raises(OutputError, match=r"out\.bin: cannot be written: No space left on device"):
        write_half(tmp_path / "out.bin", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be written"), replacing(tmp_path / "file" / "out.bin"):
        pass


def test_51_a_place_that_cannot_be_written_is_refused_early(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match=r"cannot be written .choose a folder"):
        check_output(tmp_path / "file" / "out")
    check_output(tmp_path / "not" / "yet" / "there")


def test_53_what_exists_is_only_replaced_on_request(tmp_path):
    path = tmp_path / "out.nii"
    path.write_bytes(b"old")
    with pytest.raises(OutputError, match=r"exists already .*--overwrite"):
        check_output(path)
    check_output(path, overwrite=True)
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(OutputError, match="exists already"):
        check_output(tmp_path / "dangling")


def test_54_an_input_is_never_the_output(tmp_path):
    path = tmp_path / "ct.nii"
    path.write_bytes(b"ct")
    (tmp_path / "link.nii").symlink_to("ct.nii")
    for output in (path, tmp_path / "link.nii", tmp_path / "." / "ct.nii"):
        with pytest.raises(OutputError, match="is also the input"):
            check_output(output, inputs=[path], overwrite=True)


def test_a_hard_link_to_an_input_is_the_input(tmp_path):
    (tmp_path / "ct.nii").write_bytes(b"ct")
    (tmp_path / "same.nii").hardlink_to(tmp_path / "ct.nii")
    with pytest.raises(OutputError, match="is also the input"):
        check_output(tmp_path / "same.nii", inputs=[tmp_path / "ct.nii"], overwrite=True)


def test_a_folder_that_holds_an_input_is_no_output(tmp_path):
    folder = tmp_path / "out" / "ct"
    folder.mkdir(parents=True)
    (folder / "ct.nii").write_bytes(b"ct")
    (tmp_path / "link").symlink_to(folder)
    for output in (folder, tmp_path / "out", tmp_path / "link"):
        with pytest.raises(OutputError, match=r"holds the input .*ct\.nii"):
            check_output(output, inputs=[folder / "ct.nii"], overwrite=True)
    check_output(tmp_path / "out" / "other", inputs=[folder / "ct.nii"], overwrite=True)


def test_what_is_in_a_folder_of_inputs_stays_and_new_files_may_come(tmp_path):
    folder = tmp_path / "pred" / "a"
    folder.mkdir(parents=True)
    (folder / "segmentation.nii.gz").write_bytes(b"labels")
    with pytest.raises(OutputError, match=r"is there already, among the inputs in .*pred"):
        check_output(folder / "segmentation.nii.gz", within=[tmp_path / "pred"], overwrite=True)
    check_output(folder / "scores.csv", within=[tmp_path / "pred"], overwrite=True)


def test_no_file_is_two_outputs(tmp_path):
    check_distinct([tmp_path / "a", tmp_path / "b"])
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for other in (tmp_path / "a", tmp_path / "c" / ".." / "a", tmp_path / "link"):
        with pytest.raises(UsageError, match="is asked for twice"):
            check_distinct([tmp_path / "a", other])


@pytest.mark.parametrize("content", ["earlier: {}", "Leber, Größe", "", b"\x89PNG\r\n\x1a\n\0\0"])
def test_a_report_replaces_an_earlier_one(tmp_path, content):
    path = tmp_path / "scores.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    check_report(path)


@pytest.mark.parametrize(
    "content", [b"\x1f\x8b\x08\0", b"NRRD0004\ntype: short\n", b"ObjectType = Image\n", b"\x5c\x01\0\0"]
)
def test_a_report_never_replaces_an_image(tmp_path, content):
    path = tmp_path / "ct.nii.gz"
    path.write_bytes(content)
    with pytest.raises(OutputError, match="is no report"):
        check_report(path)
