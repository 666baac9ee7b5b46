"""`segment --numbering` and `--submission`: label maps in a dataset's numbers, alone in a folder if wanted."""

import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from banded_phantom import banded_ct, ras_grid, rotated, stored, truth_mask
from case_files import files_in, put_ct
from dicom_files import write_stack
from msd_submission import broken_rules

from omentum.cli import main
from omentum.errors import UsageError
from omentum.io.label_table import LABEL_TABLE_CODE, labels_in
from omentum.io.nifti import read_extensions, read_volume, write_volume
from omentum.pipeline.batch import Job
from omentum.pipeline.batch.numbering import find_numbering
from omentum.pipeline.batch.submission import Submission
from omentum.volume import Volume

QUIET = ["--quiet", "--no-preview", "--no-report"]
TURNED = rotated(stored(ras_grid(), (2, 0, 1), (True, False, True)), 10)


def segmented(*more) -> int:
    return main(["segment", "ct.nii.gz", "-o", "out", "--quiet", "--no-preview", "--no-report", *more])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("msd-liver", {1: ["liver"], 2: ["liver_tumour"]}),
        ("abdomenct-1k", {1: ["liver"], 2: ["left_kidney", "right_kidney"]}),
        ("totalsegmentator", {2: ["right_kidney"], 3: ["left_kidney"], 5: ["liver", "liver_tumour"]}),
        ("chaos-ct", {255: ["liver"]}),
        ("template", {6: ["liver"], 2: ["right_kidney"], 3: ["left_kidney"], 27: ["liver_tumour"]}),
    ],
)
def test_the_label_map_has_the_numbers_of_the_dataset(name, values, here):
    """The tumour of this phantom lies outside the liver, and nothing else claims its voxels."""
    put_ct("ct.nii.gz", TURNED)
    assert segmented("--numbering", name, "--postprocess", "none") == 0
    image = nib.load("out/ct/segmentation.nii.gz")
    assert image.get_data_dtype() == np.uint8
    expected = np.zeros(TURNED.shape, np.uint8)
    for value, keys in values.items():
        for key in keys:
            expected[truth_mask(key, TURNED)] = value
    np.testing.assert_array_equal(np.asarray(image.dataobj), expected)
    assert image.affine.tobytes() == nib.load("ct.nii.gz").affine.tobytes()


def test_the_manifest_and_the_file_say_whose_numbers(here):
    put_ct("ct.nii.gz")
    assert segmented("--numbering", "btcv") == 0
    manifest = json.loads(Path("out/ct/manifest.json").read_text())
    told = manifest["outputs"]["numbering"]
    assert told["name"] == "btcv"
    assert told["values"]["6"] == {"name": "Liver", "structures": ["liver"]}
    assert manifest["not_looked_for"]["1"] == ["spleen"]
    assert "6" not in manifest["not_looked_for"]
    assert manifest["never_written"] == {}
    ((code, table),) = read_extensions("out/ct/segmentation.nii.gz")
    assert code == LABEL_TABLE_CODE
    assert labels_in(table) == {2: "Right kidney", 3: "Left kidney", 6: "Liver"}


def test_numbers_that_nothing_gets_are_told_once_for_all_cases(here, capsys):
    put_ct("a.nii.gz")
    put_ct("b.nii.gz")
    command = ["segment", "a.nii.gz", "b.nii.gz", "-o", "out", *QUIET, "--numbering", "totalsegmentator"]
    assert main(command) == 0
    told = capsys.readouterr().err
    assert told.count("numbers of totalsegmentator: never written: 10 and 11 are not told apart (Left lung)") == 1
    assert told.count("numbers of totalsegmentator: not looked for, so not written or in part: 1 (spleen), 4 (") == 1
    assert main(["segment", "a.nii.gz", "-o", "mine", *QUIET, "--numbering", "msd-liver"]) == 0
    assert "numbers of" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("msd-livr", "unknown dataset 'msd-livr' (did you mean 'msd-liver'?)"),
        ("3d-ircadb-01", "3d-ircadb-01 has masks and no numbers"),
        ("msd-spleen", "nothing that msd-spleen has a number for is looked for (it has spleen)"),
    ],
)
def test_numbers_that_cannot_be_written_are_refused(name, said, here, capsys):
    put_ct("ct.nii.gz")
    assert segmented("--numbering", name) == 2
    assert said in capsys.readouterr().err
    assert not Path("out").exists()


