"""A `.seg.nrrd` that is damaged, lies or is something else: one line that names the file, and no memory taken."""

import gzip
import tracemalloc
import warnings
import zlib
from contextlib import suppress

import numpy as np
import pytest
from seg_nrrd_files import seg_nrrd

from omentum.errors import CaseWarning, GeometryError, InputError, OmentumError
from omentum.io.nrrd.header import MOST_HEADER_BYTES
from omentum.io.segmentations import read_segmentation

LIVER = [("liver", "Liver", 0, 1)]
VOXELS = np.ones((4, 5, 6), np.uint8)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"data file": "other.raw"}, "keeps its voxels in another file"),
        ({"datafile": "LIST"}, "keeps its voxels in another file"),
        ({"byte skip": "-1"}, "has something between header and voxels"),
        ({"line skip": "2"}, "has something between header and voxels"),
        ({"encoding": "bzip2"}, "has the encoding 'bzip2'; gzip and raw are read"),
        ({"encoding": "ascii"}, "has the encoding 'ascii'"),
        ({"encoding": None}, "states no encoding"),
        ({"type": "float"}, "holds voxels of type 'float'"),
        ({"type": "block"}, "holds voxels of type 'block'"),
        ({"type": None}, "holds voxels of type 'unknown'"),
        ({"type": "short", "endian": None}, "does not say which byte comes first"),
        ({"dimension": "4"}, "declares 4 axes and 3 sizes"),
        ({"dimension": None}, "declares None axes"),
        ({"dimension": "2", "sizes": "4 30"}, "is 2D, 4 x 30"),
        ({"dimension": "5", "sizes": "1 1 4 5 6"}, "is 5D"),
        ({"sizes": "4 0 6"}, "is 3D, 4 x 0 x 6"),
        ({"sizes": "4 -5 6"}, "is 3D, 4 x -5 x 6"),
        ({"sizes": "4 five 6"}, "has a damaged header"),
        ({"sizes": "4 5 99999999999999999999999"}, "has a damaged header"),
        ({"sizes": None}, "declares 3 axes and 0 sizes"),
        ({"dimension": "three"}, "has a damaged header"),
        ({"space directions": "(2,0,0) (0,2,0"}, "has a damaged header"),
        ({"sizes": "40 50 60"}, "expected 120000 bytes of voxels, got 120"),
        ({"sizes": "40000 50000 6"}, "declares 12000000000 voxels"),
        ({"sizes": "1000 1000 1000"}, "expected 1000000000 bytes, got at most"),
        ({"sizes": "2 5 6"}, "damaged"),
    ],
)
def test_a_header_that_lies_or_says_something_else(fields, said, tmp_path):
    path = seg_nrrd(tmp_path, VOXELS, LIVER, **fields)
    if fields == {"sizes": "2 5 6"}:  # shorter than its content, which is fine up to a tail, but its checksum is wrong
        path.write_bytes(path.read_bytes()[:-8] + b"\0" * 8)
    with pytest.raises(InputError) as fault:
        read_segmentation(path)
    assert str(fault.value).startswith(f"{path}: ")
    assert said in str(fault.value)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"space": None}, "states no space"),
        ({"space": "scanner-xyz"}, "lies in the space 'scanner-xyz'"),
        ({"space": None, "space dimension": "3"}, "states no space"),
        ({"space directions": None}, "does not say which way its axes run"),
        ({"space directions": "(2,0,0) (0,2,0)"}, "does not say which way its axes run"),
        ({"space directions": "(2,0,0) none (0,0,2)"}, "has 3 axes and directions of 2"),
        ({"space directions": "(2,0,0) (4,0,0) (0,0,2)"}, "singular"),
        ({"space directions": "(2,0,0) (0,inf,0) (0,0,2)"}, "finite"),
        ({"space origin": None}, "does not say where its first voxel lies"),
        ({"space origin": "(1,2)"}, "does not say where its first voxel lies"),
        ({"space origin": "(1,2,nan)"}, "finite"),
    ],
)
def test_geometry_that_is_impossible_or_unknown(fields, said, tmp_path):
    path = seg_nrrd(tmp_path, VOXELS, LIVER, **fields)
    with pytest.raises(GeometryError) as fault:
        read_segmentation(path)
    assert str(fault.value).startswith(f"{path}: ")
    assert said in str(fault.value)


@pytest.mark.parametrize(
    ("segments", "said"),
    [
        ([], "is an NRRD image that names no segments"),
        ([("liver", "", 1, 1)], "segment 0 is in layer 1; there are 1"),
        ([("liver", "", -1, 1)], "segment 0 is in layer -1"),
        ([("liver", "", 0, 0)], "segment 0 has the value 0"),
        ([("liver", "", 0, 70000)], "segment 0 has the value 70000"),
        ([("liver", "", 0, "one")], "has a damaged header: segment 0"),
        ([("liver", "", 0, 1), ("spleen", "", 0, 1)], "gives one number to several segments: 'liver', 'spleen'"),
        ([("", "", 0, 1)], "has no segment that is a structure of ours"),
    ],
)
def test_segments_that_make_no_sense(segments, said, tmp_path):
    path = seg_nrrd(tmp_path, VOXELS, segments)
    with pytest.raises(InputError, match=said) as fault:
        read_segmentation(path)
    assert fault.value.source == path


def test_a_fractional_map_is_none(tmp_path):
    path = seg_nrrd(tmp_path, VOXELS, LIVER)
    path.write_bytes(
        path.read_bytes().replace(b"\n\n", b"\nSegmentation_MasterRepresentation:=Fractional labelmap\n\n", 1)
    )
    with pytest.raises(InputError, match="'Fractional labelmap', no binary label map"):
        read_segmentation(path)


