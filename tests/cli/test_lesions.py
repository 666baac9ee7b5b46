import csv
import json

import numpy as np
import pytest
from ellipsoids import Ellipsoid
from two_scans import ORGANS, field, motion, scan

from omentum.cli import main
from omentum.io.nifti import write_labelmap, write_volume
from omentum.segmentation import Segmentation
from omentum.volume import Volume

SPACING_MM = (2.5, 2.5, 3.0)


def run(*arguments):
    return main(["lesions", "compare", *map(str, arguments)])


def ball(radius, *centre):
    return Ellipsoid(centre, (radius,) * 3)


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """Outputs of `omentum segment` for a CT called ct, before and after."""
    folder = tmp_path_factory.mktemp("scans")
    before = {"liver_tumour": [ball(9, 60, 10, 20)], "kidney_tumour": [ball(8, 48, -50, -50)]}
    after = {"liver_tumour": [ball(12, 60, 10, 20)], "kidney_tumour": []}
    turned = motion((4, -4, 8), (30, -20, 100))
    write_labelmap(folder / "before/ct/segmentation.nii.gz", scan(before, field(SPACING_MM)))
    flipped = field(SPACING_MM, ((1, 0, 2), (-1, 1, -1)))
    write_labelmap(folder / "after/ct/segmentation.nii.gz", scan(after, flipped, turned))
    return folder


def test_two_scans_as_table_csv_and_json(scans, tmp_path, capsys):
    files = "--json-file", tmp_path / "f.json", "--csv", tmp_path / "f.csv"
    assert run(scans / "before", scans / "after", *files) == 0
    shown = capsys.readouterr().out
    assert "RECIST 1.1, of the segmentations: stable disease" in shown
    assert "aligned by 5 organs: turned by 9." in shown
    content = json.loads((tmp_path / "f.json").read_text())
    assert content["before"] == str(scans / "before")
    rows = {row["key"]: row for row in csv.DictReader((tmp_path / "f.csv").read_text().splitlines())}
    assert (rows["liver_tumour"]["status"], rows["kidney_tumour"]["status"]) == ("same", "gone")
    assert float(rows["liver_tumour"]["longest_change_mm"]) == pytest.approx(6, abs=2.5)
    assert content["recist"]["sum_after_mm"] == pytest.approx(24, abs=2.5)


def test_only_the_lesions_that_are_named_are_compared(scans, capsys):
    assert run(scans / "before", scans / "after", "--classes", "Lebertumor") == 0
    told = capsys.readouterr()
    assert "Liver tumour" in told.out
    assert "Kidney tumour" not in told.out
    assert told.err.count("'Lebertumor': liver_tumour (language)") == 1
    for words, message in (("liver", "liver is no lesion"), ("lung cancer", "was not asked for lung_tumour")):
        assert run(scans / "before", scans / "after", "--classes", words) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("place", ["before/ct", "before/ct/segmentation.nii.gz"])
def test_a_case_or_its_label_map_may_be_named(scans, place, capsys):
    assert run(scans / place, scans / "before", "--quiet") == 0
    assert capsys.readouterr().out == ""


def test_bad_input_is_one_line(scans, tmp_path, capsys):
    assert run(scans / "missing", scans / "after") == 2
    assert "missing: no such file or folder" in capsys.readouterr().err
    assert run(tmp_path, scans / "after") == 2
    assert (
        "has no segmentation.seg.nrrd or segmentation.nii.gz (give the output of omentum segment)"
        in capsys.readouterr().err
    )
    for name in "ab":
        write_labelmap(tmp_path / name / "segmentation.nii.gz", scan({}, field((9, 9, 9))))
    assert run(tmp_path, scans / "after") == 2
    assert "holds 2 cases (a, b ...) (name the one that is meant)" in capsys.readouterr().err
    assert run(tmp_path / "a", scans / "after") == 2
    assert "was not asked for any lesion" in capsys.readouterr().err
    write_volume(tmp_path / "ct.nii.gz", Volume(np.full((9, 9, 9), 777, np.int16), np.eye(4)))
    assert run(tmp_path / "ct.nii.gz", scans / "after") == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    before = scans / "before/ct/segmentation.nii.gz"
    assert run(before, scans / "after", "--csv", before) == 2


