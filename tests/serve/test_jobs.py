"""Jobs through the interface: queued, followed, cancelled, fetched, deleted."""

from serving import failing, followed, serving, submitted, uploaded


def test_from_an_upload_to_its_results(tmp_path):
    with serving(tmp_path / "state") as client:
        upload = uploaded(client, ct__nii__gz=b"0123456789")
        job = submitted(client, upload, classes=["liver"])
        done = followed(client, job)
        assert (done["state"], done["error"], done["input"]) == ("done", None, {"files": 1, "bytes": 10})
        assert done["results"] == ["masks/liver.nii.gz", "segmentation.nii.gz"]
        assert done["options"]["classes"] == ["liver"]
        assert done["options"]["profile"] == "exact"
        assert client.get(f"/jobs/{job}").json() == done
        listed = client.get(f"/jobs/{job}/results").json()
        assert listed[1] == {"name": "segmentation.nii.gz", "media_type": "application/gzip", "bytes": 6}
        file = client.get(f"/jobs/{job}/results/masks/liver.nii.gz")
        assert (file.status_code, file.content) == (200, b"a mask")
        assert file.headers["content-disposition"].startswith('attachment; filename="masks_liver.nii.gz"')
        assert [one["id"] for one in client.get("/jobs").json()] == [job]

        gone = client.delete(f"/jobs/{job}").json()
        assert gone["deleted"] == [
            "results/masks/liver.nii.gz",
            "results/segmentation.nii.gz",
            "input/ct.nii.gz",
        ]
        assert gone["bytes"] == 6 + 6 + 10
        assert client.get(f"/jobs/{job}").status_code == client.get(f"/uploads/{upload}").status_code == 404
        assert not any(path.is_file() for path in (tmp_path / "state" / "jobs").rglob("*"))


def test_a_failed_job_says_why(tmp_path):
    with serving(tmp_path / "state", failing) as client:
        done = followed(client, submitted(client))
        assert done["state"] == "failed"
        assert done["error"] == {
            "error": "input",
            "file": "ct.nii.gz",
            "reason": "is damaged",
            "remedy": "copy it again",
        }
        assert done["results"] == []
