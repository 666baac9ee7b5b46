"""report.json is read back as it was written."""

import json
from pathlib import Path

import pytest
from json_schemas import fault_of

from omentum.errors import InputError
from omentum.pipeline.batch.jobs import CaseOutcome, CaseStatus, Job
from omentum.pipeline.batch.report import BatchReport
from omentum.quality import Quality
from omentum.quality.flags import Flag, FlagCode, Severity


def outcomes():
    """A case of every status."""
    flag = Flag(Severity.WARNING, "liver", FlagCode.SMALL, "small")
    quality = Quality((flag,), {})
    jobs = [Job(name, Path(f"{name}.nii.gz"), Path("out") / name) for name in ("a", "b", "c", "d")]
    return [
        CaseOutcome(jobs[0], seconds=2.5, warnings=["odd", "odd"], quality=quality),
        CaseOutcome(jobs[1], resumed=True, quality=quality),
        CaseOutcome(jobs[2], fault=InputError("is no image")),
        CaseOutcome(jobs[3]),
    ]


def test_a_report_is_read_back_as_it_was_written():
    report = BatchReport.of(outcomes())
    written = json.loads(json.dumps(report.to_json()))
    assert fault_of(written) is None
    assert [case["status"] for case in written["cases"]] == ["done", "done earlier", "failed", "not done"]
    read = BatchReport.from_json(written)
    assert read == report
    assert [case.status for case in read.cases] == [
        CaseStatus.DONE,
        CaseStatus.DONE_EARLIER,
        CaseStatus.FAILED,
        CaseStatus.NOT_DONE,
    ]
    assert read.cases[0].warnings == ("odd",)
    assert read.cases[2].error == "c.nii.gz: is no image"


def test_another_document_or_version_is_no_report():
    written = BatchReport.of(outcomes()).to_json()
    with pytest.raises(TypeError, match="schema"):
        BatchReport.from_json(written | {"schema": "omentum.split"})
    with pytest.raises(ValueError, match="of version 99"):
        BatchReport.from_json(written | {"schema_version": 99})
    with pytest.raises(ValueError, match="lost"):
        BatchReport.from_json(written | {"cases": [written["cases"][0] | {"status": "lost"}]})
