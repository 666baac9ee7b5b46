"""The listening service: what comes is segmented, whoever misbehaves."""

import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from listening import CT, WAIT_S, associate, listening, send_files
from orthanc import free_port
from pydicom import dcmread

from omentum.cli import main
from omentum.errors import OutputError, UsageError, lines_of
from omentum.io.nifti import read_volume
from omentum.pacs import connections, storage
from omentum.pacs import send as sending
from omentum.pacs.address import parse_address
from omentum.pacs.dicomweb import DicomWebClient
from omentum.pacs.options import ListenOptions
from omentum.pacs.peers import Destination, destinations_for, parse_destination
from pacs.conftest import Study

# pynetdicom drops sockets where a connection or a port is refused
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")


def cases(out):
    return [path for path in Path(out).iterdir() if path.is_dir()] if Path(out).exists() else []


@pytest.mark.slow
def test_a_series_is_segmented_as_its_folder_is(here, study):
    spool = here / "spool"
    with listening(Path("out"), spool=spool) as service:
        assert set(send_files(service.port, study.files)) == {0}
        log = service.wait_for("segmented in")
    assert main(["segment", "sent", "-o", "local", "--no-report", "--no-preview", "--quiet"]) == 0
    (case,) = cases("out")
    found, expected = (read_volume(folder / "segmentation.nii.gz") for folder in (case, Path("local/sent")))
    assert np.array_equal(found.voxels, expected.voxels)
    assert found.voxels.any()
    assert not [path for path in spool.rglob("*") if path.is_file()]
    texts = [path.read_text() for path in case.iterdir() if path.suffix in (".json", ".csv", ".txt")]
    for secret in study.secrets:
        assert not any(secret in text for text in (log, str(case), *texts))


@pytest.mark.slow
def test_what_an_earlier_run_left_is_done_and_a_bad_series_stops_nothing(here, study):
    gap = Study(here / "gap")
    with listening(Path("out"), spool=here / "spool", settle_s=100.0) as service:
        send_files(service.port, gap.files[:3] + gap.files[6:])
        send_files(service.port, study.files)
    assert cases("out") == []
    with listening(Path("out"), spool=here / "spool") as service:
        service.wait_for("left over from an earlier run", 2)
        service.wait_for("error: ")
        log = service.wait_for("segmented in")
    assert "from SENDER" in log
    assert "missing" in log
    assert str(here) not in log
    assert len(cases("out")) == 1
    assert len(list((here / "spool" / "failed").iterdir())) == 1


@pytest.mark.slow
def test_programs_of_dcmtk(here, study):
    # pynetdicom has programs of the same names
    tools = {name: shutil.which(name, path="/usr/bin:/usr/local/bin") for name in ("echoscu", "storescu", "dcmsend")}
    if None in tools.values():
        pytest.skip("needs Debian's dcmtk")
    half = len(study.files) // 2
    with listening(Path("out"), allow=("ALLOWED",), settle_s=3.0) as service:
        where, title = ["127.0.0.1", str(service.port)], ["-aet", "ALLOWED", "-aec", "OMENTUM"]
        subprocess.run([tools["echoscu"], *title, *where], check=True, timeout=60)
        assert subprocess.run([tools["echoscu"], *where], capture_output=True, timeout=60).returncode
        subprocess.run([tools["storescu"], *title, *where, *study.files[:half]], check=True, timeout=60)
        subprocess.run([tools["dcmsend"], *title, *where, *study.files[half:]], check=True, timeout=60)
        service.wait_for("segmented in")
    assert len(cases("out")) == 1


