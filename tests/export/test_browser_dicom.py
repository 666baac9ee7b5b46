"""The page's DICOM reader against Python's, on every DICOM case of the catalogue of faulty inputs."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from catalogue import Answer, Case, Outcome, answer_to
from page_modules import run_module

CATALOGUE = Path(__file__).parents[1] / "io" / "dicom"
NOT_IN_A_BROWSER = {90, "JPEG", "without its codec", "without any codec", "a number that"}
"""Rows, and words of cases, about links and pipes, installed packages and numbers that are no series."""
COMPRESSED = ("RLE", "JPEG", "some slices compressed", "compressed frames", "unknown transfer syntax", "a film")
"""Words of cases whose images the page does not decode."""
HEADERS_CUT_OFF = ("82 a header cut off",)
"""pydicom ends silently where the file ends; the page says that it ends too early."""


def _catalogue() -> Iterator[Case]:
    for path in sorted(CATALOGUE.glob("test_catalogue*.py")):
        spec = importlib.util.spec_from_file_location(f"browser_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield from module.CASES


def _is_about_files(case: Case) -> bool:
    return case.row not in NOT_IN_A_BROWSER and not any(str(word) in case.what for word in NOT_IN_A_BROWSER)


CASES = {str(case): case for case in _catalogue() if _is_about_files(case)}


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[str, tuple[Answer, dict[str, Any], Path]]:
    """Of each case: Python's answer, the page's, and the folder that was read."""
    root = tmp_path_factory.mktemp("dicom")
    found = {}
    for number, (name, case) in enumerate(CASES.items()):
        (folder := root / f"{number:03}" / "input").mkdir(parents=True)
        made = case.make(folder)
        python = answer_to(replace(case, make=lambda _, made=made: made), folder)
        file = made.name if isinstance(made, Path) else None
        series = getattr(case.read, "keywords", {}).get("series")
        (folder.parent / "case.json").write_text(json.dumps({"file": file, "series": series}))
        found[name] = python, folder
    run_module("test/formats/dicom_cases.ts", tmp_path_factory.mktemp("program") / "cases.mjs", root)
    return {
        name: (python, json.loads((folder.parent / "answer.json").read_text()), folder)
        for name, (python, folder) in found.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_the_page_answers_as_python_does(name, answers):
    python, page, folder = answers[name]
    if any(word in name for word in COMPRESSED):
        assert "compressed" in page["reason"]
    elif "allow" in name and "there is none" not in name:
        assert "its gantry is tilted" in page["reason"]
    elif python.outcome is Outcome.ERROR:
        said = python.messages[0].replace(f"{folder}/", "").replace(f"{folder}: ", "")
        told = page["reason"] if page["file"] is None else f"{page['file']}: {page['reason']}"
        assert _plain(told) in _plain(said) or (name in HEADERS_CUT_OFF and "is a damaged DICOM file" in told)
    else:
        _check_volume(python, page, folder.parent / "voxels.bin")


def _check_volume(python: Answer, page: dict[str, Any], voxels: Path) -> None:
    volume = python.found
    assert page["shape"] == list(volume.shape)
    np.testing.assert_allclose(page["affine"], volume.affine, rtol=0, atol=1e-9)
    stored = np.fromfile(voxels, page["kind"]).reshape(volume.shape, order="F")
    assert page["kind"] == volume.voxels.dtype.name
    np.testing.assert_array_equal(stored, volume.voxels)
    assert [_plain(text) for text in page["warnings"]] == [_plain(text.partition(": ")[2]) for text in python.messages]


def _plain(text: str) -> str:
    """A message without codes of series, zeros behind a point, and what a library says of a damaged header."""
    text = re.sub(r" \[\w{8}\]", "", text).replace(".0 %", " %")
    return re.sub(r"damaged DICOM file \(.*", "damaged DICOM file", text)
