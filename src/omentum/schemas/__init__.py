"""JSON schemas of the documents that Omentum writes.

Every document names its schema and version: `schema` is the name of a file in this folder (JSON Schema, draft 2020-12),
`schema_version` is its version. The version increases when a key is renamed, removed or changes its meaning; a new key
only changes the schema file. The only exception is statistics.json, which has TotalSegmentator's format.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

PREFIX = "omentum."


class Schema(StrEnum):
    """Names of documents: `PREFIX` followed by the name of the schema file."""

    ANNOTATION_ACCEPTED = "omentum.annotation-accepted"
    ANNOTATION_PROPOSAL = "omentum.annotation-proposal"
    ANNOTATION_ROUND = "omentum.annotation-round"
    ANNOTATION_WORKLIST = "omentum.annotation-worklist"
    BATCH = "omentum.batch"
    CACHE = "omentum.cache"
    CASE = "omentum.case"
    CHECKPOINT = "omentum.checkpoint"
    CLASSES = "omentum.classes"
    CLASS_MAP = "omentum.class-map"
    CORRECTIONS = "omentum.corrections"
    DATA_CHECK = "omentum.data-check"
    DATASET = "omentum.dataset"
    DATASETS = "omentum.datasets"
    DOCTOR = "omentum.doctor"
    DOCTOR_MACHINE = "omentum.doctor-machine"
    ENCODERS = "omentum.encoders"
    EVALUATION = "omentum.evaluation"
    EXTENSION = "omentum.extension"
    LABEL_AUDIT = "omentum.label-audit"
    LESION_FOLLOW_UP = "omentum.lesion-follow-up"
    MANIFEST = "omentum.manifest"
    MEASUREMENTS = "omentum.measurements"
    ONNX_MODEL = "omentum.onnx-model"
    SPLIT = "omentum.split"
    STATISTICS = "omentum.statistics"
    STORE = "omentum.store"
    STORED_CASE = "omentum.stored-case"
    STORED_DATASET = "omentum.stored-dataset"
    TRAINING_LOG = "omentum.training-log"
    TRAINING_RUN = "omentum.training-run"
    VALIDATION = "omentum.validation"
    WEIGHTS = "omentum.weights"
    WEIGHTS_LIST = "omentum.weights-list"


VERSIONS: dict[Schema, int] = dict.fromkeys(Schema, 1) | {Schema.SPLIT: 2, Schema.STORED_CASE: 2}
"""Current version of each schema; documents that had a `format` before continue its numbering."""


def stamped(schema: Schema, content: Mapping[str, Any]) -> dict[str, Any]:
    """Put schema name and version at the start of a document."""
    return {"schema": schema.value, "schema_version": VERSIONS[schema], **content}


def unstamped(content: Mapping[str, Any]) -> dict[str, Any]:
    """Remove schema name and version from a document."""
    return {key: value for key, value in content.items() if key not in ("schema", "schema_version")}


def version_of(content: Mapping[str, Any], schema: Schema) -> Any:
    """Version of a document; documents older than the schemas store it as `format`.

    Raises:
        KeyError: the document has no version.
        TypeError: it is not an object, or has another schema.
    """
    if not isinstance(content, Mapping):
        raise TypeError(f"an object, not {type(content).__name__}")
    if content.get("schema", schema) != schema:
        raise TypeError(f"a document of schema {content['schema']!r}, not {schema.value!r}")
    return content["schema_version"] if "schema_version" in content else content["format"]


def read_stamped(content: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """Check the schema and version of a document and remove both.

    Raises:
        KeyError: the document has no version.
        TypeError: it is not an object, or has another schema.
        ValueError: it has another version.
    """
    if (found := version_of(content, schema)) != VERSIONS[schema]:
        raise ValueError(f"{schema.value} of version {found}, this one reads {VERSIONS[schema]}")
    return unstamped(content)


@cache
def json_schema(name: str) -> dict[str, Any]:
    """Read a schema file of this folder.

    Args:
        name: File name without ".json": a `Schema` without `PREFIX`, or "common" for shared definitions.
    """
    file = resources.files("omentum.schemas") / f"{name.removeprefix(PREFIX)}.json"
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found
