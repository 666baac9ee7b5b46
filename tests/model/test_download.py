from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
from file_server import Site, serving

from omentum.errors import InputError, OmentumError, OutputError, UsageError
from omentum.model.downloads import download as download_module
from omentum.model.downloads.download import ATTEMPTS, Expected, download
from omentum.model.downloads.part_file import PartFile

CONTENT = random.Random(0).randbytes(3 * 2**20 + 17)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download_module, "PAUSE_S", 0.0)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "file.pth"


def assert_complete(target: Path) -> None:
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]


def test_a_file_arrives_whole_with_its_hash_and_progress(target):
    seen = []
    with serving(Site(CONTENT)) as site:
        known = Expected(len(CONTENT), f"md5:{hashlib.md5(CONTENT).hexdigest()}")
        assert download(site.address, target, known, lambda *step: seen.append(step)) == SHA256
    assert_complete(target)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert seen == sorted(seen)


def test_a_broken_connection_is_continued(target):
    with serving(Site(CONTENT, cuts=[10**6, 10**6])) as site:
        assert download(site.address, target) == SHA256
    assert site.asked == [None, "bytes=1000000-", "bytes=2000000-"]
    assert_complete(target)


def test_a_later_call_continues_where_an_earlier_one_gave_up(target):
    with serving(Site(CONTENT, cuts=[10**6])) as site:
        site.cuts += [0] * ATTEMPTS
        with pytest.raises(InputError, match=r"broke after 1000000 of 3145745 bytes \(try again; it goes on"):
            download(site.address, target)
        assert not target.exists()
        assert download(site.address, target) == SHA256
    assert site.asked[-1] == "bytes=1000000-"
    assert_complete(target)


def test_a_complete_part_is_not_fetched_again(target, monkeypatch):
    def broken(*_: object) -> str:
        raise KeyboardInterrupt

    with serving(Site(CONTENT)) as site:
        with monkeypatch.context() as patch:
            patch.setattr(download_module, "_accept", broken)
            with pytest.raises(KeyboardInterrupt):
                download(site.address, target)
        assert download(site.address, target) == SHA256
    assert site.asked == [None, f"bytes={len(CONTENT)}-"]
    assert_complete(target)


@pytest.mark.parametrize("spoilt", [{"ranges": False}, {"etag": ""}, {"etag": 'W/"v1"'}])
def test_without_parts_or_a_mark_it_starts_again(target, spoilt):
    with serving(Site(CONTENT, cuts=[10**6], **spoilt)) as site:
        assert download(site.address, target) == SHA256
    assert_complete(target)


def test_a_file_that_changed_meanwhile_is_never_mixed(target):
    with serving(Site(bytes(len(CONTENT)), etag='"old"', cuts=[10**6] + [0] * ATTEMPTS)) as site:
        with pytest.raises(InputError):
            download(site.address, target)
        site.content, site.etag, site.cuts = CONTENT, '"new"', []
        assert download(site.address, target) == SHA256
    assert_complete(target)


def test_an_unannounced_length_is_read_to_the_end(target):
    with serving(Site(CONTENT, announce=False)) as site:
        assert download(site.address, target) == SHA256


def test_another_size_is_refused_before_a_byte_is_kept(target):
    with (
        serving(Site(CONTENT)) as site,
        pytest.raises(InputError, match="expected 5 bytes, the server offers"),
    ):
        download(site.address, target, Expected(size_bytes=5))
    assert list(target.parent.iterdir()) == []


def test_another_size_is_noticed_when_it_was_not_announced(target):
    with serving(Site(CONTENT, announce=False)) as site, pytest.raises(InputError, match=r"expected 5 bytes, got"):
        download(site.address, target, Expected(size_bytes=5))
    assert list(target.parent.iterdir()) == []


def test_another_hash_is_refused_and_nothing_kept(target):
    with serving(Site(CONTENT)) as site, pytest.raises(InputError, match=f"expected sha256 0000, got {SHA256}"):
        download(site.address, target, Expected(digest="sha256:0000"))
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize(("status", "message"), [(404, "404 Not Found .*may have moved"), (403, "403 Forbidden")])
def test_a_refusal_is_final(target, status, message):
    with serving(Site(CONTENT, refusals=[status])) as site, pytest.raises(InputError, match=message):
        download(site.address, target)
    assert len(site.asked) == 1


def test_a_busy_server_is_asked_again_but_not_for_ever(target):
    with serving(Site(CONTENT, refusals=[503, 429])) as site:
        assert download(site.address, target) == SHA256
    target.unlink()
    with serving(Site(CONTENT, refusals=[500] * 99)) as site, pytest.raises(InputError, match="the server answers 500"):
        download(site.address, target)
    assert len(site.asked) == ATTEMPTS


def test_a_redirect_is_followed_and_continued(target):
    with serving(Site(CONTENT, cuts=[10**6])) as site:
        assert download(site.address.replace("file.pth", "moved"), target) == SHA256
    assert site.asked == [None, "bytes=1000000-"]


@pytest.mark.parametrize("elsewhere", ["http://example.org/file.pth", "ftp://127.0.0.1/file.pth", "file:///etc/passwd"])
def test_a_redirect_to_an_unsafe_address_is_refused(target, elsewhere):
    with (
        serving(Site(CONTENT, redirect=elsewhere)) as site,
        pytest.raises(OmentumError, match=r"https only|not allowed"),
    ):
        download(site.address.replace("file.pth", "moved"), target)


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org/x",
        "http://zoo.org/x",
        "http://8.8.8.8/x",
        "http:///x",
        "file:///etc/passwd",
        "ftp://example.org/x",
        "x.pth",
    ],
)
def test_an_unsafe_address_is_refused(target, address):
    with pytest.raises(UsageError, match="https only"):
        download(address, target)


def test_nobody_there_is_said_plainly(target):
    with serving(Site(CONTENT)) as site:
        pass
    with pytest.raises(InputError, match="download stopped"):
        download(site.address, target)


def test_a_full_disk_is_said_before_the_download(target, monkeypatch):
    monkeypatch.setattr(download_module.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with serving(Site(CONTENT)) as site, pytest.raises(OutputError, match="no space left: 3145745 bytes to come, 1000"):
        download(site.address, target)
    assert list(target.parent.iterdir()) == []


def test_a_part_file_that_cannot_be_opened_is_said_plainly(tmp_path):
    part = PartFile(tmp_path / "model.pth")
    part.path.mkdir()
    with pytest.raises(OutputError, match="cannot be written: Is a directory"):
        part.opened(0, {"ETag": "x"})


def test_between_fruitless_attempts_the_pause_doubles(target, monkeypatch):
    paused = []
    monkeypatch.setattr(download_module, "PAUSE_S", 3.0)
    monkeypatch.setattr(download_module.time, "sleep", paused.append)
    with serving(Site(CONTENT)) as site:
        pass
    with pytest.raises(InputError, match="download stopped"):
        download(site.address, target)
    assert paused == [3.0 * 2**n for n in range(download_module.ATTEMPTS - 1)]
