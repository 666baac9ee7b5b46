import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from case_files import SPEC, files_in, put_ct
from dicom_files import write_stack
from service_over_http import at_a_port, segmenting_service
from threshold_model import ThresholdModel

from omentum.cli import main
from omentum.client import Client, RemoteError
from omentum.io.nifti import read_volume
from omentum.result_files import MEASUREMENTS

BARE = ("--quiet", "--no-report", "--no-preview")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", lambda *_: ThresholdModel(SPEC))
    return tmp_path


@pytest.fixture
def server(here):
    with segmenting_service(here / "state", SPEC) as service, at_a_port(service) as address:
        service.address = address
        yield service


def segmented(server, *arguments):
    return main(["segment", *map(str, arguments), "--server", server.address])


def measured(folder):
    return json.loads(Path(folder, MEASUREMENTS).read_text())["structures"]


def test_a_batch_gives_the_folder_of_a_local_run(server, here, capsys):
    put_ct("cts/a.nii.gz")
    put_ct("cts/b.nii.gz")
    Path("cts/broken.nii.gz").write_bytes(b"no image")
    assert segmented(server, "cts", "-o", "there", "--classes", "Leber, liver tumour", *BARE[1:]) == 3
    told = capsys.readouterr()
    assert "2 of 3 cases in " in told.out
    (line,) = [line for line in told.err.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: cts/broken.nii.gz: ")
    assert "'Leber': liver (language)" in told.err
    assert "a (1/3): 50 %" in told.err
    assert main(["segment", "cts/a.nii.gz", "-o", "here", "--classes", "Leber, liver tumour", *BARE]) == 0
    assert [name for name in files_in("there") if name.startswith("a/")] == files_in("here")
    assert {"report.json", "measurements.csv", "quality.csv"} <= set(files_in("there"))
    assert measured("there/a") == measured("here/a")
    there, local = (read_volume(f"{folder}/a/segmentation.nii.gz") for folder in ("there", "here"))
    np.testing.assert_array_equal(there.voxels, local.voxels)
    np.testing.assert_array_equal(there.affine, local.affine)
    assert server.service.jobs.all() == []
    assert not any(path.is_file() for path in Path("state/uploads").rglob("*"))

    asked = len(server.runner.seen)
    assert segmented(server, "cts", "-o", "there", "--classes", "Leber, liver tumour", "--json") == 3
    status = {case["case"]: case["status"] for case in json.loads(capsys.readouterr().out)["cases"]}
    assert status == {"a": "done earlier", "b": "done earlier", "broken": "failed"}
    assert len(server.runner.seen) == asked + 1
    assert segmented(server, "cts/a.nii.gz", "-o", "there") == 2
    assert "exists already, made otherwise (classes)" in capsys.readouterr().err


def test_a_dicom_folder_a_label_map_alone_and_what_is_left_out(server, here, capsys):
    from banded_phantom import banded_ct, ras_grid

    write_stack(here / "DOE_JOHN", banded_ct(ras_grid()).voxels)
    assert segmented(server, "DOE_JOHN", "-o", "map.nii.gz", "--quiet", "--keep-on-server") == 0
    assert read_volume("map.nii.gz").voxels.any()
    (job,) = server.service.jobs.all()
    assert not any("DOE" in str(path) for path in (here / "state").rglob("*"))
    put_ct("ct.nii.gz")
    server.runner.compute = lambda job, folder: shutil.copytree(result, folder, dirs_exist_ok=True)
    result = server.service.folder.results(job.id, job.attempts)
    (result / "report.html").touch()
    assert segmented(server, "ct.nii.gz", "-o", "out", "--no-report", "--no-preview") == 0
    assert "2 of 4 structures" in capsys.readouterr().out
    assert "ct/report.html" not in files_in("out")
    assert [one.id for one in server.service.jobs.all()] == [job.id]


REFUSED = {
    ("--threshold", "0.3", "--masks"): "--threshold, --masks: not with --server",
    ("--meshes", "glb"): "a service writes surfaces as stl, not glb",
    ("-w", "lesions"): "has no weights 'lesions' (it has default)",
    ("-w", "a", "-w", "b"): "a service uses one of its weights at a time",
    ("--classes", "aorta"): "the weights do not know aorta",
    ("--classes", "liver, spleeen"): "the weights do not know spleen",
    ("--classes", "vessels"): "no class was asked for",
    ("--token-file", "gone"): "gone: No such file",
}


def test_what_cannot_be_done_there_is_refused_before_anything_is_sent(server, here, capsys):
    put_ct("ct.nii.gz")
    for arguments, says in REFUSED.items():
        assert segmented(server, "ct.nii.gz", "-o", "out", *arguments) == 2
        assert says in capsys.readouterr().err.splitlines()[-1]
    assert server.service.jobs.all() == []


def test_options_of_a_service_need_one(here, capsys):
    put_ct("ct.nii.gz")
    assert main(["segment", "ct.nii.gz", "-o", "out", "--keep-on-server"]) == 2
    assert "--keep-on-server without --server" in capsys.readouterr().err


def test_an_interrupted_batch_deletes_what_it_sent(server, here, monkeypatch, capsys):
    put_ct("cts/a.nii.gz")
    put_ct("cts/b.nii.gz")
    server.runner.compute = lambda *_: server.runner.cancelled.wait()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("omentum.remote.batch.follow_case", interrupted)
    assert segmented(server, "cts", "-o", "out") == 130
    assert "interrupted; 0 of 2 cases are complete" in capsys.readouterr().err
    assert server.service.jobs.all() == []


def test_a_full_queue_is_waited_for(server, here, monkeypatch):
    monkeypatch.setattr("omentum.remote.sent.QUEUE_PAUSE_S", 0.01)
    Path("ct.nii.gz").write_bytes(b"no image")
    full = iter([RemoteError("100 jobs are waiting", code="queue_full")] * 2)
    submit = Client.submit

    def submitted(self, upload, options):
        if (fault := next(full, None)) is not None:
            raise fault
        return submit(self, upload, options)

    monkeypatch.setattr(Client, "submit", submitted)
    assert segmented(server, "ct.nii.gz", "-o", "out", "--quiet") == 2
    assert next(full, None) is None
    assert len(server.runner.seen) == 1
