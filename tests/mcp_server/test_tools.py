import json
import os
import sys
from pathlib import Path

import anyio
import pytest
from banded_phantom import ras_grid, stored
from case_files import put_ct
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client

from omentum.errors import OmentumError
from omentum.mcp.server import build_server
from omentum.result_files import MEASUREMENTS


def asked(tools, *calls, progress=None):
    """Results of calls of tools by a client in this process, one after another."""

    async def ask():
        async with Client(build_server(tools)) as client:
            return [await client.call_tool(name, given, progress_callback=progress) for name, given in calls]

    return anyio.run(ask)


def error_of(tools, name, **arguments):
    (result,) = asked(tools, (name, arguments))
    assert result.is_error
    (line,) = result.content
    assert "\n" not in line.text
    return line.text


@pytest.fixture
def scans(tools):
    """What the tools may read: a good and a bad CT."""
    folder = tools.places.roots[0]
    put_ct(folder / "ct.nii.gz")
    (folder / "broken.nii.gz").write_bytes(b"no image")
    return folder


def test_every_tool_says_what_it_takes_and_answers(tools):
    async def listed():
        async with Client(build_server(tools)) as client:
            return (await client.list_tools()).tools

    found = {tool.name: tool for tool in anyio.run(listed)}
    assert set(found) == {"segment", "measure", "list_classes", "compare_lesions", "doctor"}
    assert all(tool.description and tool.output_schema["properties"] for tool in found.values())
    assert found["segment"].input_schema["required"] == ["path"]
    assert [name for name, tool in found.items() if not tool.annotations.read_only_hint] == ["segment"]


def test_cts_are_segmented_measured_and_compared(tools, scans):
    told = []

    async def progress(done, of, line):
        told.append((done, of, line))

    put_ct(scans / "other/flipped.nii.gz", stored(ras_grid(), (1, 0, 2), (True, False, False)))
    segmented, measured, again, compared, refused = asked(
        tools,
        ("segment", {"path": str(scans), "classes": "liver, Lebertumor", "folder": "baseline"}),
        ("measure", {"segmentation": "baseline/ct"}),
        ("measure", {"segmentation": "baseline", "ct": "ct.nii.gz", "classes": "liver, spleen"}),
        ("compare_lesions", {"before": "baseline", "after": "baseline/ct"}),
        ("measure", {"segmentation": "baseline", "ct": "other/flipped.nii.gz"}),
        progress=progress,
    )
    cases = {case["case"]: case for case in segmented.structured_content["cases"]}
    assert {name: case["status"] for name, case in cases.items()} == {"broken": "failed", "ct": "done"}
    assert "broken.nii.gz" in cases["broken"]["error"]
    folder = tools.places.out / "baseline/ct"
    assert cases["ct"]["folder"] == str(folder)
    assert "segmentation.seg.nrrd" in cases["ct"]["files"]
    volumes = {
        key: pytest.approx(one["volume_ml"], abs=1e-3)
        for key, one in json.loads((folder / MEASUREMENTS).read_text())["structures"].items()
    }
    for answer in (cases["ct"], measured.structured_content):
        assert {one["key"]: one["volume_ml"] for one in answer["structures"]} == volumes
        assert [one["key"] for one in answer["lesions"]] == ["liver_tumour"]
    assert [one["volume_ml"] for one in again.structured_content["structures"]] == [volumes["liver"]]
    assert again.structured_content["not_measured"] == ["spleen"]
    assert compared.structured_content["response"] == "stable disease"
    assert [one["status"] for one in compared.structured_content["lesions"]] == ["same"]
    assert "is not on the grid of" in refused.content[0].text
    steps = [done for done, _, line in told if not line.startswith("comparing")]
    assert steps == sorted(set(steps))
    assert {of for _, of, line in told if "100 %" in line} == {2}


def test_words_are_explained_and_inputs_examined(tools, scans):
    words, listed, trusted, report = (
        one.structured_content
        for one in asked(
            tools,
            ("list_classes", {"explain": "both kidneys, Milz"}),
            ("list_classes", {}),
            ("list_classes", {"with_trust": True}),
            ("doctor", {"path": "ct.nii.gz", "classes": "liver"}),
        )
    )
    assert [one["structures"] for one in words["explained"]] == [["right_kidney", "left_kidney"], ["spleen"]]
    assert {one["key"] for one in words["structures"]} == {"right_kidney", "left_kidney", "spleen"}
    assert len(listed["structures"]) == 32
    assert {one["trust"] for one in trusted["structures"]} == {"unknown"}
    assert report["inputs"][0]["works"]


