"""The catalogue of faulty inputs, row 56: NRRD and MetaImage."""

import bz2
import gzip
import zlib
from functools import partial

import numpy as np
import pytest
from catalogue import check
from ct_files import HU, checked, fine, refused, warned
from faulty import bomb
from metaimage_files import metaimage
from seg_nrrd_files import seg_nrrd

NO_TRANSFORM = {"TransformMatrix": None, "AnatomicalOrientation": None}


def nrrd(voxels=HU, **fields):
    return lambda folder: seg_nrrd(folder, voxels, **fields).rename(folder / "ct.nrrd")


def mha(voxels=HU, name="ct.mha", **fields):
    return lambda folder: metaimage(folder, voxels, name, **fields)


def then(make, change, name=None):
    """Another file with its bytes changed."""

    def made(folder):
        path = make(folder)
        changed = path if name is None else folder / name
        changed.write_bytes(change(changed.read_bytes()))
        return path

    return made


def body(change):
    """Changes what follows the header of NRRD."""

    def changed(content):
        head, gap, voxels = content.partition(b"\n\n")
        return head + gap + change(voxels)

    return changed


def renamed(make, name):
    return lambda folder: make(folder).rename(folder / name)


NRRD = (
    fine(56, "NRRD: good", nrrd()),
    fine(56, "NRRD: raw", nrrd(encoding="raw")),
    refused(56, "NRRD: cut in half", then(nrrd(), lambda b: b[: len(b) // 2]), "ends too early"),
    refused(56, "NRRD: raw, cut", then(nrrd(encoding="raw"), lambda b: b[:-9]), "cut short"),
    refused(56, "NRRD: header alone", then(nrrd(), lambda b: b.partition(b"\n\n")[0] + b"\n\n"), "expected"),
    refused(56, "NRRD: within its header", then(nrrd(), lambda b: b[:60]), "ends within its header"),
    refused(56, "NRRD: damaged deflate", then(nrrd(), body(lambda b: b[:20] + b"\xff" * 9 + b[29:])), "damaged"),
    refused(56, "NRRD: checksum", then(nrrd(), lambda b: b[:-8] + b"\0" * 8), "damaged"),
    refused(56, "NRRD: size bomb", nrrd(sizes="1400 1400 1400"), "the limit is 2147483648"),
    refused(56, "NRRD: size bomb below the limit", nrrd(sizes="1200 1200 1200"), "got at most"),
    refused(56, "NRRD: size beyond 64 bits", nrrd(sizes="4 5 99999999999999999999"), "damaged header"),
    refused(56, "NRRD: gz bomb", then(nrrd(), body(lambda b: bomb(HU.tobytes(order="F")))), "far more data"),
    refused(56, "NRRD: no space", nrrd(space=None), "states no space.*--assume-orientation"),
    refused(56, "NRRD: unknown space", nrrd(space="scanner-xyz"), "lies in the space 'scanner-xyz'"),
    *(fine(56, f"NRRD: {space}", nrrd(space=space)) for space in ("RAS", "LAS", "LPS")),
    refused(56, "NRRD: detached header", nrrd(**{"data file": "ct.raw"}), "voxels in another file"),
    refused(
        56,
        "NRRD: detached, no blank line",
        then(nrrd(**{"data file": "ct.raw"}), lambda b: b.partition(b"\n\n")[0] + b"\n"),
        "voxels in another file",
    ),
    refused(56, "NRRD: byte skip", nrrd(**{"byte skip": "-1"}), "between header and voxels"),
    refused(56, "NRRD: type block", nrrd(type="block"), "type 'block'"),
    refused(56, "NRRD: text", nrrd(encoding="ascii"), "has the encoding 'ascii'"),
    refused(56, "NRRD: bzip2", then(nrrd(encoding="bzip2"), body(bz2.compress)), "has the encoding 'bzip2'"),
    refused(56, "NRRD: quantised", nrrd(**{"old min": "0", "old max": "1"}), "quantised"),
    refused(56, "NRRD: no byte order", nrrd(endian=None), "which byte comes first"),
    refused(56, "NRRD: zero size", nrrd(sizes="8 0 10"), "8 x 0 x 10"),
    refused(56, "NRRD: 2D", nrrd(HU[:, :, 0], **{"space directions": "(2,0,0) (0,2,0)"}), "is 2D"),
    refused(56, "NRRD: direction none of three", nrrd(**{"space directions": "(2,0,0) none (0,0,2)"}), "expected 3"),
    refused(56, "NRRD: direction NaN", nrrd(**{"space directions": "(2,0,0) (0,nan,0) (0,0,2)"}), "finite"),
    refused(56, "NRRD: singular", nrrd(**{"space directions": "(2,0,0) (2,0,0) (0,0,2)"}), "singular"),
    refused(56, "NRRD: origin NaN", nrrd(**{"space origin": "(1,nan,2)"}), "finite"),
    refused(56, "NRRD: metres", nrrd(**{"space units": '"m" "m" "m"'}), "measured in m"),
    refused(56, "NRRD: 20 m long", nrrd(**{"space directions": "(2000,0,0) (0,2,0) (0,0,2)"}), "mm long"),
    refused(56, "NRRD: two volumes", nrrd(np.stack([HU, HU])), "4D with 2 volumes"),
    refused(56, "NRRD: compressed as a whole", then(nrrd(), gzip.compress), "compressed as a whole"),
    refused(
        56, "NRRD: a segmentation", nrrd(np.ones((8, 9, 10), "u1"), segments=[("liver", "", 0, 1)]), "is a segmentation"
    ),
    fine(56, "NRRD: named .nii.gz", renamed(nrrd(), "ct.nii.gz")),
)

METAIMAGE = (
    fine(56, "MHA: good", mha()),
    fine(56, "MHA: compressed", mha(CompressedData="True")),
    fine(56, "MHD: good", mha(name="ct.mhd")),
    fine(56, "MHD: compressed", mha(name="ct.mhd", CompressedData="True")),
    refused(56, "MHA: cut", then(mha(), lambda b: b[:-9]), "expected .* got at most"),
    refused(56, "MHA: compressed, cut", then(mha(CompressedData="True"), lambda b: b[:-99]), "ends too early"),
    refused(56, "MHA: checksum", then(mha(CompressedData="True"), lambda b: b[:-4] + b"\0" * 4), "damaged"),
    refused(56, "MHA: too long", then(mha(), lambda b: b + bytes(200)), "expected 4368 bytes, got 4568"),
    refused(56, "MHA: within its header", then(mha(), lambda b: b[:90]), "without ElementDataFile"),
    refused(
        56, "MHA: header without end", then(mha(), lambda b: b[:9] + b"e = 1\nA" * 20000), "damaged header|without"
    ),
    refused(56, "MHA: size bomb", mha(DimSize="1400 1400 1400"), "the limit is 2147483648"),
    refused(56, "MHA: size bomb, compressed", mha(DimSize="1200 1200 1200", CompressedData="True"), "got at most"),
    refused(
        56,
        "MHA: zlib bomb",
        then(
            mha(CompressedData="True"),
            lambda b: (
                b.partition(b"LOCAL\n")[0] + b"LOCAL\n" + zlib.compress(HU.tobytes(order="F") + bytes(64 << 20), 1)
            ),
        ),
        "far more data",
    ),
    refused(56, "MHD: data file missing", then(mha(name="ct.mhd", ElementDataFile="gone.raw"), bytes), "is not there"),
    refused(56, "MHD: data file cut", then(mha(name="ct.mhd"), lambda b: b[:-9], "ct.raw"), "ct.raw: expected"),
    refused(56, "MHD: data file too long", then(mha(name="ct.mhd"), lambda b: b + b"\0", "ct.raw"), "got 4369"),
    *(
        refused(56, f"MHD: data file {name!r}", mha(name="ct.mhd", ElementDataFile=name), words)
        for name, words in (
            ("../x.raw", "another folder"),
            ("/etc/passwd", "another folder"),
            ("a\\b.raw", "another folder"),
            ("..", "another folder"),
            ("LIST", "several files"),
            ("%03d.raw 1 9 1", "several files"),
        )
    ),
    refused(
        56,
        "MHD: its data file given",
        lambda folder: metaimage(folder, HU, "ct.mhd").with_suffix(".raw"),
        "without a header.*give its header, ct.mhd",
    ),
    refused(56, "MHD: header size impossible", mha(name="ct.mhd", HeaderSize="-2"), "HeaderSize = -2"),
    refused(56, "MHA: vectors", mha(ElementNumberOfChannels="3"), "3 numbers a voxel"),
    refused(56, "MHA: unknown type", mha(ElementType="MET_OTHER"), "type 'MET_OTHER'"),
    refused(56, "MHA: text", mha(BinaryData="False"), "as text"),
    refused(56, "MHA: byte order unclear", mha(BinaryDataByteOrderMSB="Maybe"), "neither True nor False"),
    refused(56, "MHA: scaled", mha(ElementToIntensityFunctionSlope="2"), "scales its intensities"),
    refused(56, "MHA: a mesh", mha(ObjectType="Mesh"), "of a Mesh"),
    refused(56, "MHA: 2D", mha(NDims="2", DimSize="8 90"), "is 2D"),
    refused(56, "MHA: zero size", mha(DimSize="8 0 10"), "impossible dimensions"),
    refused(56, "MHA: two sizes", mha(DimSize="8 90"), "2 numbers for DimSize"),
    refused(56, "MHA: key twice", then(mha(), lambda b: b"NDims = 3\n" + b), "NDims twice"),
    refused(56, "MHA: no orientation", mha(**NO_TRANSFORM), "states no orientation.*--assume-orientation"),
    warned(
        56,
        "MHA: no orientation, assumed",
        mha(**NO_TRANSFORM),
        "assuming LPS",
        partial(checked, assume_orientation="LPS"),
    ),
    warned(56, "MHA: letters against matrix", mha(AnatomicalOrientation="LPI"), "disagree"),
    refused(56, "MHA: letters without matrix", mha(TransformMatrix=None, AnatomicalOrientation="LPI"), "LPI without"),
    refused(56, "MHA: no offset", mha(Offset=None), "where its first voxel lies"),
    refused(56, "MHA: spacing 0", mha(ElementSpacing="2 0 2"), "spacing 2 x 0 x 2 is impossible"),
    refused(56, "MHA: spacing NaN", mha(ElementSpacing="2 nan 2"), "expected 3 finite ones"),
    refused(56, "MHA: no spacing", mha(ElementSpacing=None), "0 numbers for ElementSize"),
    refused(56, "MHA: singular", mha(TransformMatrix="1 0 0 1 0 0 0 0 1"), "singular"),
    refused(56, "MHA: 20 m long", mha(ElementSpacing="2000 2 2"), "mm long"),
    refused(56, "MHA: two volumes", mha(np.stack([HU, HU], -1)), "4D with 2 volumes"),
    refused(56, "MHA: compressed as a whole", then(mha(), gzip.compress), "compressed as a whole"),
)

CASES = (*NRRD, *METAIMAGE)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_answer_is_the_expected_one(case, tmp_path):
    check(case, tmp_path)


def test_no_case_is_there_twice():
    assert len({str(case) for case in CASES}) == len(CASES)