@pytest.mark.slow
def test_results_are_sent_to_a_pacs(here, orthanc, study, monkeypatch):
    monkeypatch.setattr(sending, "PAUSE_S", 0.0)
    to = (f"ORTHANC@127.0.0.1:{orthanc.dicom}", f"GONE@127.0.0.1:{free_port()}")
    with listening(None, send_to=to, spool=here / "spool") as service:
        send_files(service.port, study.files)  # the one that is gone is told, the other has got them
        service.wait_for("cannot be reached")
        log = service.wait_for("sent to ORTHANC")
        send_files(service.port, study.files, "ORTHANC")
        service.wait_for("sent to ORTHANC", 2)
    assert log.count("error: ") == 1
    with DicomWebClient(parse_address(f"{orthanc.address}/studies/{study.uid}")) as client:
        assert [one.modality for one in client.list_series()].count("SEG") == 2
    assert [path.name for path in here.iterdir()].count("out") == 0


@pytest.mark.slow
def test_sigterm_puts_the_series_back(here, study):
    slow = Path(__file__).parents[1] / "support" / "segment_slowly.py"
    port = free_port()
    command = [sys.executable, slow, "computing", "listen", "-o", "out", "--spool", "spool", "--settle", "0.2"]
    with (here / "log.txt").open("wb") as log:
        process = subprocess.Popen([*command, "--port", str(port)], stderr=log, env={**os.environ, "TMPDIR": str(here)})
        try:
            wait_until(lambda: "listens at 127.0.0.1" in Path("log.txt").read_text())
            send_files(port, study.files)
            wait_until(Path("computing").exists)
        finally:
            process.terminate()
        assert process.wait(60) == 143
    assert "Traceback" not in Path("log.txt").read_text()
    (left,) = Path("spool/incoming").iterdir()
    assert len(list(left.glob("*.dcm"))) == len(study.files)
    assert cases("out") == []
    assert not any(here.rglob(".omentum-listen*"))


def wait_until(true):
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_who_is_not_allowed_is_rejected(here):
    with listening(Path("out"), allow=("ONE", "TWO")) as service:
        for ae, called, works in (("ONE", "OMENTUM", True), ("THREE", "OMENTUM", False), ("TWO", "OTHER", False)):
            association = associate(service.port, ae, called)
            assert association.is_established is works
            assert association.is_rejected is not works
            if works:
                association.release()
        log = service.wait_for("rejected", 2)
    assert "THREE is not in the allow-list" in log


def test_what_is_no_ct_is_refused(here):
    with listening(Path("out")) as service:
        mr = associate(service.port, kinds=("1.2.840.10008.5.1.4.1.1.4",))
        assert not mr.accepted_contexts
        both = associate(service.port, kinds=(CT, "1.2.840.10008.5.1.4.1.1.4"))
        assert [context.abstract_syntax for context in both.accepted_contexts] == [CT]
        both.release()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_bad_images_are_refused_and_leave_nothing(here, study, monkeypatch):
    with listening(Path("out"), spool=here / "spool") as service:
        association = associate(service.port)
        for name, value in (("SeriesInstanceUID", "../../evil"), ("SeriesInstanceUID", ""), ("SeriesInstanceUID", "x")):
            header = dcmread(study.files[0])
            setattr(header, name, value)
            assert association.send_c_store(header).Status == storage.MISMATCH
        association.release()
        log = service.wait_for("refused an image", 3)
    assert "evil" not in log
    assert not any(here.rglob("*evil*"))
    assert not [path for path in (here / "spool").rglob("*") if path.is_file()]


def test_no_room_is_told_to_the_sender(here, study):
    with listening(Path("out"), quota_gb=2e-5) as service:
        statuses = send_files(service.port, study.files)
        assert statuses[0] == 0
        assert statuses[-1] == storage.OUT_OF_RESOURCES
        service.wait_for("quota")


def test_images_without_end_are_cut_off(here, study, monkeypatch):
    monkeypatch.setattr(connections, "MOST_IMAGE_BYTES", 50_000)
    with listening(Path("out")) as service:
        header = dcmread(study.files[0])
        header.add_new(0x00191001, "OB", bytes(500_000))
        association = associate(service.port)
        status = association.send_c_store(header)
        assert "Status" not in status
        assert set(send_files(service.port, study.files[:2])) == {0}  # others are served


