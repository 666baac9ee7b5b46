"""Multipart bodies as streams, in chunks of any size."""

import pytest
from dicomweb_server import body
from hypothesis import given
from hypothesis import strategies as st

from omentum.pacs.multipart import FileParts, MultipartError, PartStream, boundary_of


def split(content, step=7, boundary=b"here"):
    chunks = (content[n : n + step] for n in range(0, len(content), step))
    return [(kind, b"".join(part)) for kind, part in PartStream(chunks, boundary).parts()]


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4), st.integers(1, 40))
def test_parts_come_as_they_are(parts, step):
    assert split(body(*parts), step) == [("application/dicom", part) for part in parts]


@given(st.lists(st.binary(max_size=30), max_size=3), st.data())
def test_a_body_that_ends_early_is_told(parts, data):
    whole = body(*parts).removesuffix(b"--\r\n")
    cut = data.draw(st.integers(0, len(whole)))
    with pytest.raises(MultipartError):
        split(whole[:cut])


def test_many_short_chunks_are_searched_once():
    searched = 0

    class Held(bytes):
        def find(self, *arguments):
            nonlocal searched
            searched += len(self)
            return super().find(*arguments)

        def __add__(self, other):
            return Held(super().__add__(other))

    content = body(b"x" * 50_000)
    stream = PartStream((content[n : n + 1] for n in range(len(content))), b"here")
    stream._held = Held(stream._held)
    assert [b"".join(part) for _, part in stream.parts()] == [b"x" * 50_000]
    assert searched < 10 * len(content)


@given(st.binary(max_size=200))
def test_nonsense_is_told(content):
    with pytest.raises(MultipartError):
        split(content.replace(b"here", b""))


def test_what_others_write():
    text = (
        b"a preamble\r\n--here\r\ncontent-type: Application/DICOM; transfer-syntax=1.2\r\nX: y\r\n\r\nabc\r\n--here--"
    )
    assert split(text) == [("application/dicom", b"abc")]
    assert split(b"--here\r\n\r\n\r\n--here--\r\nepilogue") == [("", b"")]


@pytest.mark.parametrize("text", [b"--here\r\nContent-Type: " + b"x" * 40000, b"--here\r\n" + b"A: b\r\n" * 9000])
def test_headers_without_end(text):
    with pytest.raises(MultipartError, match="headers"):
        split(text + b"\r\n\r\n\r\n--here--", 4096)


def test_boundaries():
    assert boundary_of('multipart/related; type="application/dicom"; boundary="a b"') == b"a b"
    for bad in (
        "text/html",
        "multipart/related",
        f"multipart/related; boundary={'x' * 71}",
        "multipart/mixed; boundary=x",
    ):
        with pytest.raises(MultipartError):
            boundary_of(bad)


def test_files_are_sent_as_announced(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(name.encode() * 1000)
    parts = FileParts([tmp_path / "a", tmp_path / "b"])
    sent = b"".join(parts.chunks())
    assert parts.headers["Content-Length"] == str(len(sent))
    found = split(sent, boundary=boundary_of(parts.headers["Content-Type"]))
    assert [content for _, content in found] == [b"a" * 1000, b"b" * 1000]
