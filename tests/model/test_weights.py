from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest
from file_server import Site, serving
from hollow_files import save_hollow
from small_models import small_model

from omentum.errors import CheckpointError, OutputError, UsageError
from omentum.model import catalogue as catalogue_module
from omentum.model import save_checkpoint
from omentum.model.catalogue import catalogue, find
from omentum.model.weights import load_model, locate, pull, receipt

NAME = "clip-universal-unet"
pytestmark = pytest.mark.filterwarnings("ignore:.*not the released ones:omentum.errors.CaseWarning")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OMENTUM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    content = save_hollow(tmp_path / "published.pth").read_bytes()
    with serving(Site(content)) as site:
        entry = dataclasses.replace(find(NAME), address=site.address)
        monkeypatch.setitem(catalogue(), NAME, entry)
        yield site


def test_the_catalogue_is_complete_and_honest():
    assert set(catalogue()) == {"default", "lesions", "clip-universal-swin-unetr", NAME}
    for entry in catalogue().values():
        assert bool(entry.resource) != bool(entry.address)
        assert entry.origin.licence
        assert entry.origin.citation
        if entry.address:
            assert entry.address.startswith("https://huggingface.co/")
            assert "non-commercial" in entry.origin.terms


def test_pulled_weights_are_imported_kept_and_used_without_the_network(site, home):
    path = pull(NAME, licence_accepted=True)
    assert path == home / "weights" / f"{NAME}.safetensors"
    note = receipt(find(NAME))
    assert note is not None
    assert note.sha256 == hashlib.sha256(site.content).hexdigest()
    assert note.address == site.address
    assert not list(path.parent.glob("*.pth*"))

    site.refusals = [500] * 99
    assert pull(NAME) == path
    model = load_model(NAME)
    assert model.spec.model.backbone == "unet"
    assert not model.training
    assert len(site.asked) == 1


def test_nothing_is_fetched_before_the_licence_is_accepted(site, home):
    with pytest.raises(UsageError, match=r"licence .*CC-BY-NC-ND-4\.0.* must be accepted"):
        pull(NAME)
    assert site.asked == []
    assert not home.exists()


def test_what_is_no_model_is_not_kept(site):
    site.content = b"<html>sign in</html>"
    with pytest.raises(CheckpointError, match="web page"):
        pull(NAME, licence_accepted=True)
    assert not find(NAME).here
    assert not list(find(NAME).path.parent.glob("*.pth*"))


def test_weights_not_pulled_yet_say_how_to_get_them():
    with pytest.raises(UsageError, match=f"run `omentum weights pull {NAME}`"):
        load_model(NAME)


def test_a_path_is_loaded(tmp_path):
    save_checkpoint(tmp_path / "mine.safetensors", small_model())
    assert load_model(tmp_path / "mine.safetensors").spec.class_keys == ("liver", "spleen", "liver_tumour")


def test_a_published_file_is_told_to_be_imported(tmp_path):
    with pytest.raises(CheckpointError, match="omentum weights import"):
        load_model(save_hollow(tmp_path / "published.pth"))


def test_a_missing_file_and_a_misspelt_name_are_told_apart(tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        locate(tmp_path / "none.safetensors")
    with pytest.raises(UsageError, match="did you mean 'clip-universal-unet'"):
        locate("clip-universal-nuet")


def test_the_default_home_is_the_cache_folder(monkeypatch):
    monkeypatch.delenv("OMENTUM_HOME")
    assert catalogue_module.weights_folder() == Path.home() / ".cache" / "omentum" / "weights"


def test_a_cache_that_cannot_be_written_is_said_in_a_word(site, home):
    home.write_text("a file where the folder would be")
    with pytest.raises(OutputError, match=r"weights: cannot be written: Not a directory$"):
        pull(NAME, licence_accepted=True)
