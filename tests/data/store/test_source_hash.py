import os

import pytest

from omentum.data.store.source_hash import known_hash, source_hash
from omentum.errors import InputError


def aged(path):
    """As if written long ago."""
    os.utime(path, ns=(10**18, 10**18))
    return path


@pytest.fixture
def files(tmp_path):
    (tmp_path / "masks").mkdir()
    for name in ("ct.nii", "masks/a.nii", "masks/b.nii"):
        aged_file = tmp_path / name
        aged_file.write_bytes(name.encode())
        aged(aged_file)
    return tmp_path / "ct.nii", tmp_path / "masks"


def test_content_counts_dates_do_not(files, tmp_path):
    before = source_hash(files, tmp_path / "cache" / "1.json")
    os.utime(files[0])
    assert source_hash(files, tmp_path / "cache" / "1.json") == before
    (files[1] / "b.nii").write_bytes(b"other")
    assert source_hash(files, tmp_path / "cache" / "1.json") != before


def test_names_in_a_folder_count(files, tmp_path):
    before = source_hash(files, tmp_path / "1.json")
    (files[1] / "b.nii").rename(files[1] / "c.nii")
    assert source_hash(files, tmp_path / "1.json") != before


def test_unchanged_files_are_not_read_again(files, tmp_path):
    cache_file = tmp_path / "1.json"
    assert known_hash(files, cache_file) is None
    found = source_hash(files, cache_file)
    assert known_hash(files, cache_file) == found
    os.utime(files[0])
    assert known_hash(files, cache_file) is None


def test_a_file_changed_a_moment_ago_is_not_trusted(files, tmp_path):
    files[0].write_bytes(b"new")
    source_hash(files, tmp_path / "1.json")
    assert known_hash(files, tmp_path / "1.json") is None


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff"])
def test_a_torn_cache_is_none(content, files, tmp_path):
    (tmp_path / "1.json").write_bytes(content)
    assert known_hash(files, tmp_path / "1.json") is None


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.nii: is missing"):
        source_hash([tmp_path / "gone.nii"], tmp_path / "1.json")