def test_bodies_that_do_not_fit_are_refused_unless_forced_and_then_marked(scans, tmp_path, capsys):
    places = [body.centre for body in ORGANS.values()]
    others = zip(ORGANS, places[1:] + places[:1], ORGANS.values(), strict=True)
    mixed = {key: Ellipsoid(place, body.half_axes) for key, place, body in others}
    write_labelmap(tmp_path / "other.nii.gz", scan({"liver_tumour": []}, field(SPACING_MM), organs=mixed))
    files = "--json-file", tmp_path / "f.json", "--csv", tmp_path / "f.csv"
    assert run(scans / "before", tmp_path / "other.nii.gz", *files) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert "do not match: organs differ by" in line
    assert "mm after alignment (limit 2.0 mm, 4 organs)" in line
    assert "--force compares them all the same" in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.nii.gz"]
    assert run(scans / "before", tmp_path / "other.nii.gz", *files, "--force") == 0
    shown = capsys.readouterr()
    assert "forced: lesions may be mixed up" in shown.out.replace("\n", " ")
    assert "forced" in shown.err
    assert json.loads((tmp_path / "f.json").read_text())["forced"] is True
    assert {row["is_forced"] for row in csv.DictReader((tmp_path / "f.csv").read_text().splitlines())} == {"True"}


def test_a_scan_cut_in_two_is_one_patient_of_whom_nothing_is_gone(tmp_path, capsys):
    whole = scan({"liver_tumour": [ball(9, 60, 10, 40)]}, field(SPACING_MM))
    for name, part in (("lower", slice(0, 26)), ("upper", slice(26, None))):
        corner = whole.affine.copy()
        corner[:3, 3] = whole.grid.to_world([0, 0, part.start])
        write_labelmap(tmp_path / f"{name}.nii.gz", Segmentation(whole.bits[..., part], corner, whole.classes))
    assert run(tmp_path / "upper.nii.gz", tmp_path / "lower.nii.gz") == 0
    shown = capsys.readouterr().out
    assert "not imaged now" in shown
    assert "gone" not in shown
    assert "not known now" in shown
    assert "not moved, for both have one grid of voxels; no organ lies in both fields of view" in shown


def test_the_manifest_tells_the_frame_of_reference_and_what_weights_cannot_find(scans, tmp_path, capsys):
    told = {"input": {"frame_of_reference": "00ff"}, "options": {"trust": {"kidney_tumour": "not found"}}}
    for when in ("before", "after"):
        labels = (scans / when / "ct" / "segmentation.nii.gz").read_bytes()
        (tmp_path / when).mkdir()
        (tmp_path / when / "segmentation.nii.gz").write_bytes(labels)
        (tmp_path / when / "manifest.json").write_text(json.dumps(told))
    assert run(tmp_path / "before", tmp_path / "after", "--json-file", tmp_path / "f.json") == 0
    content = json.loads((tmp_path / "f.json").read_text())
    assert content["alignment"]["same_frame_of_reference"] is True
    rows = {row["key"]: row for row in content["lesions"]}
    assert rows["kidney_tumour"]["status"] == "not seen now"
    assert rows["kidney_tumour"]["is_candidate"] is True
    assert "these weights have never found it" in rows["kidney_tumour"]["remarks"][0]
    assert content["recist"]["targets"] == 1
    (tmp_path / "after" / "manifest.json").write_text("{")
    assert run(tmp_path / "before", tmp_path / "after") == 2
    assert "manifest.json: cannot be read" in capsys.readouterr().err
