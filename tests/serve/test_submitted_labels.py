"""Images and corrected labels as MONAI Label's module for 3D Slicer sends them, one after the other."""

import gzip
from urllib.parse import quote_plus

import numpy as np
import pytest
from banded_phantom import ras_grid, rotated
from case_files import SPEC
from forms import form, params_part
from service_over_http import segmenting_service
from serving import serving
from slicer_module import GRID, NAME, Slicer

from omentum.io.nifti import read_volume
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.io.seg_nrrd.write import write_seg_nrrd
from omentum.result_files import MASKS
from omentum.segmentation import Segmentation


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with segmenting_service(tmp_path_factory.mktemp("service") / "state", SPEC) as client:
        yield client


@pytest.fixture
def slicer(service, tmp_path):
    slicer = Slicer(service, tmp_path)
    yield slicer
    service.service.cleaner.delete_job(slicer.job.id)


def test_a_corrected_label_is_a_new_version(slicer, service):
    assert service.get("/info/").json()["datastore"] == {"total": 1, "completed": 0, "label_tags": {"original": 1}}
    assert slicer.changed(slicer.file(slicer.labels)) == {}  # although lesions are painted over organs
    labels = slicer.labels.copy()
    labels[:2, :2, :2] = slicer.numbers["liver"]
    labels[labels == slicer.numbers["left kidney"]] = 0
    kidney = np.count_nonzero(slicer.labels == slicer.numbers["left kidney"])
    assert slicer.changed(slicer.file(labels)) == {"liver": 8, "left_kidney": kidney}
    assert slicer.changed(slicer.file(labels)) == {}  # sent again after a lost answer
    rows = service.get(f"/jobs/{slicer.job.id}/corrections").json()["corrections"]
    assert [(row["version"], row["structure"], row["by"]) for row in rows] == [
        (1, "liver", "user-xyz"),
        (2, "left_kidney", "user-xyz"),
    ]
    kept = service.get(f"/jobs/{slicer.job.id}/corrections/1.nii.gz").content
    (slicer.folder / "kept.nii.gz").write_bytes(kept)
    predicted = read_seg_nrrd(slicer.results / MASKS).mask("liver")
    found = np.asarray(read_volume(slicer.folder / "kept.nii.gz").voxels) > 0
    np.testing.assert_array_equal(found, predicted | (labels == slicer.numbers["liver"]))
    assert service.get("/info/").json()["datastore"]["completed"] == 1
    assert slicer.changed(slicer.file(slicer.labels)) == {"liver": 0, "left_kidney": 0}  # back to the prediction


def test_the_store_shows_what_is_in_it(slicer, service):
    labels = np.where(slicer.labels == slicer.numbers["left kidney"], 0, slicer.labels)
    slicer.changed(slicer.file(labels))
    objects = service.get("/datastore/?output=all").json()["objects"]
    assert {tag: one["ext"] for tag, one in objects[slicer.image]["labels"].items()} == {
        "original": ".nii.gz",
        "final": ".nii.gz",
    }
    assert service.get(f"/datastore/image?image={slicer.image}").content == (slicer.folder / "ct.nii.gz").read_bytes()
    about = service.get(f"/datastore/image/info?image={slicer.image}").json()
    assert (about["name"], about["checksum"][:7]) == ("000001.nii.gz", "SHA256:")
    for tag, expected in (("original", slicer.labels), ("final", labels)):
        query = f"label={slicer.image}&tag={tag}"
        answer = service.get(f"/datastore/label?{query}")
        (slicer.folder / "got.nii.gz").write_bytes(answer.content)
        values = service.get(f"/datastore/label/info?{query}").json()["params"]["label_names"]
        assert ("left kidney" in values) == (tag == "original")
        got = np.asarray(read_volume(slicer.folder / "got.nii.gz").voxels)
        for name, value in values.items():
            np.testing.assert_array_equal(got == value, expected == slicer.numbers[name])
    for query in ("label=x&tag=final", f"label={slicer.image}&tag=draft", f"label={'a' * 26}&tag=original"):
        assert service.get(f"/datastore/label?{query}").status_code == 404
    for name in (NAME, "..", "a" * 26):  # names are not identifiers
        assert service.get(f"/datastore/image?image={quote_plus(name)}").status_code == 404


def test_what_is_beneath_a_lesion_is_kept_and_a_new_lesion_belongs_to_its_organ(slicer):
    seg = read_seg_nrrd(slicer.results / MASKS)
    liver, tumour = (slicer.labels == slicer.numbers[name] for name in ("liver", "liver tumour"))
    inside = np.argwhere(liver)[0]
    labels = slicer.labels.copy()
    labels[tuple(inside)] = slicer.numbers["liver tumour"]  # on the liver
    outside = np.argwhere(labels == 0)[0]
    labels[tuple(outside)] = slicer.numbers["liver tumour"]  # beside it
    assert slicer.changed(slicer.file(labels)) == {"liver_tumour": 2, "liver": 1}
    erased = np.where(tumour, 0, slicer.labels)
    assert slicer.changed(slicer.file(erased)) == {
        "liver": 0,
        "liver_tumour": np.count_nonzero(seg.mask("liver_tumour")),
    }


