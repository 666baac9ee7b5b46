"""`omentum cache`: what is kept, its size, and getting rid of it."""

import json

import pytest

from omentum.cli import main
from omentum.formatting import size as as_text


@pytest.fixture
def kept(tmp_path, monkeypatch):
    monkeypatch.setenv("OMENTUM_HOME", str(tmp_path))
    for name, size in (
        ("openvino/a.blob", 1500),
        ("openvino/b.blob", 500),
        ("weights/clip-universal-unet.safetensors.part", 3),
        ("encoders/somebody--bert/receipt.json", 10),
        ("encoders/somebody--bert/1_Pooling/config.json", 5),
        ("encoders/.a--b.part/vocab.txt", 2),
        ("encoders/mine/model.safetensors", 9),
        ("embeddings/ab/cd.safetensors", 7),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    (tmp_path / "mine.txt").write_text("not ours")
    (tmp_path / "weights/mine.safetensors").write_text("nor this: the home may be a project's folder")
    return tmp_path


def sizes(capsys):
    assert main(["cache", "list", "--json"]) == 0
    return {one["kind"]: (one["files"], one["size_bytes"]) for one in json.loads(capsys.readouterr().out)["kept"]}


def test_the_list_has_places_and_sizes(kept, capsys):
    assert sizes(capsys) == {"compiled": (2, 2000), "weights": (1, 3), "encoders": (3, 17), "embeddings": (1, 7)}
    assert main(["cache", "list"]) == 0
    shown = capsys.readouterr().out
    assert str(kept) in shown
    assert "2 files     2.0 kB" in shown


@pytest.mark.parametrize(
    ("arguments", "gone"),
    [([], "compiled"), (["weights"], "weights"), (["encoders"], "encoders"), (["embeddings"], "embeddings")],
)
def test_what_is_asked_for_is_removed(arguments, gone, kept, capsys):
    before = sizes(capsys)
    assert main(["cache", "clear", *arguments]) == 0
    assert "files removed" in capsys.readouterr().out
    assert sizes(capsys) == before | {gone: (0, 0)}
    assert (kept / "mine.txt").is_file()


def test_all_twice_and_nothing_that_is_not_kept(kept, capsys):
    for _ in range(2):
        assert main(["cache", "clear", "all", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["cache", "clear", "results"]) == 2
    assert "is not one of" in capsys.readouterr().err
    assert sorted(path.name for path in kept.iterdir()) == ["encoders", "mine.txt", "weights"]
    assert [path.name for path in (kept / "encoders").iterdir()] == ["mine"]
    assert [path.name for path in (kept / "weights").iterdir()] == ["mine.safetensors"]


@pytest.mark.parametrize(("size", "words"), [(0, "0 B"), (999, "999 B"), (15_674_978, "15.7 MB"), (2e15, "2000.0 TB")])
def test_sizes_as_people_write_them(size, words):
    assert as_text(size) == words
