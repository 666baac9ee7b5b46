"""Every option of `segment` and `evaluate` is a field of an option object, with the same default, and the reverse."""

import inspect
from dataclasses import fields
from pathlib import Path

import pytest
import typer

from omentum import (
    BatchOptions,
    CaseSelection,
    EvaluationFiles,
    EvaluationOptions,
    SaveOptions,
    SegmentOptions,
    segment_batch,
)
from omentum.cli import app, main
from omentum.cli.option_table import markdown_table, with_options
from omentum.infer.engines import ENGINES
from omentum.infer.maps import STEPS
from omentum.infer.profiles import PROFILES
from omentum.option_fields import Group, option, options_of
from omentum.pacs.options import DicomWebOptions
from omentum.pipeline import options as pipeline_options
from omentum.postprocess import CLEANERS
from omentum.remote.options import RemoteOptions
from omentum.report.meshes import FORMATS

OBJECTS = (CaseSelection, SegmentOptions, BatchOptions, SaveOptions, DicomWebOptions, RemoteOptions)
OF_THE_TERMINAL = {"inputs", "out", "quiet", "as_json", "help_all", "help", "own"}
"""Not of a library call, or its two positional arguments."""
OF_PYTHON = {"numbering"}
"""A field of `SaveOptions` that holds an object; the command line names it by `BatchOptions.numbering`."""


def command(name="segment"):
    return typer.main.get_command(app).commands[name]


def shown(parameter):
    """A default as a dataclass has it."""
    default = parameter.default
    return tuple(default) if isinstance(default, list) else default


def test_every_option_is_a_field_with_the_same_default():
    defaults = {name: default for kind in OBJECTS for name, default, _ in options_of(kind)}
    parameters = {p.name: p for p in command().params if p.name not in OF_THE_TERMINAL}
    assert parameters.keys() == defaults.keys()
    for name, parameter in parameters.items():
        assert (shown(parameter) or None) == (defaults[name] or None), name


def test_every_field_is_an_option():
    for kind in OBJECTS:
        options = {name for name, _, _ in options_of(kind)}
        assert {field.name for field in fields(kind)} - options <= (OF_PYTHON if kind is SaveOptions else set())


def test_options_of_evaluate_are_the_fields_of_its_objects():
    kinds = (EvaluationOptions, EvaluationFiles)
    defaults = {name: default for kind in kinds for name, default, _ in options_of(kind)}
    assert defaults.keys() == {field.name for kind in kinds for field in fields(kind)}
    others = {"pred", "ref", "as_json", "jobs", "own", "quiet", "help"}
    parameters = {p.name: p for p in command("evaluate").params if p.name not in others}
    assert {name: shown(parameter) for name, parameter in parameters.items()} == defaults


def test_the_call_from_python_takes_the_same_objects():
    taken = set(inspect.signature(segment_batch).parameters)
    assert taken == {"inputs", "out", "cases", "options", "save", "batch", "progress", "unavailable", "compute"}


@pytest.mark.parametrize(
    ("choices", "table"),
    [
        (pipeline_options.PROFILES, PROFILES),
        (pipeline_options.RULES, CLEANERS),
        (pipeline_options.ENGINES, ENGINES),
        (pipeline_options.MESH_FORMATS, FORMATS),
        (pipeline_options.PROBABILITY_TYPES, STEPS),
    ],
)
def test_choices_are_those_of_the_library(choices, table):
    assert set(choices) == set(table)


def test_the_table_in_the_docs_is_true():
    page = (Path(__file__).parents[2] / "docs/how-to/segment-options.md").read_text(encoding="utf-8")
    assert page.endswith(markdown_table(*OBJECTS))


def test_rare_options_are_shown_only_on_request(capsys):
    assert main(["segment", "--help"]) == 0
    usual = capsys.readouterr().out
    assert main(["segment", "--help-all"]) == 0
    all_of_them = capsys.readouterr().out
    rare = [p for p in command().params if getattr(p, "hidden", False)]
    assert rare
    for parameter in rare:
        assert parameter.opts[0] not in usual
        assert parameter.opts[0] in all_of_them
    visible = [p for p in command().params if p.param_type_name == "option" and not p.hidden]
    assert len(visible) + 1 <= 20  # and --help
    assert main(["segment", "--help"]) == 0
    assert capsys.readouterr().out == usual


def test_options_are_grouped_in_one_order():
    panels = [p.rich_help_panel for p in command().params if getattr(p, "rich_help_panel", None)]
    assert list(dict.fromkeys(panels)) == [str(group) for group in Group]


def test_a_choice_that_is_none_is_refused_with_those_there_are(capsys):
    assert main(["segment", "ct.nii.gz", "-o", "out", "--profile", "quick"]) == 2
    shown = capsys.readouterr().err
    assert "--profile" in shown
    assert all(name in shown for name in PROFILES)


def test_an_object_is_made_of_what_was_typed():
    from dataclasses import dataclass, field

    @dataclass(frozen=True)
    class Wish:
        colours: tuple[str, ...] = field(default=(), metadata=option("which", Group.FIND, is_repeated=True))
        size: str = field(default="small", metadata=option("how large", Group.FIND, choices=("small", "large")))
        wrapped: bool = field(default=True, metadata=option("in paper", Group.OUTPUT))

    seen = []

    @with_options
    def order(wish: Wish, number: int = 1) -> None:
        seen.append((wish, number))

    shop = typer.Typer()
    shop.command()(order)
    shop(["--colours", "red", "--colours", "blue", "--size", "large", "--no-wrapped"], standalone_mode=False)
    shop(["--number", "2"], standalone_mode=False)
    assert seen == [(Wish(("red", "blue"), "large", False), 1), (Wish(), 2)]
