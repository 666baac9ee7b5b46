"""Requests that schemathesis makes from the schema of the service: valid ones and broken ones."""

from __future__ import annotations

from collections import Counter
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from serving import ADDRESS, followed, submitted, uploaded

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def fuzz(client: Any, examples: int, number: int = 0) -> Counter[tuple[str, int]]:
    """Send requests to every route; half of them name an upload and a job that exist.

    Args:
        client: Of a running service.
        examples: Requests to each route, in each way.
        number: Other requests for every other number.

    Returns:
        Route and status -> how often it was answered.

    Raises:
        Exception: an answer is not documented, does not fit its schema, or is a fault of the service.
    """
    schema = openapi.from_dict(client.get("/openapi.json").json())
    answers: Counter[tuple[str, int]] = Counter()
    for operation in (found.ok() for found in schema.get_all_operations()):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _fuzz_one(client, operation, mode, examples, number, answers)
    return answers


def _fuzz_one(
    client: Any, operation: Any, mode: GenerationMode, examples: int, number: int, answers: Counter[tuple[str, int]]
) -> None:
    real: list[dict[str, str]] = [{}]

    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: schemathesis.Case) -> None:
        if (sum(answers.values()) % 2 and "{job}" in operation.path) or "{upload}" in operation.path:
            case.path_parameters = {**(case.path_parameters or {}), **_made(client, real)}
        request = case.as_transport_kwargs(base_url=ADDRESS)
        request.pop("cookies", None)
        answer = client.request(**request)
        answers[operation.label, answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    try:
        run()
    except Exception as fault:
        if "Cannot generate" not in str(fault) and "Unsatisfiable" not in type(fault).__name__:  # nothing to break
            raise


def _made(client: Any, real: list[dict[str, str]]) -> dict[str, str]:
    """An upload and a job that exist; new ones where they were deleted."""
    known = real[0]
    if not known or client.get(f"/jobs/{known['job']}").status_code == 404:
        upload = uploaded(client)
        job = submitted(client, upload)
        followed(client, job)
        known = real[0] = {"upload": uploaded(client), "job": job}
    if client.get(f"/uploads/{known['upload']}").status_code == 404:
        known["upload"] = uploaded(client)
    return known