def test_a_cancelled_call_ends_its_work(tools, scans):
    async def ask():
        async with Client(build_server(tools), mode="legacy") as client:
            with anyio.CancelScope() as scope:

                async def cancel(done, of, line):
                    if "%" in line:
                        scope.cancel()

                await client.call_tool("segment", {"path": "ct.nii.gz"}, progress_callback=cancel)
            assert scope.cancelled_caught
            return await client.call_tool("segment", {"path": "broken.nii.gz"})  # waits until the first has ended

    assert "broken.nii.gz" in anyio.run(ask).content[0].text
    assert [*tools.places.out.rglob("*")] == []


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("segment", {"path": "/etc/hostname"}, "lies outside the folders this server may read (readable are "),
        ("segment", {"path": "../secret.nii.gz"}, "lies outside"),
        ("measure", {"segmentation": "dicomweb://host/studies/1"}, "no addresses"),
        ("doctor", {"path": "link"}, "lies outside"),
        ("segment", {"path": "folder"}, "is a link out of the folders this server may read"),
        ("segment", {"path": "gone.nii.gz"}, "gone.nii.gz: no such file or folder"),
        ("segment", {"path": "ct.nii.gz", "folder": "../up"}, "'../up' is no name for a folder of results"),
        ("segment", {"path": "ct.nii.gz", "folder": "a" * 200}, "is no name for a folder of results"),
        ("segment", {"path": "ct.nii.gz", "profile": "hasty"}, "hasty"),
        ("segment", {"path": "ct.nii.gz", "formats": ["pdf"]}, "no format 'pdf'"),
        ("measure", {"segmentation": "ct.nii.gz"}, "has no measurements.json beside it (name the CT as well"),
        ("measure", {}, "segmentation Field required"),
    ],
)
def test_refusals_are_one_line(tools, scans, name, arguments, says):
    outside = scans.parent / "secret.nii.gz"
    put_ct(outside)
    (scans / "link").symlink_to(outside)
    (scans / "folder").mkdir()
    (scans / "folder/ct.nii.gz").symlink_to(outside)
    assert says in error_of(tools, name, **arguments)


def test_damaged_measurements_are_refused(tools, scans):
    folder = tools.places.out / "ct"
    folder.mkdir(parents=True)
    (folder / "segmentation.nii.gz").touch()
    (folder / MEASUREMENTS).write_text("{}")
    assert "is damaged or of another version" in error_of(tools, "measure", segmentation="ct")


def test_folders_are_checked_when_the_server_starts(tmp_path, capsys):
    from omentum.cli import main

    (tmp_path / "file").touch()
    assert main(["mcp", "--root", str(tmp_path / "gone"), "-o", str(tmp_path)]) == 2
    assert main(["mcp", "--root", str(tmp_path), "-o", str(tmp_path / "file")]) == 2
    told = capsys.readouterr().err.splitlines()
    assert ["no such folder" in told[0], "is a file" in told[1]] == [True, True]


def test_over_standard_input_and_output_without_torch(tmp_path, monkeypatch):
    """Also printing tools could not disturb the protocol; torch is loaded by the first segmentation only."""
    code = (
        "import sys; from omentum.cli import main; main(sys.argv[1:]); print('torch' in sys.modules, file=sys.stderr)"
    )
    arguments = ["-c", code, "mcp", "--root", str(tmp_path), "-o", str(tmp_path / "out")]
    here = StdioServerParameters(command=sys.executable, args=arguments, env=dict(os.environ))

    async def ask(log):
        async with Client(stdio_client(here, errlog=log)) as client:
            found = await client.call_tool("list_classes", {"explain": "Milz"})
            return found, await client.call_tool("measure", {"segmentation": "nothing"})

    with (tmp_path / "log").open("w") as log:
        found, refused = anyio.run(ask, log)
    assert [one["key"] for one in found.structured_content["structures"]] == ["spleen"]
    assert "no such file or folder" in refused.content[0].text
    assert Path(tmp_path / "log").read_text().splitlines()[-1] == "False"


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "\ud800", "~no-such-user-here/ct.nii.gz"])
def test_what_cannot_be_a_path_is_refused_in_one_line(tools, path):
    with pytest.raises(OmentumError):
        tools.places.readable(path)