def test_numbers_of_labels_are_read_as_slicer_and_as_others_mean_them(slicer):
    rows = [{"name": name, "idx": idx} for name, idx in slicer.numbers.items()]
    later = [{"name": "background_scribbles", "idx": 1}] + [{**row, "idx": row["idx"] + 1} for row in rows]
    assert slicer.changed(slicer.file(slicer.labels), later) == {}
    assert slicer.changed(slicer.file(slicer.labels), later[1:]) == {}
    some = np.where(slicer.labels == 1, 0, slicer.labels)
    assert "two ways" in slicer.submit(slicer.file(some), later[1:]).json()["reason"]
    spread = np.where(slicer.labels > 0, slicer.labels + 10, 0).astype(np.uint8)
    assert slicer.changed(slicer.file(spread), [{**row, "idx": row["idx"] + 10} for row in rows]) == {}
    assert slicer.changed(slicer.file(slicer.labels), [{**row, "idx": row["idx"] + 10} for row in rows]) == {}
    refused = slicer.submit(slicer.file(spread), rows).json()
    assert "the values 11, 12, 13, 14, which label_info does not name" in refused["reason"]
    assert refused["file"] == "label.nii.gz"
    only = np.where(slicer.labels == slicer.numbers["liver"], 1, 0).astype(np.uint8)
    assert slicer.changed(slicer.file(only), [{"name": "Liver", "idx": 4}]) == {}


def test_segments_are_taken_as_they_are_named_in_the_file(slicer):
    seg = read_seg_nrrd(slicer.results / MASKS)
    liver = seg.mask("liver").copy()
    liver[:2, :2, :2] ^= True
    changed = Segmentation.from_masks({**seg.masks(), "liver": liver}, seg.affine)
    write_seg_nrrd(slicer.folder / "label.seg.nrrd", changed)
    file = ("label", "tmp1.seg.nrrd", (slicer.folder / "label.seg.nrrd").read_bytes())
    assert slicer.changed(file) == {"liver": 8}
    strange = file[2].replace(b"Segment0_Name:=Liver\n", b"Segment0_Name:=Ghost\n")
    assert strange != file[2]
    refused = slicer.submit((*file[:2], strange)).json()
    assert "'Ghost'" in refused["reason"]
    assert "--rename" not in refused["remedy"]
    helper = file[2].replace(b"Segment0_Name:=Liver\n", b"Segment0_Name:=background\n")
    assert slicer.changed((*file[:2], helper)) == {}
    map_of_that_name = (slicer.folder / "result.nrrd").read_bytes()
    assert slicer.changed(("label", "tmp2.seg.nrrd", map_of_that_name)) == {"liver": 0}  # back to the prediction
    assert slicer.changed(("label", "tmp2.nrrd", map_of_that_name)) == {}


def test_labels_on_another_grid_or_reversed_are_refused_and_turned_ones_are_not(slicer):
    labels = slicer.labels.copy()
    labels[:2, :2, :2] = slicer.numbers["liver"]
    moved = slicer.affine.copy()
    moved[:3, 3] += 1.0
    tilted = rotated(GRID, 3).affine
    for affine in (moved, tilted, slicer.affine @ np.diag([1.1, 1, 1, 1])):
        refused = slicer.submit(slicer.file(labels, affine))
        assert (refused.status_code, refused.json()["error"]) == (422, "geometry")
        assert "lies on another grid than its CT" in refused.json()["reason"]
    assert "reversed along an axis" in slicer.submit(slicer.file(np.flip(labels, 0))).json()["reason"]
    sides = slicer.labels.copy()
    left, right = slicer.numbers["left kidney"], slicer.numbers["right kidney"]
    sides[slicer.labels == left], sides[slicer.labels == right] = right, left
    assert "left_kidney lies where right_kidney was predicted" in slicer.submit(slicer.file(sides)).json()["reason"]
    assert not slicer.client.service.folder.is_corrected(slicer.job.id)
    turned = slicer.affine.copy()
    turned[:3, 3] += turned[:3, 0] * (labels.shape[0] - 1)
    turned[:3, 0] *= -1
    assert slicer.changed(slicer.file(np.flip(labels, 0), turned)) == {"liver": 8}


def test_labels_of_another_image_are_refused(slicer, service, tmp_path_factory):
    other = ras_grid((4.0, 4.0, 4.0))
    strange = Slicer(service, tmp_path_factory.mktemp("other"), other)  # newer, under the same name
    assert "another grid" in slicer.submit(slicer.file(slicer.labels)).json()["reason"]
    assert strange.changed(strange.file(strange.labels)) == {}
    somebody = params_part(client_id="somebody", label_info=[{"name": "liver", "idx": 1}])
    answer = service.put(f"/datastore/label?image={slicer.name}", **form(somebody, slicer.file(slicer.labels)))
    assert (answer.status_code, answer.json()["reason"]) == (404, "no such session or image")
    service.service.cleaner.delete_job(strange.job.id)


