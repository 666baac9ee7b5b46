"""Standard output that is full, closed, missing or cannot show everything."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from case_files import put_ct

from omentum.cli import main
from omentum.errors import printable


class Gone(io.TextIOBase):
    """An output that takes nothing."""

    encoding = "utf-8"

    def __init__(self, number):
        self.number = number

    def write(self, text):
        raise OSError(self.number, os.strerror(self.number))


def ascii_stream():
    return io.TextIOWrapper(io.BytesIO(), "ascii", write_through=True)


def test_a_reader_that_has_gone_ends_the_command_without_a_word(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", Gone(errno.EPIPE))
    assert main(["classes"]) == 141
    assert capsys.readouterr().err == ""


def test_a_full_output_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", Gone(errno.ENOSPC))
    assert main(["classes"]) == 2
    assert capsys.readouterr().err == (
        "error: standard output cannot be written: No space left on device (files are complete)\n"
    )


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ENOSPC])
def test_results_are_kept_when_their_table_cannot_be_printed(number, here, monkeypatch):
    put_ct("a.nii.gz")
    put_ct("b.nii.gz")
    monkeypatch.setattr(sys, "stdout", Gone(number))
    command = ["segment", "a.nii.gz", "b.nii.gz", "-o", "out", "-j", "0", "--no-preview", "--no-report"]
    assert main(command) == (141 if number == errno.EPIPE else 2)
    assert sorted(path.name for path in Path("out").iterdir()) == [
        *("a", "b", "lesions.csv", "measurements.csv", "quality.csv", "report.json")
    ]


def test_nobody_who_does_not_listen_to_stderr_stops_the_work(here, monkeypatch):
    put_ct("a.nii.gz")
    monkeypatch.setattr(sys, "stderr", Gone(errno.ENOSPC))
    assert main(["segment", "a.nii.gz", "-o", "out", "--no-preview", "--no-report"]) == 0
    assert main(["segment", "missing.nii.gz", "-o", "out"]) == 2


def test_closed_outputs_are_as_good_as_any(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["classes"]) == 0
    assert main(["nonsense"]) == 2
    assert (sys.stdout, sys.stderr) == (None, None)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["segment", "--help"], ["classes"], ["data", "list"], ["weights", "info", "default"]]
)
def test_an_ascii_terminal_gets_plain_characters(arguments, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    stream = ascii_stream()
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(arguments) == 0
    shown = stream.buffer.getvalue().decode("ascii")
    assert len(shown) > 200
    assert "\\u" not in shown


def test_a_real_pipe_that_is_closed_early_leaves_no_noise():
    code = "import sys; from omentum.cli import main; sys.exit(main(['classes', '--json']))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 141


def test_names_that_are_no_text_are_escaped(monkeypatch, capsys):
    name = os.fsdecode(b"M\xfcller.nii.gz")
    assert printable(name) == "M\\xfcller.nii.gz"
    assert printable("Müller") == "Müller"
    assert printable("Mü×" + name, ascii_only=True) == "M\\xfc\\xd7M\\xfcller.nii.gz"
    monkeypatch.setattr(sys, "stderr", ascii_stream())
    assert main(["segment", name, "-o", "out"]) == 2
    assert b"error: M\\xfcller.nii.gz: No such file" in sys.stderr.buffer.getvalue()


@pytest.mark.parametrize("short", ["-h", "--help"])
def test_help_has_a_short_name_everywhere(short, capsys):
    for command in ([], ["segment"], ["data"], ["data", "list"], ["lesions", "compare"]):
        assert main([*command, short]) == 0
        assert "Usage: omentum" in capsys.readouterr().out


def test_the_version_has_a_short_name_and_the_package_is_a_command(capsys):
    assert main(["-V"]) == 0
    shown = capsys.readouterr().out
    found = subprocess.run([sys.executable, "-m", "omentum", "-V"], capture_output=True, text=True, check=True)
    assert found.stdout == shown
