"""Cached embeddings are whole or not there; damage, company and missing rights change no result."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from omentum.text.embedding_cache import cached, keep, kept_files

MODEL = "ab" * 32


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("OMENTUM_HOME", str(tmp_path / "home"))


def test_what_is_kept_comes_back_for_its_model_and_prompt_only():
    row = torch.randn(12)
    assert cached(MODEL, "liver") is None
    keep(MODEL, "liver", row)
    assert torch.equal(cached(MODEL, "liver"), row)
    assert cached("cd" * 32, "liver") is None
    assert cached(MODEL, "Liver") is None


@given(st.integers(0, 2000), st.integers(1, 255))
def test_a_changed_byte_is_a_missing_embedding(place, flip):
    row = torch.arange(8.0)
    keep(MODEL, "spleen", row)
    (path,) = kept_files()
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= flip
    path.write_bytes(bytes(content))
    found = cached(MODEL, "spleen")
    assert found is None or torch.equal(found, row)  # a space of the header may change
    path.write_bytes(path.read_bytes()[: place % len(content)])
    assert cached(MODEL, "spleen") is None
    keep(MODEL, "spleen", row)
    assert torch.equal(cached(MODEL, "spleen"), row)


def test_many_writers_of_the_same_embedding():
    row = torch.randn(384)

    def work(_):
        keep(MODEL, "liver", row)
        return cached(MODEL, "liver")

    with ThreadPoolExecutor(8) as pool:
        assert all(torch.equal(found, row) for found in pool.map(work, range(64)))
    assert len(kept_files()) == 1
    assert not [p for p in kept_files()[0].parent.iterdir() if p.name.startswith(".")]


def test_without_a_place_to_write_nothing_is_kept_and_nothing_fails(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("OMENTUM_HOME", str(tmp_path / "file" / os.sep.strip("/") / "home"))
    keep(MODEL, "liver", torch.ones(3))
    assert cached(MODEL, "liver") is None
