"""The service of `serving` behind a real port, so that clients meet real connections."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from fastapi.testclient import TestClient
from serving import serving
from threshold_model import BANDS_HU, SPEC, ThresholdModel

from omentum.client import Client
from omentum.errors import OmentumError
from omentum.io.detect import ct_in
from omentum.pipeline.batch.jobs import Job, finish_and_save
from omentum.pipeline.batch.pipelined import check_before_network
from omentum.pipeline.options import SaveOptions, SegmentOptions
from omentum.pipeline.reading import prepare_case, read_case
from omentum.pipeline.segmenter import Segmenter
from omentum.serve.documents import WeightsDocument
from omentum.serve.faults import fault_document
from omentum.serve.web.server import listening_socket
from omentum.serve.work.child import TaskFault
from omentum.spec import PreprocessSpec


@contextmanager
def at_a_port(service: TestClient) -> Iterator[str]:
    """The address at which the application answers."""
    with listening_socket("127.0.0.1", 0) as listener:
        # Its own logging configuration would close the handlers that others have made, torch's with its stream.
        quiet = {"log_config": None, "log_level": "critical"}
        config = uvicorn.Config(service.app, lifespan="off", timeout_graceful_shutdown=1, **quiet)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            service.service.board.end()
            server.should_exit = True
            thread.join()


def offered(model: ThresholdModel) -> WeightsDocument:
    """The weights of the tests, as a service describes them."""
    sha256 = Segmenter(model).weights_description["sha256"]
    structure = {"name": "", "colour": "#000000", "group": "organ", "lesion": False, "snomed": "1"}
    return WeightsDocument(name="default", sha256=sha256, structures=[{"key": key, **structure} for key in BANDS_HU])


@contextmanager
def segmenting_service(state: Path, preprocess: PreprocessSpec, **options: object) -> Iterator[TestClient]:
    """A service that segments with weights that need no training, as its process for a device would."""
    model, save = ThresholdModel(preprocess), SaveOptions(preview=False, report=False)

    def compute(job, folder: Path) -> None:
        try:
            segment(job, folder)
        except OmentumError as fault:
            raise TaskFault(fault_document(fault, folder)) from fault

    def segment(job, folder: Path) -> None:
        source = ct_in(client.service.folder.upload(job.upload))
        asked = job.options
        wanted = SegmentOptions(None if asked["classes"] is None else tuple(asked["classes"]), profile=asked["profile"])
        case_job = Job("case_of_a_test", source, folder, anonymous=True)
        segmenter = Segmenter(model, wanted)
        case = read_case(source, wanted, case_job.name)
        shutil.rmtree(folder)
        outputs = replace(save, formats=tuple(asked["formats"] or ()))
        check_before_network(case_job, case.ct, segmenter, outputs)
        finish_and_save(segmenter.predict(prepare_case(case, segmenter.specs)), case_job, "omentum", outputs)

    with serving(state, compute, **options) as client:
        client.service.offered = [offered(model)]
        yield client


@contextmanager
def client_of_a_service() -> Iterator[Client]:
    """A client of a service that writes two small files for every job."""
    with (
        TemporaryDirectory() as state,
        serving(Path(state, "service")) as service,
        at_a_port(service) as address,
        Client(address) as client,
    ):
        service.service.offered = [offered(ThresholdModel(SPEC))]
        yield client
