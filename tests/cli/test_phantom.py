import json

import nibabel as nib
import numpy as np
import pytest
import typer
from toy_anatomy import NAMES, toy_labels
from typer.testing import CliRunner

from omentum.cli.phantom import phantom
from omentum.errors import InputError, OutputError, UsageError
from omentum.io.truth import read_case

SPACING_MM = "5,5,6"


def run(*arguments):
    app = typer.Typer()
    app.command()(phantom)
    result = CliRunner().invoke(app, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def anatomy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("anatomy")
    labels = toy_labels()
    nib.save(nib.Nifti1Image(labels.voxels, labels.affine), folder / "labels.nii.gz")
    (folder / "names.json").write_text(json.dumps(NAMES))
    return "--from-labels", folder / "labels.nii.gz", "--names", folder / "names.json", "--spacing", SPACING_MM


def test_writes_cases_that_can_be_read_back(tmp_path, anatomy):
    out = tmp_path / ("long" * 30)
    result = run("-n", 2, "-o", out, *anatomy, "--phase", "art", "--seed", 3)
    assert result.exit_code == 0
    assert sorted(p.name for p in out.iterdir()) == ["case_0000", "case_0001"]
    assert result.stdout.split() == [str(out / "case_0000"), str(out / "case_0001")]  # in one piece, to be copied
    first, second = (read_case(out / f"case_000{k}") for k in (0, 1))
    ct, truth, facts = first
    assert ct.spacing_mm == pytest.approx((5, 5, 6))
    assert truth.mask("liver").any()
    assert {"liver", "liver_tumour", "hepatic_vessel"} <= truth.annotated
    assert "spleen" not in truth.annotated
    assert facts["seed"] == [3, 0]
    assert facts["protocol"]["phase"] == "art"
    assert second[0].shape != ct.shape or not np.array_equal(second[0].voxels, ct.voxels)


def test_cases_are_neither_replaced_nor_mixed_unasked(tmp_path, anatomy):
    run("-n", 2, "-o", tmp_path / "out", *anatomy, "--quiet")
    before = (tmp_path / "out" / "case_0000" / "ct.nii.gz").read_bytes()
    with pytest.raises(OutputError, match=r"case_0000: exists already .*--overwrite"):
        run("-n", 2, "-o", tmp_path / "out", *anatomy, "--seed", 5)
    with pytest.raises(OutputError, match="out: holds other cases: case_0001"):
        run("-n", 1, "-o", tmp_path / "out", *anatomy, "--seed", 5, "--overwrite")
    assert (tmp_path / "out" / "case_0000" / "ct.nii.gz").read_bytes() == before
    run("-n", 2, "-o", tmp_path / "out", *anatomy, "--seed", 5, "--overwrite", "--quiet")
    assert (tmp_path / "out" / "case_0000" / "ct.nii.gz").read_bytes() != before


def test_extra_structures_are_named_by_words(tmp_path):
    run("-n", 1, "-o", tmp_path / "out", "--extra", "L1 vertebra, vermiform appendix", "--spacing", 10, "--quiet")
    _, truth, facts = read_case(tmp_path / "out" / "case_0000")
    assert facts["extra"] == ["appendix", "vertebra_l1"]
    assert {"appendix", "vertebra_l1"} <= truth.annotated
    with pytest.raises(UsageError, match="no such extra structure: liver"):
        run("-o", tmp_path / "two", "--extra", "liver")


def test_several_processes_write_the_same_cases(tmp_path, anatomy):
    run("-n", 2, "-o", tmp_path / "one", *anatomy, "--quiet")
    run("-n", 2, "-j", 2, "-o", tmp_path / "two", *anatomy, "--quiet")
    for name in ("case_0000", "case_0001"):
        one, two = (read_case(tmp_path / folder / name) for folder in ("one", "two"))
        assert np.array_equal(one[0].voxels, two[0].voxels)
        assert np.array_equal(one[1].bits, two[1].bits)


@pytest.mark.parametrize("spacing", ["1,2", "a,b,c", "0,1,1", "nan,1,1", "99,1,1"])
def test_an_impossible_spacing_is_refused(tmp_path, spacing):
    with pytest.raises(UsageError, match="--spacing"):
        run("-o", tmp_path, "--spacing", spacing)


def test_labels_need_names(tmp_path, anatomy):
    with pytest.raises(UsageError, match="--names"):
        run("-o", tmp_path, *anatomy[:2])


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"liver": "1"}'])
def test_names_that_are_no_mapping_are_refused(tmp_path, anatomy, content):
    (tmp_path / "names.json").write_text(content)
    with pytest.raises(InputError, match=r"names\.json.*is not JSON of the form"):
        run("-o", tmp_path / "out", *anatomy[:3], tmp_path / "names.json")
    with pytest.raises(InputError, match="missing"):
        run("-o", tmp_path / "out", *anatomy[:3], tmp_path / "missing.json")


