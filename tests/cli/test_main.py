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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["segment", "ct.nii.gz", "-o", "x", "--batch", "2"], "it is called --batch-size now"),
        (["weights", "import", "unet.pth", "--output", "x.safetensors"], "it is called --out now"),
        (["evaluate", "out", "truth", "--json", "scores.json"], "a file is written by --json-file"),
        (["evaluate", "out", "truth", "--structures", "liver"], "are named by --classes"),
    ],
)
def test_an_old_option_is_answered_with_the_new_one(arguments, said, capsys):
    assert main(arguments) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


def commands(group, *names):
    """Every command with its words."""
    for name, one in getattr(group, "commands", {}).items():
        yield from commands(one, *names, name)
        if not hasattr(one, "commands"):
            yield (*names, name), one


def every_command():
    return dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_help_has_an_example_and_says_what_each_option_is(words, capsys):
    command = every_command()[words]
    assert command.epilog is not None
    assert f"{command.epilog} ".startswith(f"Example: omentum {' '.join(words)} ")
    assert [p.name for p in command.params if p.param_type_name == "option" and not p.help] == []
    assert main([*words, "--help"]) == 0


def test_an_option_means_the_same_in_every_command():
    kinds = {}
    for words, command in every_command().items():
        for parameter in command.params:
            if parameter.param_type_name == "option":
                for flag in parameter.opts:
                    kinds.setdefault(flag, {})[bool(parameter.is_flag)] = words
    assert {flag: users for flag, users in kinds.items() if len(users) > 1} == {}


def test_a_shell_can_complete(monkeypatch, capsys):
    monkeypatch.setenv("_OMENTUM_COMPLETE", "complete_zsh")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "omentum segment --pro")
    with pytest.raises(SystemExit):
        main([])
    shown = capsys.readouterr().out
    assert "--profile" in shown
