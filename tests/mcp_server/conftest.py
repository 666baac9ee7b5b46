import pytest
from case_files import SPEC
from threshold_model import ThresholdModel

from omentum.mcp.places import Places
from omentum.mcp.tools import Tools


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Tools that may read `scans` and write to `results`; the weights are those that need no training."""
    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", lambda *_: ThresholdModel(SPEC))
    (tmp_path / "scans").mkdir()
    return Tools(Places([tmp_path / "scans"], tmp_path / "results"))
