"""A follow-up as JSON: read back as it was written."""

from __future__ import annotations

import json

import pytest
from ellipsoids import Ellipsoid
from two_scans import field, scan

from omentum.follow_up.compare import follow_up
from omentum.follow_up.result import FollowUp

LESIONS = {"liver_tumour": [Ellipsoid((60, 10, 40), (9, 9, 9))]}


def whole():
    return scan(LESIONS, field((3.0, 3.0, 3.0)))


def test_a_follow_up_is_read_back_as_it_was_written():
    result = follow_up(whole(), whole())
    written = result.to_json()
    again = FollowUp.from_json(json.loads(json.dumps(written)))
    assert again.to_json() == written
    assert (again.lesions, again.response) == (result.lesions, result.response)


def test_another_version_is_no_follow_up():
    with pytest.raises(ValueError, match="of version 99"):
        FollowUp.from_json(follow_up(whole(), whole()).to_json() | {"schema_version": 99})
