import pytest
from banded_phantom import banded_ct, ras_grid
from case_files import SPEC
from dicom_files import write_stack
from orthanc import running_orthanc
from pydicom import dcmread
from pydicom.uid import generate_uid
from threshold_model import ThresholdModel

SECRETS = {"PatientName": "Doe^Jane", "PatientID": "ID-4711", "StudyDate": "20010203", "AccessionNumber": "ACC-815"}


@pytest.fixture(scope="session")
def orthanc(tmp_path_factory):
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        yield server


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in; the default weights are those that need no training."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", lambda *_: ThresholdModel(SPEC))
    return tmp_path


class Study:
    """A CT series of a patient, in files."""

    def __init__(self, folder, **tags):
        self.uid = generate_uid()
        self.hu = banded_ct(ras_grid()).voxels
        made = {"StudyInstanceUID": self.uid, "StudyID": "1", "FrameOfReferenceUID": generate_uid(), **SECRETS}
        self.files = write_stack(folder, self.hu, **(made | tags))
        self.series = str(dcmread(self.files[0]).SeriesInstanceUID)

    @property
    def secrets(self):
        return [*SECRETS.values(), self.uid, self.series, str(dcmread(self.files[0]).SOPInstanceUID)]


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path / "sent")
