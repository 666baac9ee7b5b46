"""The schema files themselves; documents of every test are checked against them by a fixture in conftest.py."""

from __future__ import annotations

import json

import pytest
from json_schemas import fault_of, schema_names, validator
from jsonschema import Draft202012Validator

from omentum.cli import main
from omentum.data.harmonise.check import CheckStatus, FindingSeverity
from omentum.follow_up.alignment import AlignmentBasis
from omentum.pipeline.batch.jobs import CaseStatus
from omentum.schemas import PREFIX, VERSIONS, Schema, json_schema, stamped, unstamped, version_of

SHARED = "common"


def objects(schema):
    """Every part of a schema that describes an object with properties."""
    if isinstance(schema, dict):
        if "properties" in schema and schema.get("type") == "object":
            yield schema
        for part in schema.values():
            yield from objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects(part)


def test_every_document_has_a_schema_file_and_every_file_a_document():
    assert {f"{PREFIX}{name}" for name in schema_names() if name != SHARED} == {schema.value for schema in Schema}


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_one_and_allows_no_key_that_it_does_not_name(name):
    schema = json_schema(name)
    Draft202012Validator.check_schema(schema)
    for part in objects(schema):
        assert part.get("additionalProperties") is False or part.get("unevaluatedProperties") is False, part
        assert set(part["required"]) <= set(part["properties"])


@pytest.mark.parametrize("schema", Schema)
def test_a_schema_says_the_name_and_version_that_is_written(schema):
    whole = json_schema(schema)
    for one in whole.get("oneOf", [whole]) if "properties" not in whole else [whole]:
        assert one["properties"]["schema"] == {"const": schema.value}
        assert one["properties"]["schema_version"] == {"const": VERSIONS[schema]}
        assert {"schema", "schema_version"} <= set(one["required"])


def test_a_key_that_no_schema_names_is_found():
    document = stamped(Schema.VALIDATION, {"step": 1, "mean_dice": 0.5, "dice": {}, "best_step": 1, "best_dice": 0.5})
    assert fault_of(document) is None
    assert "new" in fault_of(document | {"new": 1})
    assert "'step' is a required property" in fault_of({k: v for k, v in document.items() if k != "step"})
    assert fault_of({"schema": "somebody else's"}) is None


def test_stamps_come_first_and_go_away_again():
    document = stamped(Schema.SPLIT, {"parts": {}})
    assert list(document) == ["schema", "schema_version", "parts"]
    assert unstamped(document) == {"parts": {}}
    assert version_of(document, Schema.SPLIT) == VERSIONS[Schema.SPLIT]
    assert version_of({"format": 7}, Schema.SPLIT) == 7
    with pytest.raises(TypeError, match=r"schema 'omentum\.split', not 'omentum\.store'"):
        version_of(document, Schema.STORE)
    with pytest.raises(TypeError, match="not list"):
        version_of([], Schema.STORE)


@pytest.mark.parametrize(
    "command",
    [
        ("classes",),
        ("classes", "-w", "default"),
        ("data", "list"),
        ("data", "show", "btcv"),
        ("weights", "list"),
        ("weights", "info", "default"),
        ("weights", "info", "clip-universal-unet"),
        ("cache", "list"),
    ],
)
def test_what_commands_print_as_json_fits_its_schema(command, capsys):
    assert main([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] in {schema.value for schema in Schema}
    assert list(validator(document["schema"].removeprefix(PREFIX)).iter_errors(document)) == []


def enums(schema, name):
    """The words that properties of some name may have, anywhere in a schema."""
    if isinstance(schema, dict):
        if isinstance(found := schema.get("properties", {}).get(name), dict) and "enum" in found:
            yield set(found["enum"])
        for part in schema.values():
            yield from enums(part, name)


@pytest.mark.parametrize(
    ("schema", "name", "words"),
    [
        (Schema.BATCH, "status", CaseStatus),
        (Schema.DATA_CHECK, "status", CheckStatus),
        (Schema.DATA_CHECK, "severity", FindingSeverity),
        (Schema.LESION_FOLLOW_UP, "basis", AlignmentBasis),
    ],
)
def test_closed_words_are_those_of_the_enumeration(schema, name, words):
    assert list(enums(json_schema(schema), name)) == [set(words)]