def test_labels_that_fit_an_older_image_of_the_same_name_and_grid_are_refused(slicer, service, tmp_path_factory):
    newer = Slicer(service, tmp_path_factory.mktemp("newer"))
    content = read_seg_nrrd(newer.results / MASKS)
    shifted = Segmentation(np.roll(content.bits, content.shape[0] // 2, axis=1), content.affine, content.classes)
    write_seg_nrrd(newer.results / MASKS, shifted)
    assert "another image that was sent under this name" in newer.submit(newer.file(slicer.labels)).json()["reason"]
    service.service.cleaner.delete_job(newer.job.id)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"name": "liver", "idx": 1}, {"name": "ghost", "idx": 2}, {"name": "<b>", "idx": 3}], "'ghost', '<b>'"),
        ([{"name": "liver", "idx": 1}, {"name": "Liver", "idx": 2}], "liver twice"),
        ([{"name": "liver", "idx": 1}, {"name": "spleen", "idx": 1}], "1 twice"),
        ([], "does not say what its values are"),
        ([{"name": "liver"}], "label_info is a list"),
        ([{"name": "liver", "idx": True}], "label_info is a list"),
        ([{"name": "liver", "idx": 10**9}], "label_info is a list"),
        ([{"name": "x" * 300, "idx": 1}], "label_info is a list"),
        ({"liver": 1}, "label_info is a list"),
        (["liver"], "label_info is a list"),
    ],
)  # fmt: skip
def test_names_that_are_none(slicer, rows, says):
    answer = slicer.submit(slicer.file(slicer.labels), rows)
    assert answer.status_code == 422
    assert says in answer.json()["reason"]


def test_files_that_are_none(slicer, service):
    label = slicer.file(slicer.labels)
    voxels = gzip.decompress(label[2])
    huge = bytearray(voxels)
    huge[42:48] = np.array([32767] * 3, "<i2").tobytes()
    for content in (b"", b"no image", label[2][:-30], gzip.compress(bytes(huge)), b"\x1f\x8b" + b"\0" * 50):
        answer = slicer.submit((*label[:2], content))
        assert (answer.status_code, answer.json()["file"]) == (422, "label.nii.gz"), answer.text
    for name in ("../../evil.nii.gz", "label.json", "", "x" * 400 + ".exe"):
        answer = slicer.submit(("label", name, b"[]"))
        assert answer.status_code == 422, answer.text
    fractions = slicer.file(slicer.labels + np.float32(0.3))
    assert "fractions" in slicer.submit(fractions).json()["reason"]
    assert slicer.submit(label, query="&tag=original").json()["reason"] == "no tag 'original' here"
    two = service.put(f"/datastore/label?image={slicer.name}", **form(params_part(), label, label))
    assert two.json()["reason"] == "the form has several fields `label`"
    none = service.put(f"/datastore/label?image={slicer.name}", **form(params_part(), ("label", None, b"x")))
    assert none.json()["error"] == "no_file"
    assert service.put(f"/datastore/label?image={slicer.name}", content=b"x").status_code == 415
    assert service.put("/datastore/label", **form(label)).status_code == 422
    folder = service.service.folder.root
    assert [path.name for path in (folder / "uploads").iterdir()] == [slicer.image]
    assert not any(b"DOE" in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_images_without_a_segmentation_and_forms_without_an_image(tmp_path):
    with serving(tmp_path / "state", upload_gb=1e-6) as client:
        label = ("label", "a.nii.gz", b"x")
        image = client.put("/datastore/?image=CT", **form(("file", "a.nii.gz", b"a CT"))).json()["image"]
        for query in ("image=CT", f"image={image}"):
            answer = client.put(f"/datastore/label?{query}", **form(label))
            assert (answer.status_code, answer.json()["error"]) == (409, "not_done")
        for name in ("../../etc/passwd", "a" * 26, "", "CT\0"):
            answer = client.put("/datastore/label", params={"image": name}, **form(label))
            assert (answer.status_code, answer.json()["error"]) == (404, "not_found")
        assert client.put("/datastore/?image=CT", **form(("params", None, b"{}"))).json()["error"] == "no_file"
        two = [("file", f"{n}.dcm", b"slice") for n in range(2)]
        assert client.put("/datastore/image?image=CT", **form(*two)).json()["error"] == "no_file"
        large = client.put("/datastore/?image=CT", **form(("file", "a.nii.gz", b"x" * 2000)))
        assert (large.status_code, large.json()["error"]) == (413, "too_large")
        large = client.put("/datastore/label?image=CT", **form(("label", "a.nii.gz", b"x" * 2000)))
        assert (large.status_code, large.json()["error"]) == (413, "too_large")
        assert client.get("/datastore/?output=train").json()["reason"] == "no output 'train' here"
        assert client.service.uploads.all_ids() == {image}
