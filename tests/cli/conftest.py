import pytest
from case_files import SPEC
from threshold_model import ThresholdModel


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in; the default weights are those that need no training."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", lambda *_: ThresholdModel(SPEC))
    return tmp_path