def test_a_recipe_of_ones_own_and_nnunets_dataset_json(here):
    Path("mine.toml").write_text('[values]\n7 = "liver"\n9 = "kidneys"\n')
    Path("dataset.json").write_text(
        json.dumps({"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 4}, "file_ending": ".nii.gz"})
    )
    put_ct("ct.nii.gz")
    assert segmented("--numbering", "mine.toml") == 0
    assert set(np.unique(read_volume("out/ct/segmentation.nii.gz").voxels)) == {0, 7, 9}
    assert segmented("--numbering", "dataset.json", "--overwrite") == 0
    assert set(np.unique(read_volume("out/ct/segmentation.nii.gz").voxels)) == {0, 4}


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"liver": 70000}, "no voxel can be 70000: the numbers of a label map are 1 to 65535"),
        ({"liver": 2.5}, "not name -> whole number"),
        ({"liver": 1, "spleen": 1}, "'liver' and 'spleen' are both 1"),
    ],
)
def test_numbers_that_no_label_map_holds_are_told_before_anything_is_computed(labels, said, here, capsys):
    Path("dataset.json").write_text(
        json.dumps({"channel_names": {"0": "CT"}, "labels": {"background": 0, **labels}, "file_ending": ".nii.gz"})
    )
    put_ct("ct.nii.gz")
    assert segmented("--numbering", "dataset.json") == 2
    assert said in capsys.readouterr().err
    assert not Path("out").exists()


def test_other_numbers_are_another_result(here, capsys):
    put_ct("ct.nii.gz")
    assert segmented() == 0
    assert segmented("--numbering", "msd-liver") == 2
    assert "made otherwise (numbering)" in capsys.readouterr().err
    assert segmented("--numbering", "msd-liver", "--overwrite") == 0
    assert segmented("--numbering", "msd-liver") == 0


def test_one_file_has_the_numbers_too(here):
    put_ct("ct.nii.gz")
    assert main(["segment", "ct.nii.gz", "-o", "seg.nii.gz", "--quiet", "--numbering", "msd-liver"]) == 0
    assert set(np.unique(read_volume("seg.nii.gz").voxels)) == {0, 1, 2}


def test_the_template_is_no_other_numbering():
    assert find_numbering("template") is None
    with pytest.raises(UsageError):
        find_numbering("Template")


