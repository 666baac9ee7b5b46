"""Results as they are sent: ranges of a file, a report in a sandbox."""

import pytest
from serving import followed, serving, submitted


@pytest.fixture(scope="module")
def shared_job(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("shared") / "state") as client:
        job = submitted(client)
        followed(client, job)
        yield client, job


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [
        ("bytes=1-3", 206, b"abe"),
        ("bytes=-2", 206, b"ls"),
        ("bytes=4-", 206, b"ls"),
        ("bytes=0-1,3-4", 200, b"labels"),
        ("bytes=3-1", 200, b"labels"),
        ("bytes=-", 200, b"labels"),
        ("lines=1-2", 200, b"labels"),
        ("nonsense", 200, b"labels"),
        ("bytes=6-", 416, None),
        ("bytes=-0", 416, None),
    ],
)
def test_a_range_of_a_result(shared_job, asked, status, content):
    client, job = shared_job
    answer = client.get(f"/jobs/{job}/results/segmentation.nii.gz", headers={"Range": asked})
    assert answer.status_code == status
    if content is None:
        assert answer.json()["error"] == "range"
        assert answer.headers["content-range"] == "bytes */6"
    else:
        assert answer.content == content


def test_a_report_is_shown_in_a_sandbox(tmp_path):
    def report(job, folder):
        (folder / "report.html").write_text("<script>1</script>")

    with serving(tmp_path / "state", report) as client:
        job = submitted(client)
        followed(client, job)
        saved = client.get(f"/jobs/{job}/results/report.html")
        shown = client.get(f"/jobs/{job}/results/report.html?view=1")
        assert saved.headers["content-disposition"].startswith("attachment")
        assert shown.headers["content-disposition"].startswith("inline")
        assert shown.headers["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none'")
