"""The service with its real processes and a tiny network: what comes out is what `omentum segment` writes."""

import io

import numpy as np
import pytest
from banded_phantom import banded_ct, ras_grid, stored
from dicom_files import write_stack
from serving import followed, real_service, submitted
from small_models import small_model

from omentum.io.nifti import read_volume, write_mask, write_volume
from omentum.io.seg_nrrd.read import read_seg_nrrd
from omentum.model.checkpoint import save_checkpoint
from omentum.segmentation import Segmentation
from omentum.volume import Volume


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    save_checkpoint(folder / "tiny.safetensors", small_model("residual_unet"))
    with real_service(folder / "state", weights=(str(folder / "tiny.safetensors"),), device="cpu") as made:
        yield made


def put(client, upload, path, name=None):
    answer = client.put(f"/uploads/{upload}/files/{name or path.name}", content=path.read_bytes())
    assert answer.status_code == 200, answer.text


@pytest.mark.slow
def test_a_nifti_file(client, tmp_path):
    grid = stored(ras_grid((6.0, 6.0, 7.0)), (1, 0, 2), (True, False, True))
    write_volume(tmp_path / "Doe_Jane.nii.gz", banded_ct(grid))
    about = client.get("/capabilities").json()["weights"]
    assert [one["name"] for one in about] == ["tiny"]
    assert [one["key"] for one in about[0]["structures"]] == ["liver", "spleen", "liver_tumour"]
    upload = client.post("/uploads").json()["id"]
    put(client, upload, tmp_path / "Doe_Jane.nii.gz")
    told = client.get(f"/uploads/{upload}/doctor").json()["inputs"][0]
    assert (told["works"], told["input"], told["kind"]) == (True, "Doe_Jane.nii.gz", "NIfTI image")

    job = submitted(client, upload, profile="fast", meshes=True)
    done = followed(client, job)
    assert done["state"] == "done", done
    assert {"segmentation.nii.gz", "segmentation.seg.nrrd", "measurements.json", "lesions.csv", "report.html"} <= {
        *done["results"]
    }
    files = {name: client.get(f"/jobs/{job}/results/{name}").content for name in done["results"]}
    assert not any(b"Doe_Jane" in content for content in files.values())
    assert files["preview.png"].startswith(b"\x89PNG")
    masks = saved(tmp_path / "a.seg.nrrd", files["segmentation.seg.nrrd"], read_seg_nrrd)
    assert masks.grid.same_as(grid)
    ct = saved(tmp_path / "b.nii.gz", client.get(f"/jobs/{job}/ct.nii.gz").content, read_volume)
    np.testing.assert_array_equal(ct.voxels, banded_ct(grid).voxels)
    assert ct.grid.same_as(grid)
    check_corrections(client, job, masks, tmp_path)


def check_corrections(client, job, masks, folder):
    mask = masks.mask("liver")
    corrected = mask.copy()
    corrected[3:6, 3:6, 3:6] = ~corrected[3:6, 3:6, 3:6]
    send = lambda array, like: client.put(  # noqa: E731
        f"/jobs/{job}/corrections/liver?by=A.%20Miller", content=nifti(folder, array, like)
    )
    assert "equals the prediction" in send(mask, masks).json()["reason"]
    moved = Segmentation(masks.bits, masks.affine @ np.diag([1.1, 1, 1, 1]), masks.classes)
    assert "another grid" in send(corrected, moved).json()["reason"]
    answer = send(corrected, masks)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["version"], answer.json()["voxels_changed"], answer.json()["by"]) == (1, 27, "A. Miller")
    turned = np.flip(corrected, 0)
    affine = masks.affine.copy()
    affine[:3, 3] += affine[:3, 0] * (masks.shape[0] - 1)
    affine[:3, 0] *= -1
    again = send(turned, Segmentation(masks.bits, affine, masks.classes))  # the same in another order of voxels
    assert "the mask is known" in again.json()["reason"]
    listed = client.get(f"/jobs/{job}/corrections").json()["corrections"]
    assert [(one["version"], one["structure"]) for one in listed] == [(1, "liver")]
    kept = saved(folder / "c.nii.gz", client.get(f"/jobs/{job}/corrections/1.nii.gz").content, read_volume)
    np.testing.assert_array_equal(kept.voxels > 0, corrected)
    for broken in (b"", b"no image", nifti(folder, corrected, masks)[:-20]):
        refused = client.put(f"/jobs/{job}/corrections/liver", content=broken)
        assert refused.status_code == 422, refused.text
        assert refused.json()["file"] == "liver.nii.gz"
    assert client.put(f"/jobs/{job}/corrections/ghost", content=b"x").status_code == 422
    gone = client.delete(f"/jobs/{job}").json()["deleted"]
    assert {"corrections/0001_liver.nii.gz", "corrections/corrections.json", "ct.nii.gz", "input/Doe_Jane.nii.gz"} <= {
        *gone
    }


@pytest.mark.slow
def test_a_dicom_series_gets_dicom_results(client, tmp_path):
    hu = banded_ct(ras_grid((5.0, 5.0, 5.0))).voxels
    series = write_stack(tmp_path / "series", hu, 5.0, PatientName="Doe^Jane", PixelSpacing=[5.0, 5.0])
    upload = client.post("/uploads").json()["id"]
    for number, path in enumerate(series):
        put(client, upload, path, f"{number:04d}")
    done = followed(client, submitted(client, upload, profile="fast"))
    assert done["state"] == "done", done["error"]
    assert {"segmentation.dcm", "rtstruct.dcm", "measurements.dcm"} <= {*done["results"]}
    assert "Doe" not in str(client.said)
    nothing = followed(client, submitted(client, upload, profile="fast", classes=["liver"]))
    assert nothing["state"] == "done", nothing["error"]
    assert not [name for name in nothing["results"] if name.endswith(".dcm")]


@pytest.mark.slow
def test_what_is_no_ct_is_refused_with_the_reason(client, tmp_path):
    write_volume(tmp_path / "flat.nii.gz", Volume(np.zeros((4, 4, 4), np.int16), np.eye(4)))
    upload = client.post("/uploads").json()["id"]
    put(client, upload, tmp_path / "flat.nii.gz")
    done = followed(client, submitted(client, upload))
    assert (done["state"], done["error"]["error"], done["error"]["file"]) == ("failed", "geometry", "flat.nii.gz")
    assert done["error"]["reason"]
    assert "state" not in done["error"]["reason"]
    put_bad = client.post("/uploads").json()["id"]
    client.put(f"/uploads/{put_bad}/files/a.zip", content=b"PK\x03\x04 no zip")
    bad = followed(client, submitted(client, put_bad))
    assert (bad["state"], bad["error"]["file"]) == ("failed", "a.zip")


def saved(path, content, read):
    path.write_bytes(content)
    return read(path)


def nifti(folder, mask, like):
    write_mask(folder / "mask.nii.gz", mask, like, "liver")
    return io.BytesIO((folder / "mask.nii.gz").read_bytes()).getvalue()