class TestSubmission:
    COMMAND = ("segment", "a.nii.gz", "b.nii", "c", "-o", "out", *QUIET, "--numbering", "msd-liver")

    def put(self):
        put_ct("a.nii.gz", TURNED)
        put_ct("b.nii")
        write_stack(Path("c"), banded_ct(ras_grid()).voxels)

    def test_label_maps_alone_named_as_the_cts(self, here, capsys):
        self.put()
        assert main([*self.COMMAND, "--submission", "sub"]) == 0
        assert capsys.readouterr().out == ""
        assert files_in("sub") == ["a.nii.gz", "b.nii", "c.nii.gz"]
        for name, case in (("a.nii.gz", "a"), ("c.nii.gz", "c")):
            assert Path("sub", name).read_bytes() == Path("out", case, "segmentation.nii.gz").read_bytes()
        assert Path("sub/b.nii").read_bytes() == gzip.decompress(Path("out/b/segmentation.nii.gz").read_bytes())

    def test_going_on_copies_what_was_done_earlier(self, here):
        self.put()
        assert main(list(self.COMMAND)) == 0
        assert main([*self.COMMAND, "--submission", "sub"]) == 0
        before = {name: Path("sub", name).read_bytes() for name in files_in("sub")}
        assert len(before) == 3
        Path("sub/a.nii.gz").write_bytes(b"cut short")
        assert main([*self.COMMAND, "--submission", "sub"]) == 0
        assert {name: Path("sub", name).read_bytes() for name in files_in("sub")} == before

    def test_a_case_that_failed_has_no_file_and_is_told(self, here, capsys):
        self.put()
        Path("b.nii").write_bytes(b"no ct")
        command = [word for word in self.COMMAND if word != "--quiet"]
        assert main([*command, "--submission", "sub"]) == 3
        assert files_in("sub") == ["a.nii.gz", "c.nii.gz"]
        assert "label maps of 2 of 3 cases: " in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["-o", "out", "--submission", "."], "a.nii.gz: is also the input"),
            (["-o", "out", "--submission", "./out"], "out: is the folder of the results, too"),
            (["-o", "seg.nii.gz", "--submission", "sub"], "seg.nii.gz: is one file already"),
            (["-o", "out", "--submission", "there"], "there/a.nii.gz: exists already"),
        ],
    )
    def test_what_is_in_the_way_is_told_before_the_work(self, arguments, said, here, capsys):
        put_ct("a.nii.gz")
        Path("there").mkdir()
        Path("there/a.nii.gz").write_bytes(b"mine")
        assert main(["segment", "a.nii.gz", *QUIET, *arguments]) == 2
        assert said in capsys.readouterr().err
        assert not Path("out").exists()
        assert Path("there/a.nii.gz").read_bytes() == b"mine"

    def test_cases_whose_files_have_one_name_are_called_as_the_cases(self):
        jobs = [Job(f"kits_{n}", Path(f"case_{n}/imaging.nii.gz"), Path(f"out/kits_{n}")) for n in (0, 1)]
        assert Submission(Path("sub"), Path("out"), jobs[:1]).names == {"kits_0": "imaging.nii.gz"}
        assert Submission(Path("sub"), Path("out"), jobs).names == {f"kits_{n}": f"kits_{n}.nii.gz" for n in (0, 1)}
        upper = [Job("A", Path("A.nii"), Path("out/A")), Job("b", Path("a.nii"), Path("out/b"))]
        assert Submission(Path("sub"), Path("out"), upper).names == {"A": "A.nii.gz", "b": "b.nii.gz"}

    @pytest.mark.parametrize("cases", [["p1"], ["p1", "p2"]])
    def test_a_folder_of_cases(self, cases, here):
        for case in cases:
            Path("cohort", case).mkdir(parents=True)
            put_ct(f"cohort/{case}/ct.nii.gz")
            Path(f"cohort/{case}/case.json").write_text("{}")
        command = ["segment", "cohort", "-o", "out", *QUIET, "--submission", "sub"]
        assert main(command) == 0
        assert files_in("sub") == [f"{case}.nii.gz" for case in cases]
        for case in cases:
            copied = Path("sub", f"{case}.nii.gz").read_bytes()
            assert copied == Path("out", case, "segmentation.nii.gz").read_bytes()

    @pytest.mark.parametrize("damage", ["cut", "another's", "gone"])
    def test_a_finished_case_that_was_damaged_since_is_not_handed_in(self, damage, here, capsys):
        self.put()
        assert main(list(self.COMMAND)) == 0
        label_map = Path("out/a/segmentation.nii.gz")
        whole = label_map.read_bytes()
        if damage == "gone":
            label_map.unlink()
        else:
            label_map.write_bytes(whole[:-20] if damage == "cut" else Path("out/c/segmentation.nii.gz").read_bytes())
        assert main([*self.COMMAND, "--submission", "sub"]) == 3
        told = "is gone" if damage == "gone" else "is damaged or changed: not what was written"
        assert f"out/a/segmentation.nii.gz: {told}" in capsys.readouterr().err
        assert files_in("sub") == ["b.nii", "c.nii.gz"]
        assert main([*self.COMMAND, "--submission", "sub", "--overwrite"]) == 0
        assert label_map.read_bytes() == whole
        assert files_in("sub") == ["a.nii.gz", "b.nii", "c.nii.gz"]

    def test_the_rules_of_the_decathlon(self, here):
        """Any CT; what is asked here is the form of the folder."""
        Path("imagesTs").mkdir()
        grids = (ras_grid(), TURNED)
        names = [f"liver_{number}.nii.gz" for number in (132, 141)]
        for name, grid in zip(names, grids, strict=True):
            put_ct(f"imagesTs/{name}", grid)
        labels = {"0": "background", "1": "liver", "2": "cancer"}
        told = {"labels": labels, "test": [f"./imagesTs/{name}" for name in names]}
        Path("dataset.json").write_text(json.dumps(told))
        command = ["segment", *(f"imagesTs/{name}" for name in names), "-o", "out", *QUIET]
        assert main([*command, "--numbering", "msd-liver", "--submission", "sub"]) == 0
        assert broken_rules(Path("sub"), Path()) == []
        # And the check would notice: template numbers, a missing case, something else in the folder.
        assert main([*command, "--submission", "other", "--overwrite"]) == 0
        Path("other/liver_141.nii.gz").rename("other/liver_141_seg.nii.gz")
        assert broken_rules(Path("other"), Path()) == [
            "liver_141.nii.gz: no prediction",
            "liver_141_seg.nii.gz: not asked for",
            "liver_132.nii.gz: values [3, 6, 27]",
        ]


