"""Label maps: names and colours inside, back to overlapping masks, foreign numbers, rounding."""

import nibabel as nib
import numpy as np
import pytest
from own_structures import included

from omentum.anatomy import STRUCTURES
from omentum.errors import InputError, UsageError
from omentum.io.label_table import LABEL_TABLE_CODE, include_rows_of, label_table, labels_in
from omentum.io.labels import read_labelmap, read_labels
from omentum.io.nifti import read_extensions, write_labelmap, write_mask, write_volume
from omentum.segmentation import Segmentation
from omentum.volume import Volume

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


def cube(*corner, side=4):
    mask = np.zeros((20, 16, 12), bool)
    mask[tuple(slice(c, c + side) for c in corner)] = True
    return mask


def write_map(path, labels):
    write_volume(path, Volume(labels, AFFINE))
    return path


def test_a_segmentation_comes_back_lesions_in_their_hosts(tmp_path):
    masks = {
        "liver": cube(1, 1, 1, side=8),
        "liver_tumour": cube(4, 4, 4),
        "spleen": cube(14, 2, 2),
        "gallbladder": np.zeros((20, 16, 12), bool),
    }
    written = Segmentation.from_masks(masks, AFFINE)
    write_labelmap(tmp_path / "segmentation.nii.gz", written)
    back = read_labelmap(tmp_path / "segmentation.nii.gz")
    assert set(back.classes) == set(masks)
    for key, mask in masks.items():
        np.testing.assert_array_equal(back.mask(key), mask, err_msg=key)
    assert back.grid.same_as(written.grid)


def test_viewers_find_names_and_colours_in_the_file(tmp_path):
    segmentation = Segmentation.from_masks({"right_kidney": cube(1, 1, 1), "aorta": cube(9, 9, 5)}, AFFINE)
    write_labelmap(tmp_path / "s.nii.gz", segmentation)
    image = nib.load(tmp_path / "s.nii.gz")
    assert image.get_data_dtype() == np.uint8
    (extension,) = image.header.extensions
    assert extension.get_code() == LABEL_TABLE_CODE
    aorta = STRUCTURES["aorta"]
    text = extension.content.decode()
    assert f'Key="{aorta.index}" Red="{aorta.colour[0] / 255:.4f}"' in text
    assert labels_in(text.encode()) == {STRUCTURES[k].index: STRUCTURES[k].display for k in segmentation.classes}


def test_a_table_of_another_program_is_understood():
    xml = b'<LabelTable>\n<Label Red="1" Key="6" Alpha="1" Blue="0" Green="0"><![CDATA[Liver]]></Label></LabelTable>'
    assert labels_in(xml) == {6: "Liver"}
    assert labels_in(b"\xff\xfe rubbish") == {}


def test_without_names_the_numbers_are_the_classes(tmp_path):
    labels = np.where(cube(1, 1, 1), STRUCTURES["liver"].index, 0).astype(np.uint8)
    back = read_labelmap(write_map(tmp_path / "s.nii.gz", labels))
    assert back.classes == ("liver",)


def test_foreign_numbers_and_names_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"labels 77 that are not template numbers .read it with read_labels"):
        read_labelmap(write_map(tmp_path / "s.nii.gz", np.where(cube(1, 1, 1), 77, 0).astype(np.uint8)))
    with pytest.raises(InputError, match="has no labels and no names"):
        read_labelmap(write_map(tmp_path / "s.nii.gz", np.zeros((20, 16, 12), np.uint8)))
    path = tmp_path / "swapped.nii"
    write_labelmap(path, Segmentation.from_masks({"right_kidney": cube(1, 1, 1)}, AFFINE))
    path.write_bytes(path.read_bytes().replace(b"Right kidney", b"Left kidney "))
    with pytest.raises(InputError, match="calls label 2 'Left kidney ', the template does not"):
        read_labelmap(path)


def test_a_mask_is_the_structure_that_it_names(tmp_path):
    seg = Segmentation.from_masks({"right_kidney": cube(1, 1, 1), "liver": cube(9, 9, 2)}, AFFINE)
    for key in seg.classes:
        write_mask(tmp_path / f"{key}.nii.gz", seg.mask(key), seg, key)
        back = read_labelmap(tmp_path / f"{key}.nii.gz")
        assert back.classes == (key,)
        np.testing.assert_array_equal(back.mask(key), seg.mask(key))
    write_mask(tmp_path / "empty.nii.gz", np.zeros(seg.shape, bool), seg, "liver_tumour")
    empty = read_labelmap(tmp_path / "empty.nii.gz")
    assert "liver_tumour" in empty.classes
    assert not empty.present()


