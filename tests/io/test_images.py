"""NRRD and MetaImage are read as SimpleITK reads them, voxel by voxel and millimetre by millimetre."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metaimage_files import metaimage
from seg_nrrd_files import seg_nrrd
from strategies import grids, noise

from omentum.errors import CaseWarning, GeometryError, InputError, UsageError
from omentum.io.detect import load_volume
from omentum.io.images import ImageFormat, format_of, read_image
from omentum.io.nifti import read_volume, write_volume
from omentum.volume import Grid, Volume

sitk = pytest.importorskip("SimpleITK")

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
SUFFIXES = (".nrrd", ".mha", ".mhd")
TYPES = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "f4", "f8")


def in_simpleitk(volume):
    """The same image in SimpleITK: directions of length one, LPS+."""
    affine = LPS @ volume.affine
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.voxels.T))
    image.SetSpacing(volume.spacing_mm)
    image.SetDirection((affine[:3, :3] / volume.spacing_mm).ravel())
    image.SetOrigin(affine[:3, 3])
    return image


def assert_same_as_simpleitk(volume, image):
    """Equal voxels at equal places in the world, for the corners and one voxel in the middle."""
    np.testing.assert_array_equal(volume.voxels, sitk.GetArrayFromImage(image).T)
    shape = np.array(volume.shape) - 1
    places = [np.array(corner) * shape for corner in np.ndindex(2, 2, 2)]
    for index in [*places, shape // 2]:
        world = image.TransformIndexToPhysicalPoint([int(n) for n in index])
        np.testing.assert_allclose(volume.grid.to_world(index), (LPS @ [*world, 1])[:3], atol=1e-6)


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=15)
@given(grid=grids(), compressed=st.booleans())
def test_any_grid_is_read_as_simpleitk_reads_it(suffix, grid, compressed, tmp_path_factory):
    """Oblique, flipped, anisotropic; as SimpleITK writes it."""
    path = tmp_path_factory.mktemp("images") / f"ct{suffix}"
    sitk.WriteImage(in_simpleitk(Volume(noise(grid), grid.affine)), str(path), compressed)
    found = read_image(path)
    assert_same_as_simpleitk(found, sitk.ReadImage(str(path)))
    np.testing.assert_allclose(found.affine, grid.affine, atol=1e-9)
    np.testing.assert_array_equal(found.voxels, noise(grid))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", TYPES)
def test_every_type_of_voxels(suffix, kind, tmp_path):
    grid = Grid((4, 5, 6), np.diag([2.0, 3, 4, 1]))
    voxels = (noise(grid) % 100).astype(kind)
    sitk.WriteImage(in_simpleitk(Volume(voxels, grid.affine)), str(tmp_path / f"ct{suffix}"))
    found = read_image(tmp_path / f"ct{suffix}")
    assert found.voxels.dtype == np.dtype(kind)
    np.testing.assert_array_equal(found.voxels, voxels)


@pytest.mark.parametrize("make", [seg_nrrd, metaimage])
@pytest.mark.parametrize("kind", [">i2", ">f4", ">f8", "<i2", "u1"])
def test_either_byte_order(make, kind, tmp_path):
    voxels = np.arange(4 * 5 * 6).reshape(4, 5, 6).astype(kind)
    path = make(tmp_path, voxels)
    path = path.rename(tmp_path / f"ct{'.nrrd' if make is seg_nrrd else '.mha'}")
    found = read_image(path)
    assert found.voxels.dtype.isnative
    np.testing.assert_array_equal(found.voxels, voxels)
    assert_same_as_simpleitk(found, sitk.ReadImage(str(path)))


@pytest.mark.parametrize("space", ["RAS", "right-anterior-superior", "LAS", "left-posterior-superior", "LPS"])
def test_every_space_of_nrrd_is_the_same_world(space, tmp_path):
    path = seg_nrrd(tmp_path, np.ones((4, 5, 6), np.int16), space=space, encoding="raw").rename(tmp_path / "ct.nrrd")
    assert_same_as_simpleitk(read_image(path), sitk.ReadImage(str(path)))


@pytest.mark.parametrize(("axis", "sizes"), [(0, "1 4 5 6"), (3, "4 5 6 1")])
def test_a_fourth_axis_of_one_is_none(axis, sizes, tmp_path):
    voxels = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    rows = ["(2,0,0)", "(0,2,0)", "(0,0,2)"]
    rows.insert(axis, "none")
    path = seg_nrrd(tmp_path, np.expand_dims(voxels, axis), sizes=sizes, **{"space directions": " ".join(rows)})
    np.testing.assert_array_equal(read_image(path.rename(tmp_path / "ct.nrrd")).voxels, voxels)
    np.testing.assert_array_equal(read_image(metaimage(tmp_path, voxels[..., None])).voxels, voxels)


def test_one_of_several_volumes_is_chosen(tmp_path):
    voxels = np.arange(2 * 4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6, 2)
    directions = {"space directions": "(2,0,0) (0,2,0) (0,0,2) none"}
    for path in (seg_nrrd(tmp_path, voxels, **directions).rename(tmp_path / "ct.nrrd"), metaimage(tmp_path, voxels)):
        np.testing.assert_array_equal(read_image(path, volume=1).voxels, voxels[..., 1])
        with pytest.raises(InputError, match=r"is 4D with 2 volumes.*--volume"):
            read_image(path)
        with pytest.raises(UsageError, match="has no volume 2"):
            read_image(path, volume=2)


def test_the_output_on_its_grid_has_its_affine(tmp_path):
    grid = Grid((6, 5, 4), np.array([[0, -0.7, 0, 10], [0.9, 0, 0.1, 20], [0, 0.1, -5, 30], [0, 0, 0, 1.0]]))
    sitk.WriteImage(in_simpleitk(Volume(noise(grid), grid.affine)), str(tmp_path / "ct.nrrd"))
    with pytest.warns(CaseWarning, match="off the right angle"):
        ct = load_volume(tmp_path / "ct.nrrd")
    write_volume(tmp_path / "out.nii.gz", ct)
    with pytest.warns(CaseWarning, match="off the right angle"):
        again = read_volume(tmp_path / "out.nii.gz")
    np.testing.assert_array_equal(again.affine, ct.affine.astype(np.float32))


@pytest.mark.parametrize("letters", ["LPS", "RAS", "ASR"])
def test_an_orientation_that_is_not_stated_is_assumed_where_the_user_says_so(letters, tmp_path):
    voxels = np.ones((4, 5, 6), np.int16)
    fields = {"space": None, "space directions": None, "space origin": None, "spacings": "2 3 4"}
    nrrd = seg_nrrd(tmp_path, voxels, **fields).rename(tmp_path / "ct.nrrd")
    meta = metaimage(tmp_path, voxels, TransformMatrix=None, ElementSpacing="2 3 4")
    for path in (nrrd, meta):
        with pytest.raises(GeometryError, match=r"states no .*--assume-orientation"):
            load_volume(path)
        with pytest.warns(CaseWarning, match=rf"orientation unknown, assuming {letters}\+"):
            found = load_volume(path, assume_orientation=letters)
        assert found.orientation == letters
        np.testing.assert_allclose(found.spacing_mm, (2, 3, 4))


def test_the_letters_of_metaimage_are_itks(tmp_path):
    """RAI is LPS+; letters that contradict the matrix are told, and the matrix counts, as in ITK."""
    voxels = np.ones((4, 5, 6), np.int16)
    path = metaimage(tmp_path, voxels, TransformMatrix=None, AnatomicalOrientation="RAI")
    assert_same_as_simpleitk(read_image(path), sitk.ReadImage(str(path)))
    path = metaimage(tmp_path, voxels, AnatomicalOrientation="LPI")
    with pytest.warns(CaseWarning, match="AnatomicalOrientation LPI and TransformMatrix disagree"):
        assert_same_as_simpleitk(read_image(path), sitk.ReadImage(str(path)))
    with pytest.raises(GeometryError, match="states the orientation LPI without a TransformMatrix"):
        read_image(metaimage(tmp_path, voxels, TransformMatrix=None, AnatomicalOrientation="LPI"))


@pytest.mark.parametrize(("axes", "flips"), [("0 1 2", (1, 1, 1)), ("2 0 1", (1, -1, -1)), ("1 2 0", (-1, -1, 1))])
def test_what_itk_writes_contradicts_itself_nowhere(axes, flips, tmp_path, recwarn):
    affine = np.zeros((4, 4))
    affine[3, 3] = 1
    for axis, world in enumerate(map(int, axes.split())):
        affine[world, axis] = 2 * flips[axis]
    sitk.WriteImage(in_simpleitk(Volume(np.ones((4, 5, 6), np.int16), affine)), str(tmp_path / "ct.mha"))
    np.testing.assert_allclose(read_image(tmp_path / "ct.mha").affine, affine, atol=1e-12)
    assert not [w for w in recwarn if issubclass(w.category, CaseWarning)]


def test_gzip_and_a_header_size_are_read_too(tmp_path):
    """MetaIO inflates gzip as well; a data file may begin with a header of another format, whose size is stated."""
    voxels = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
    path = metaimage(tmp_path, voxels, CompressedData="True")
    head, _, _ = path.read_bytes().partition(b"LOCAL\n")
    path.write_bytes(head + b"LOCAL\n" + gzip.compress(voxels.tobytes(order="F")))
    np.testing.assert_array_equal(read_image(path).voxels, voxels)
    for size in ("7", "-1"):
        path = metaimage(tmp_path, voxels, "ct.mhd", HeaderSize=size)
        (tmp_path / "ct.raw").write_bytes(b"7 bytes" + voxels.tobytes(order="F"))
        np.testing.assert_array_equal(read_image(path).voxels, voxels)


def test_voxels_that_look_like_gzip_are_voxels(tmp_path):
    voxels = np.full((4, 5, 6), 0x8B1F, np.uint16)
    np.testing.assert_array_equal(read_image(metaimage(tmp_path, voxels, "ct.mhd")).voxels, voxels)


@pytest.mark.parametrize(
    ("name", "kind"), [("a.nrrd", ImageFormat.NRRD), ("a.mha", ImageFormat.METAIMAGE), ("a.nii", ImageFormat.NIFTI)]
)
def test_bytes_decide_the_format(name, kind, tmp_path):
    volume = Volume(np.ones((4, 5, 6), np.int16), np.diag([2.0, 2, 2, 1]))
    if kind is ImageFormat.NIFTI:
        write_volume(tmp_path / name, volume)
    else:
        sitk.WriteImage(in_simpleitk(volume), str(tmp_path / name))
    (tmp_path / name).rename(tmp_path / "ct.nii.gz")
    assert format_of(tmp_path / "ct.nii.gz") is kind
    assert read_image(tmp_path / "ct.nii.gz").shape == (4, 5, 6)


def test_a_segmentation_is_no_ct(tmp_path):
    path = seg_nrrd(tmp_path, np.ones((4, 5, 6), np.uint8), [("liver", "Liver", 0, 1)])
    for name in ("s.seg.nrrd", "s.nrrd"):
        path = path.rename(tmp_path / name)
        with pytest.raises(InputError, match="is a segmentation, not a CT"):
            load_volume(path)
