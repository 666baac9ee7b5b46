"""A batch in one call from Python."""

import json

import pytest
from case_files import SPEC, put_ct
from threshold_model import ThresholdModel

import omentum
from omentum.errors import InputError, UsageError

ALONE = omentum.SaveOptions(preview=False, report=False)
INLINE = omentum.BatchOptions(jobs=0)


class Diary:
    """Notes what it is told."""

    def __init__(self):
        self.begun, self.windows, self.said = [], [], []

    def begin(self, case, number, of, left=""):
        self.begun.append((case, number, of))

    def progress(self, done, of):
        self.windows.append((done, of))

    def step(self, text):
        pass

    def say(self, kind, message):
        self.said.append((kind, message))

    def note(self, message):
        self.said.append(("note", message))

    def flag(self, text):
        pass


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("omentum.pipeline.segmenter.load_model", lambda *_: ThresholdModel(SPEC))
    return tmp_path


def test_a_batch_is_one_call_and_says_how_it_went(here, capsys):
    put_ct("a.nii.gz")
    put_ct("b.nii.gz")
    (here / "broken.nii.gz").write_bytes(b"no image")
    diary = Diary()
    inputs = ["a.nii.gz", "b.nii.gz", "broken.nii.gz"]
    done = omentum.segment_batch(inputs, "out", save=ALONE, batch=INLINE, progress=diary)
    assert [outcome.job.case for outcome in done.outcomes] == ["a", "b", "broken"]
    assert [outcome.job.case for outcome in done.failed] == ["broken"]
    assert [case for case, _, of in diary.begun if of == 3] == ["a", "b"]
    assert diary.windows[-1][0] == diary.windows[-1][1]
    assert [kind for kind, _ in diary.said] == ["error"]
    assert done.to_json() == json.loads((here / "out/report.json").read_text())
    assert done.outcomes[0].found
    assert (here / "out/measurements.csv").is_file()
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_it_goes_on_where_it_was(here):
    put_ct("a.nii.gz")
    first = omentum.segment_batch("a.nii.gz", "out", save=ALONE)
    again = omentum.segment_batch("a.nii.gz", "out", save=ALONE)
    assert (first.outcomes[0].resumed, again.outcomes[0].resumed) == (False, True)
    assert [m.volume_ml for m in again.outcomes[0].found] == [m.volume_ml for m in first.outcomes[0].found]


def test_words_of_the_command_line_are_understood(here):
    put_ct("a.nii.gz")
    options = omentum.SegmentOptions(classes="liver, kidneys", threshold=("liver=0.4",))
    assert options.threshold == {"liver": 0.4}
    done = omentum.segment_batch(
        "a.nii.gz", "out", options=options, save=ALONE, cases=omentum.CaseSelection(name="patient_{number}")
    )
    assert done.outcomes[0].job.case == "patient_1"
    assert {m.key for m in done.outcomes[0].measures} == {"liver", "left_kidney", "right_kidney"}


def test_label_maps_in_the_numbers_of_a_dataset_are_copied(here):
    put_ct("a.nii.gz")
    batch = omentum.BatchOptions(numbering="msd-liver", submission=here / "sub")
    done = omentum.segment_batch("a.nii.gz", "out", save=ALONE, batch=batch)
    assert done.submitted == 1
    assert (here / "sub/a.nii.gz").read_bytes() == (here / "out/a/segmentation.nii.gz").read_bytes()


def test_the_fault_of_a_single_case_is_raised(here):
    with pytest.raises(InputError, match="nowhere"):
        omentum.segment_batch("nowhere.nii.gz", "out")


def test_nothing_to_do_is_refused(here):
    with pytest.raises(UsageError, match="nothing to segment"):
        omentum.segment_batch([], "out")
