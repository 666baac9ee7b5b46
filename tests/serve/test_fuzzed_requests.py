"""Every answer to requests made from the schema is documented, and none is a fault of the service."""

import pytest
from fuzzed_requests import fuzz
from serving import serving


@pytest.mark.slow
def test_requests_made_from_the_schema(tmp_path):
    with serving(tmp_path / "state", queue=10_000) as client:
        answers = fuzz(client, examples=1)
    assert {status for _, status in answers} >= {200, 201, 404, 422}
    assert sum(answers.values()) > 30