def test_connections_that_ask_for_nothing_keep_nobody_out(here):
    with listening(Path("out")) as service:
        silent = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(40)]
        try:
            for one in silent[::2]:
                one.sendall(struct.pack(">BBL", 1, 0, 200))  # a request that does not end
            links = [associate(service.port) for _ in range(8)]
            assert all(link.is_established for link in links)
            assert associate(service.port).is_rejected
            service.wait_for("rejected a connection from 127.0.0.1: there are 8 already")
            links.pop().release()
            links.append(associate(service.port))
            assert links[-1].is_established
        finally:
            for link in links:
                link.release()
            for one in silent:
                one.close()


def test_a_transfer_that_breaks_off_is_not_segmented(here, study):
    with listening(Path("out"), spool=here / "spool", settle_s=0.01) as service:
        association = associate(service.port)
        for file in study.files[:2]:
            association.send_c_store(file)
        association.abort()
        service.wait_for("broke off; waiting for the rest")
        log = service.wait_for("the rest did not come; send it again")
    assert "segmenting" not in log
    assert cases("out") == []


def raw(port, *packets):
    """What the service answers to bytes, until it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as one:
        for packet in packets:
            one.sendall(packet)
        try:
            return one.recv(4096)
        except ConnectionError:
            return b""


def test_lengths_that_lie_are_not_believed(here, monkeypatch):
    with listening(Path("out")) as service:
        assert raw(service.port, struct.pack(">BBL", 1, 0, 2**32 - 1), b"x" * 1000) == b""
        assert raw(service.port, b"GET / HTTP/1.1\r\n\r\n")[:1] in (b"", b"\x07")
        association = associate(service.port)
        assert association.is_established
        association.release()


def test_options():
    with pytest.raises(UsageError, match="allow-list"):
        ListenOptions(host="0.0.0.0")
    assert ListenOptions(host="0.0.0.0", allow=("A",)).allow == ("A",)
    assert ListenOptions(host="::1")
    for bad in ({"aet": ""}, {"aet": "x" * 17}, {"allow": ("a\\b",)}, {"send_to": ("PACS",)}, {"settle_s": 0.0}):
        with pytest.raises(UsageError):
            ListenOptions(**bad)


def test_destinations():
    pacs, archive = parse_destination("PACS@10.0.0.1:104"), parse_destination("ARCHIVE@[::1]:11112")
    assert pacs == Destination("PACS", "10.0.0.1", 104)
    assert archive.host == "::1"
    assert destinations_for("PACS", [pacs, archive]) == [pacs]
    assert destinations_for("SCANNER", [pacs, archive]) == [pacs, archive]
    assert destinations_for("", [pacs, archive]) == []
    for bad in ("PACS", "PACS@host", "@host:1", "PACS@host:0", "PACS@host:99999", "A@b c:1"):
        with pytest.raises(UsageError):
            parse_destination(bad)


def test_a_port_in_use_and_results_that_go_nowhere(here, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OutputError, match="cannot listen"), listening(Path("out"), port=other.getsockname()[1]):
            pass
    assert main(["listen", "--send-to", "A@host:1", "--deidentify"]) == 2
    assert "leave out --deidentify" in capsys.readouterr().err
    assert main(["segment", "dicomwebs://host/studies/1.2", "-o", "out", "--stow", "--deidentify"]) == 2
    assert "leave out --deidentify" in capsys.readouterr().err
    assert main(["listen"]) == 2
    assert "results would go nowhere" in capsys.readouterr().err
    assert main(["listen", "-o", "out", "--host", "0.0.0.0"]) == 2
    assert "--allow" in capsys.readouterr().err


def test_the_lines_of_a_fault_hold_no_values():
    try:
        int("Doe^Jane")
    except ValueError as fault:
        told = lines_of(fault)
    assert told.startswith("ValueError\n  tests/pacs/test_listen.py:")
    assert "Doe" not in told