def test_sites_are_written_as_downloaded_with_the_truth_beside_them(tmp_path):
    result = run("--site", "lits", "--site", "kits21", "-o", tmp_path, "--spacing", "9", "-j", 2)
    assert sorted(result.stdout.split()) == [str(tmp_path / "kits21"), str(tmp_path / "lits")]
    assert (tmp_path / "lits/Training Batch 1/volume-28.nii").exists()
    ct, truth, facts = read_case(tmp_path / "truth/kits21/00000")
    assert ct.orientation == "IPL"
    assert truth.mask("right_kidney").any()
    assert facts["annotated_at_site"] == ["kidney_cyst", "kidney_tumour", "left_kidney", "right_kidney"]
    with pytest.raises(OutputError, match=r"kits21: exists already.*--overwrite"):
        run("--site", "kits21", "-o", tmp_path)


def test_what_sites_decide_themselves_is_no_option(tmp_path):
    with pytest.raises(UsageError, match="--sites decides itself"):
        run("--sites", "-o", tmp_path, "--phase", "art")


@pytest.fixture(scope="module")
def real_ct(tmp_path_factory):
    """A CT and the labels of its organs."""
    folder = tmp_path_factory.mktemp("real")
    hu, labels = np.full((40, 30, 36), -100, np.int16), np.zeros((40, 30, 36), np.uint8)
    labels[4:18, 8:22, 6:30], labels[22:36, 8:22, 6:30] = 1, 2
    hu[labels == 1], hu[labels == 2] = 110, 95
    hu += np.random.default_rng(0).integers(-12, 13, hu.shape).astype(np.int16)
    for name, voxels in (("ct", hu), ("labels", labels)):
        nib.save(nib.Nifti1Image(voxels, np.diag([3.0, 3.0, 3.0, 1.0])), folder / f"{name}.nii.gz")
    (folder / "names.json").write_text('{"1": "liver", "2": "pancreas"}')
    organs = ("--from-labels", folder / "labels.nii.gz", "--names", folder / "names.json")
    return "--into-ct", folder / "ct.nii.gz", *organs


def test_lesions_are_put_into_a_real_ct(tmp_path, real_ct):
    run("-n", 2, "-o", tmp_path, *real_ct, "--lesion-odds", 1, "--lesion-contrast", 20, "--no-look-alikes", "--quiet")
    before = nib.load(real_ct[1]).get_fdata()
    for case in ("case_0000", "case_0001"):
        ct, truth, facts = read_case(tmp_path / case)
        assert ct.shape == before.shape
        assert truth.annotated == {"liver", "pancreas", "liver_tumour", "hepatic_vessel_tumour", "pancreas_tumour"}
        assert {one["structure"] for one in facts["lesions"]} == {"liver_tumour", "pancreas_tumour"}
        assert "look_alikes" not in facts
        lesion = truth.mask("liver_tumour")
        assert np.abs(ct.voxels - before)[lesion].mean() > 8
        assert (ct.voxels == before).mean() > 0.5


def test_odds_of_zero_and_no_lesions_are_none(tmp_path, anatomy):
    run("-o", tmp_path / "odds", *anatomy, "--lesion-odds", 0, "--no-look-alikes")
    run("-o", tmp_path / "no", *anatomy, "--no-lesions")
    for folder in ("odds", "no"):
        assert not read_case(tmp_path / folder / "case_0000")[2].get("lesions")


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        (("--wild", 0.5), "--into-ct keeps everything"),
        (("--phase", "art"), "--into-ct keeps everything"),
        (("--no-lesions",), "--into-ct keeps everything"),
        (("--lesion-odds", 1.5), "no probability"),
        (("--lesion-contrast", -3), "between 0 and 100"),
    ],
)
def test_impossible_wishes_about_lesions_are_refused(tmp_path, real_ct, wrong, match):
    with pytest.raises(UsageError, match=match):
        run("-o", tmp_path / "out", *real_ct, *wrong)
    assert not (tmp_path / "out").exists()


def test_a_ct_without_labels_is_refused(tmp_path, real_ct):
    with pytest.raises(UsageError, match="--into-ct needs --from-labels"):
        run("-o", tmp_path, *real_ct[:2])
