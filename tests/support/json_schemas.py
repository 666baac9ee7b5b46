"""Checks documents that Omentum writes against its schema files."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from omentum.schemas import PREFIX, json_schema


def schema_names() -> list[str]:
    """Names of all schema files, without ".json"."""
    files = resources.files("omentum.schemas").iterdir()
    return sorted(file.name.removesuffix(".json") for file in files if file.name.endswith(".json"))


@cache
def validator(name: str) -> Draft202012Validator:
    """Of a schema file; references between files are found."""
    files = [(f"{one}.json", Resource(json_schema(one), DRAFT202012)) for one in schema_names()]
    return Draft202012Validator({"$ref": f"{name}.json"}, registry=Registry().with_resources(files).crawl())


def fault_of(document: Any) -> str | None:
    """What is wrong with a document that names a schema; None for one that is right, or names none."""
    name = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(name, str) or not name.startswith(PREFIX):
        return None
    fault = best_match(validator(name.removeprefix(PREFIX)).iter_errors(document))
    return fault and f"{name}: {fault.json_path}: {fault.message[:400]}"
