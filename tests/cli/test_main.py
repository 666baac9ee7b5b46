import pytest
import typer

import omentum
from omentum.cli import app, main
from omentum.errors import InputError


@pytest.fixture
def failing(monkeypatch):
    """Makes `omentum classes` raise what the test wants."""

    def install(fault: BaseException) -> None:
        def classes() -> None:
            raise fault

        command = next(c for c in app.registered_commands if c.callback.__name__ == "classes")
        monkeypatch.setattr(command, "callback", classes)

    return install


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"omentum {omentum.__version__}\n"


def test_without_arguments_the_help_is_shown(capsys):
    assert main([]) == 0
    out = capsys.readouterr().out
    for command in ("segment", "classes", "weights", "phantom", "train", "evaluate"):
        assert command in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sgement"], "error: No such command 'sgement'"),
        (["segment", "--nonsense"], "error: No such option: --nonsense"),
        (["segment"], "error: Missing option '-o'"),
        (["evaluate"], "error: Missing argument"),
        (["segment", "ct.nii.gz"], "error: Missing option"),
        (["segment", "ct.nii.gz", "-o", "x", "--batch-size", "0"], "error: Invalid value for '--batch-size'"),
    ],
)
def test_a_bad_command_line_is_one_line_and_2(arguments, said, capsys):
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(said)
    assert shown.err.count("\n") == 1
    assert shown.out == ""


def test_a_users_fault_names_file_reason_and_remedy(failing, capsys):
    failing(InputError("is cut\nshort", source="ct.nii.gz", remedy="copy it again"))
    assert main(["classes"]) == 2
    assert capsys.readouterr().err == "error: ct.nii.gz: is cut\\nshort (copy it again)\n"


def test_our_fault_is_one_line_without_a_traceback(failing, capsys):
    failing(ZeroDivisionError("division\nby zero"))
    assert main(["classes"]) == 1
    assert capsys.readouterr().err == (
        "error: internal fault: ZeroDivisionError: division by zero (run again with --debug)\n"
    )


@pytest.mark.parametrize("arguments", [["--debug", "classes"], ["classes", "--debug"]])
def test_a_traceback_comes_with_debug_wherever_it_stands(arguments, failing, capsys):
    failing(ZeroDivisionError("zero"))
    assert main(arguments) == 1
    assert "Traceback" in capsys.readouterr().err


def test_after_two_dashes_debug_is_a_file_name(tmp_path, capsys):
    assert main(["segment", "-o", str(tmp_path / "out"), "--", "--debug"]) == 2
    assert "error: --debug: No such file" in capsys.readouterr().err


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), typer.Abort()])
def test_an_interruption_is_130(fault, failing):
    failing(fault)
    assert main(["classes"]) == 130


def test_an_exit_code_of_a_command_is_kept(failing):
    failing(typer.Exit(3))
    assert main(["classes"]) == 3