def test_somebody_elses_numbers_become_structures(tmp_path):
    labels = np.zeros((20, 16, 12), np.int16)
    labels[cube(1, 1, 1, side=8)] = 1
    labels[cube(4, 4, 4)] = 2
    labels[cube(14, 2, 2)] = 500
    labels[0, 0, 0] = -1
    mapping = {1: "liver", 2: ["liver", "liver tumor"], 9: "spleen"}
    back = read_labels(write_map(tmp_path / "lits.nii.gz", labels), mapping)
    assert back.classes == ("liver", "liver_tumour", "spleen")
    assert back.annotated == {"liver", "liver_tumour", "spleen"}
    np.testing.assert_array_equal(back.mask("liver"), (labels == 1) | (labels == 2))
    np.testing.assert_array_equal(back.mask("liver_tumour"), labels == 2)
    assert not back.mask("spleen").any()


@pytest.mark.parametrize("mapping", [{}, {0: "liver"}, {70000: "liver"}, {1: []}])
def test_a_mapping_must_map_something(mapping, tmp_path):
    with pytest.raises(UsageError, match="label values from 1 to 65535"):
        read_labels(write_map(tmp_path / "l.nii.gz", np.zeros((9, 9, 9), np.uint8)), mapping)


def test_labels_stored_as_fractions_are_rounded_or_refused(tmp_path):
    liver = cube(1, 1, 1)
    path = write_map(tmp_path / "l.nii.gz", np.where(liver, 0.9999, 0).astype(np.float32))
    np.testing.assert_array_equal(read_labels(path, {1: "liver"}).mask("liver"), liver)
    with pytest.raises(InputError, match=r"holds fractions .off by 0\.4"):
        read_labels(write_map(path, np.where(liver, 0.6, 0).astype(np.float32)), {1: "liver"})
    with pytest.raises(InputError, match="no label numbers"):
        read_labels(write_map(path, np.where(liver, np.nan, 0).astype(np.float32)), {1: "liver"})


def test_all_structures_fit_in_one_table(tmp_path):
    segmentation = Segmentation.from_masks(
        {key: cube(k % 16, k % 12, k % 8) for k, key in enumerate(STRUCTURES.keys)}, AFFINE
    )
    write_labelmap(tmp_path / "all.nii.gz", segmentation)
    assert set(read_labelmap(tmp_path / "all.nii.gz").classes) == set(STRUCTURES.keys)
    assert len(labels_in(label_table(STRUCTURES.keys))) == 32
    assert read_extensions(tmp_path / "all.nii.gz")[0][0] == LABEL_TABLE_CODE


def test_structures_of_a_user_come_along_in_the_file(tmp_path):
    included(tmp_path)
    masks = {"gluteus_maximus_left": cube(1, 1, 1, side=8), "gluteus_sarcoma": cube(3, 3, 3, side=2)}
    write_labelmap(tmp_path / "map.nii.gz", Segmentation.from_masks({**masks, "liver": cube(12, 10, 6)}, AFFINE))
    rows = tuple(STRUCTURES)
    STRUCTURES.reset()
    back = read_labelmap(tmp_path / "map.nii.gz")
    assert tuple(STRUCTURES) == rows[:-4] + tuple(r for r in rows[-4:] if r.key != "vertebra_L1")
    assert np.array_equal(back.mask("left gluteus maximus"), masks["gluteus_maximus_left"])
    assert np.array_equal(back.mask("gluteus_sarcoma"), masks["gluteus_sarcoma"])
    assert nib.load(tmp_path / "map.nii.gz").shape == (20, 16, 12)


def test_a_map_of_packaged_structures_says_nothing_of_structures(tmp_path):
    write_labelmap(tmp_path / "map.nii.gz", Segmentation.from_masks({"liver": cube(12, 10, 6)}, AFFINE))
    assert [code for code, _ in read_extensions(tmp_path / "map.nii.gz")] == [LABEL_TABLE_CODE]


@pytest.mark.parametrize("content", ["[1]", "{", '{"rib": {"index": "x"}}'])
def test_damaged_rows_in_a_file_are_told(tmp_path, content):
    with pytest.raises(UsageError, match=r"map\.nii"):
        include_rows_of(f"omentum structures: {content}".encode(), tmp_path / "map.nii")


def test_comments_of_others_are_passed_over():
    include_rows_of(b"made by somebody", "map.nii")
    assert STRUCTURES.keys == STRUCTURES.default_keys
