"""What must be refused is refused, in JSON, with no path and no traceback."""

from hostile_requests import MOST_BYTES, hostile_requests
from serving import TOKEN, serving


def test_every_hostile_request_is_refused(tmp_path):
    state = tmp_path / "state"
    wrong = []
    with serving(state, token=TOKEN, upload_gb=MOST_BYTES / 1e9) as client:
        requests = list(hostile_requests(client))
        for request in requests:
            answer = request.send(client)
            if answer.status_code != request.status:
                wrong.append((request.kind, request.what, answer.status_code, answer.text))
            assert str(tmp_path) not in answer.text
            assert "Traceback" not in answer.text
            assert "default-src 'self'" in answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "access-control-allow-origin" not in answer.headers
            if answer.status_code >= 400:
                assert set(answer.json()) == {"error", "file", "reason", "remedy"}
        assert not wrong
        assert len(requests) > 45
        assert not any("evil" in line or "passwd" in line or TOKEN in line for line in client.said)
    assert not [path for path in tmp_path.rglob("*") if "passwd" in path.name or "Cookie" in path.name]
    assert not list((state / "uploads").rglob("x.nii*"))