def test_layers_without_end(tmp_path):
    path = seg_nrrd(tmp_path, np.ones((1, 4, 5, 6), np.uint8), LIVER, sizes="100000 4 5 6")
    with pytest.raises(InputError, match="declares 100000 layers"):
        read_segmentation(path)


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9, 0.99])
def test_cut_short_anywhere(keep, tmp_path):
    noise = np.random.default_rng(0).integers(0, 2, (20, 20, 20)).astype(np.uint8)
    path = seg_nrrd(tmp_path, noise, LIVER)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(InputError):
        read_segmentation(path)


def test_a_flipped_bit_shows_by_the_checksum(tmp_path):
    noise = np.random.default_rng(0).integers(0, 2, (20, 20, 20)).astype(np.uint8)
    path = seg_nrrd(tmp_path, noise, LIVER)
    content = bytearray(path.read_bytes())
    content[-200] ^= 0x10
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match=r"damaged|ends too early"):
        read_segmentation(path)


def test_a_bomb_behind_the_voxels_is_not_unpacked(tmp_path):
    path = seg_nrrd(tmp_path, VOXELS, LIVER)
    head = path.read_bytes().partition(b"\n\n")[0]
    path.write_bytes(head + b"\n\n" + gzip.compress(VOXELS.tobytes() + bytes(64 << 20), 1))
    with pytest.raises(InputError, match="holds far more data than the 120 bytes"):
        read_segmentation(path)


def test_nothing_is_allocated_for_what_cannot_be_there(tmp_path):
    path = seg_nrrd(tmp_path, VOXELS, LIVER, sizes="1200 1200 1200")
    tracemalloc.start()
    with pytest.raises(InputError, match="got at most"):
        read_segmentation(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 24
    tracemalloc.stop()


def test_a_header_without_end(tmp_path):
    path = tmp_path / "s.seg.nrrd"
    path.write_bytes(b"NRRD0004\n" + b"# so it goes on\n" * (MOST_HEADER_BYTES // 16 + 1))
    with pytest.raises(InputError, match="does not end within"):
        read_segmentation(path)
    path.write_bytes(b"NRRD0004\ntype: uchar\n")
    with pytest.raises(InputError, match="ends within its header"):
        read_segmentation(path)


@pytest.mark.parametrize(
    "head",
    [
        b"NRRD0009\n\n",
        b"NRRDwhat\n\n",
        b"NRRD0004\nno colon\n\n",
        b"NRRD0004\ntype: uchar\ntype: uchar\n\n",
        b"NRRD\n\n",
    ],
)
def test_a_header_that_is_none(head, tmp_path):
    (tmp_path / "s.seg.nrrd").write_bytes(head)
    with pytest.raises(InputError, match=r"damaged header|declares None"):
        read_segmentation(tmp_path / "s.seg.nrrd")


def test_any_damage_to_the_header_is_answered(tmp_path):
    """Whatever happens to a byte, it is read or it is refused in our words."""
    path = seg_nrrd(tmp_path, VOXELS, LIVER)
    good = path.read_bytes()
    random = np.random.default_rng(1)
    end = good.index(b"\n\n")
    for at in range(end):
        bad = bytearray(good)
        bad[at] = random.integers(0, 256)
        path.write_bytes(bytes(bad))
        with suppress(OmentumError), warnings.catch_warnings(action="ignore", category=CaseWarning):
            assert read_segmentation(path).shape


def test_compressed_as_a_whole_says_so(tmp_path):
    from omentum.io.seg_nrrd.read import read_seg_nrrd

    path = seg_nrrd(tmp_path, VOXELS, LIVER)
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(InputError, match="is compressed as a whole"):
        read_seg_nrrd(path)


def test_not_gzip_although_it_says_so(tmp_path):
    path = seg_nrrd(tmp_path, VOXELS, LIVER)
    head = path.read_bytes().partition(b"\n\n")[0]
    path.write_bytes(head + b"\n\n" + zlib.compress(VOXELS.tobytes()))
    with pytest.raises(InputError):
        read_segmentation(path)


def test_a_segment_renamed_in_a_viewer_is_what_its_name_says(tmp_path):
    """3D Slicer keeps the ID; sides that were swapped by name are swapped."""
    voxels = np.zeros((4, 4, 4), np.uint8)
    voxels[0], voxels[3] = 1, 2
    segments = [("left_kidney", "Right kidney", 0, 1), ("right_kidney", "Left kidney", 0, 2)]
    with pytest.warns(CaseWarning, match="read as"):
        seg = read_segmentation(seg_nrrd(tmp_path, voxels, segments))
    assert np.array_equal(np.flatnonzero(seg.mask("right_kidney").any(axis=(1, 2))), [0])
    assert np.array_equal(np.flatnonzero(seg.mask("left_kidney").any(axis=(1, 2))), [3])


def test_a_segment_renamed_to_nothing_of_ours_is_refused(tmp_path):
    """Its ID still says left kidney, which it no longer is."""
    voxels = np.zeros((4, 4, 4), np.uint8)
    voxels[0], voxels[3] = 1, 2
    path = seg_nrrd(tmp_path, voxels, [("left_kidney", "My appendix", 0, 1), ("liver", "Liver", 0, 2)])
    with pytest.raises(InputError, match=r"renamed to nothing of ours: 'My appendix' \(was 'left_kidney'\)") as fault:
        read_segmentation(path)
    assert fault.value.source == path


def test_other_units_than_millimetres_are_refused(tmp_path):
    path = seg_nrrd(
        tmp_path, np.ones((4, 4, 4), np.uint8), [("liver", "Liver", 0, 1)], **{"space units": '"cm" "cm" "cm"'}
    )
    with pytest.raises(GeometryError, match="measured in cm"):
        read_segmentation(path)
