"""One case or three with their references, and what is told of them."""

from __future__ import annotations

import json

import pytest
from evaluated_files import CT, NOTHING, block, reference, run, seg, shifted, write_result

from omentum.io.truth import write_case


@pytest.fixture
def case(tmp_path):
    write_case(tmp_path / "truth", CT, reference(), {})
    write_result(tmp_path / "out", shifted())
    return tmp_path


@pytest.fixture
def batch(tmp_path):
    """Three truths; the first model has two good results and a broken one, the second two of three."""
    for name in ("a", "b", "c"):
        write_case(tmp_path / "truths" / name, CT, reference(), {"patient": "twice" if name in "ab" else "once"})
        write_result(tmp_path / "outs" / name, reference())
    (tmp_path / "outs" / "c" / "segmentation.nii.gz").write_bytes(b"nothing of the kind")
    for name in ("a", "b"):
        write_result(tmp_path / "others" / name, shifted())
    return tmp_path


@pytest.fixture
def truth(tmp_path):
    """Liver, spleen, no liver tumour."""
    write_case(tmp_path / "truth", CT, seg(liver=block(18), spleen=block(2), liver_tumour=NOTHING), {})
    return tmp_path / "truth"


@pytest.fixture
def told(tmp_path, capsys):
    """Evaluates; returns the structures of the first case, what is left out of it, and what was printed."""

    def scores(*arguments, code=0):
        assert run(*arguments, "--json-file", tmp_path / "scores.json") == code
        case = json.loads((tmp_path / "scores.json").read_text())["cases"][0]
        return case["structures"], case["not_evaluated"], capsys.readouterr()

    return scores