def test_a_site_segmented_with_the_bundled_weights_is_a_submission(tmp_path, monkeypatch):
    """Nothing replaced: a re-enacted liver task, and the weights that come with the package."""
    monkeypatch.chdir(tmp_path)
    order = ["phantom", "--site", "msd-liver", "-n", "1", "--spacing", "5,5,6", "-o", "raw", "--quiet"]
    assert main(order) == 0
    (image,) = Path("raw").rglob("imagesTr/liver_*.nii.gz")
    (task,) = Path("raw").rglob("dataset.json")
    image = image.rename(image.parent.parent / "imagesTs.tmp")
    (task.parent / "imagesTs").mkdir()
    image = image.rename(task.parent / "imagesTs/liver_132.nii.gz")
    labels = {"0": "background", "1": "liver", "2": "cancer"}
    task.write_text(json.dumps({"labels": labels, "test": ["./imagesTs/liver_132.nii.gz"]}))
    command = ["segment", str(image), "-o", "results", *QUIET, "--classes", "liver,liver tumour", "--engine", "torch"]
    assert main([*command, "--numbering", "msd-liver", "--submission", "submission"]) == 0
    assert broken_rules(Path("submission"), task.parent) == []
    (truth,) = Path("raw").rglob("labelsTr/liver_*.nii.gz")
    found, drawn = (read_volume(path).voxels > 0 for path in ("submission/liver_132.nii.gz", truth))
    assert 2 * (found & drawn).sum() / (found.sum() + drawn.sum()) > 0.7


def test_what_was_written_is_judged_in_the_same_numbers(here):
    """The tumour of this phantom lies outside the liver; read in the Decathlon's numbers it is liver, as there."""
    put_ct("ct.nii.gz", TURNED)
    assert segmented("--numbering", "msd-liver", "--postprocess", "none") == 0
    native = np.zeros(TURNED.shape, np.uint8)
    native[truth_mask("liver", TURNED)] = 1
    native[truth_mask("liver_tumour", TURNED)] = 2
    Path("truths").mkdir()
    write_volume("truths/ct.nii.gz", Volume(native, TURNED.affine))
    mappings = ["--mapping", "msd-liver", "--pred-mapping", "msd-liver"]
    assert main(["evaluate", "out", "truths", *mappings, "--json-file", "scores.json", "--quiet"]) == 0
    (case,) = json.loads(Path("scores.json").read_text())["cases"]
    found = {key: score["dice"] for key, score in case["structures"].items() if score["dice"] is not None}
    assert found == {"liver": 1.0, "liver_tumour": 1.0}
