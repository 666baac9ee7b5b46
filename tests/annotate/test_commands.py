"""`omentum annotate` from the command line: what is printed, exit codes, one line for bad input."""

from __future__ import annotations

import json
from pathlib import Path

from annotation_round import grown, masks_of, put_corrected

from omentum.annotate.accept.results import AcceptResult
from omentum.annotate.propose.proposals import Worklist
from omentum.cli import main

ORIGINAL = Path("round/proposals/ct_0.seg.nrrd")


def correct(name: str = "ct_0") -> None:
    put_corrected(ORIGINAL, Path(f"corrected/{name}.seg.nrrd"), liver=grown(masks_of(ORIGINAL)["liver"]))


def test_propose_prints_the_first_items(here, capsys):
    assert main(["annotate", "propose", "cts", "-o", "round"]) == 0
    shown = capsys.readouterr().out
    assert "worklist.html" in shown
    assert "ct_0" in shown
    assert main(["annotate", "propose", "cts", "-o", "round", "--json", "--quiet"]) == 0
    worklist = Worklist.from_json(json.loads(capsys.readouterr().out))
    assert len(worklist.items) == 8


def test_accept_says_what_was_taken_and_what_was_not(here, capsys):
    correct()
    Path("corrected/ct_1.seg.nrrd").write_bytes(b"NRRD0005\nbroken")
    line = ["annotate", "accept", "round", "corrected", "--by", "A. Miller"]
    assert main(line) == 3
    shown = capsys.readouterr()
    assert "ct_0 liver: " in shown.out
    assert "1 accepted, 3 unchanged, 1 refused" in shown.out
    assert "--unchanged" in shown.out
    assert "ct_1.seg.nrrd" in shown.err
    Path("corrected/ct_1.seg.nrrd").unlink()
    assert main([*line, "--json", "--quiet"]) == 0
    result = AcceptResult.from_json(json.loads(capsys.readouterr().out))
    assert {one.structure: one.status.value for one in result.outcomes}["liver"] == "known"


def test_bad_input_is_one_line(here, capsys):
    correct()
    for line, told in (
        (["propose", "nowhere", "-o", "x"], "no such file"),
        (["propose", "cts", "-o", "cts"], "is also the input"),
        (["propose", "cts", "-o", "x", "-w", "nothing.safetensors", "--classes", "no such thing"], "no such thing"),
        (["accept", "cts", "corrected", "--by", "A"], "omentum annotate propose makes one"),
        (["accept", "round", "corrected", "--by", ""], "--by NAME"),
        (["accept", "round", "corrected", "--by", "A", "--classes", "nonsense"], "nonsense"),
        (["accept", "round", "cts/ct_0.nii.gz", "--by", "A"], "not a label map"),
    ):
        assert main(["annotate", *line]) in (2, 3), line
        error = capsys.readouterr().err
        assert told in error, (line, error)
        assert "Traceback" not in error
