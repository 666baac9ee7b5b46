from __future__ import annotations

from pathlib import Path

import pytest
from raw_folders import lay_out

from omentum.data.datasets.raw_case import find_cases
from omentum.data.datasets.recipe_catalogue import bundled_recipes, find_recipe


def four(n: int) -> str:
    return f"{n:04d}"


BTCV_IDS = [*range(1, 11), *range(21, 41), *range(61, 71), *range(74, 81)]
PANCREAS_IDS = [n for n in range(2, 49) if n not in (15, 23, 25, 36, 37)]
CHAOS_IDS = [1, 2, 5, 6, 8, 10, 14, 16, 18, 19, *range(21, 31)]
KITS23_IDS = [*range(300), *range(400, 589)]

# As published: recipe -> (folder and file names with {} for the id, the image first, the labels second; ids; other
# things that lie there).
DATASETS: dict[str, tuple[tuple[str, str], list[str], list[str]]] = {
    "btcv": (
        ("RawData/Training/img/img{}.nii.gz", "RawData/Training/label/label{}.nii.gz"),
        list(map(four, BTCV_IDS)),
        [],
    ),
    "pancreas-ct": (
        (
            "Pancreas-CT/PANCREAS_{}/11-24-2015-PANCREAS-Pancreas-18957/Pancreas-63502/",
            "multiorgan_label/label{}.nii.gz",
        ),
        list(map(four, PANCREAS_IDS)),
        ["Pancreas-CT/LICENSE", "TCIA_pancreas_labels-02-05-2017/label0002.nii.gz"],
    ),
    "pancreas-ct-tcia": (
        ("Pancreas-CT/PANCREAS_{}/1-study/2-series/", "TCIA_pancreas_labels-02-05-2017/label{}.nii.gz"),
        [four(n) for n in range(1, 83) if n not in (25, 70)],
        ["multiorgan_label/label0002.nii.gz"],
    ),
    "chaos-ct": (
        ("Train_Sets/CT/{}/DICOM_anon/", "Train_Sets/CT/{}/Ground/"),
        list(map(str, CHAOS_IDS)),
        [f"Train_Sets/CT/{n}/Ground/liver_GT_000.png" for n in CHAOS_IDS]
        + ["Train_Sets/MR/1/T1DUAL/DICOM_anon/InPhase/", "Test_Sets/CT/3/DICOM_anon/"],
    ),
    "lits": (
        ("Training Batch 1/volume-{}.nii", "Training Batch 1/segmentation-{}.nii"),
        list(map(str, range(131))),
        ["test/test-volume-0.nii"],
    ),
    "kits19": (
        ("data/case_{}/imaging.nii.gz", "data/case_{}/segmentation.nii.gz"),
        [f"{n:05d}" for n in range(210)],
        ["data/kits.json"],
    ),
    "kits21": (
        ("kits21/data/case_{}/imaging.nii.gz", "kits21/data/case_{}/aggregated_MAJ_seg.nii.gz"),
        [f"{n:05d}" for n in range(300)],
        ["kits21/data/case_00000/aggregated_AND_seg.nii.gz", "kits21/data/case_00000/segmentations/a.nii.gz"],
    ),
    "kits23": (
        ("dataset/case_{}/imaging.nii.gz", "dataset/case_{}/segmentation.nii.gz"),
        [f"{n:05d}" for n in KITS23_IDS],
        ["dataset/case_00000/instances/kidney_instance-1_annotation-1.nii.gz", "dataset/kits23.json"],
    ),
    "3d-ircadb-01": (
        ("3Dircadb1/3Dircadb1.{}/PATIENT_DICOM/", "3Dircadb1/3Dircadb1.{}/MASKS_DICOM/"),
        list(map(str, range(1, 21))),
        [
            "3Dircadb1/3Dircadb1.1/MASKS_DICOM/liver/image_0",
            "3Dircadb1/3Dircadb1.1/PATIENT_DICOM/image_0",
            "3Dircadb1/3Dircadb1.1/LABELLED_DICOM/image_0",
            "3Dircadb1/3Dircadb1.1/MASKS_DICOM.zip",
        ],
    ),
    "word": (
        ("WORD-V0.1.0/imagesTr/word_{}.nii.gz", "WORD-V0.1.0/labelsTr/word_{}.nii.gz"),
        list(map(four, range(2, 102))),
        ["WORD-V0.1.0/dataset.json"],
    ),
    "abdomenct-1k": (
        ("Images/Case_{}_0000.nii.gz", "Masks/Case_{}.nii.gz"),
        [f"{n:05d}" for n in range(1, 1001, 9)],
        [],
    ),
    "amos22": (
        ("amos22/imagesTr/amos_{}.nii.gz", "amos22/labelsTr/amos_{}.nii.gz"),
        list(map(four, (1, 4, 5, 6, 7, 9, 10, 410))),
        ["amos22/imagesTs/amos_0002.nii.gz", "amos22/dataset.json"],
    ),
    "msd-liver": (
        ("Task03_Liver/imagesTr/liver_{}.nii.gz", "Task03_Liver/labelsTr/liver_{}.nii.gz"),
        list(map(str, range(131))),
        [
            "Task03_Liver/imagesTs/liver_131.nii.gz",
            "Task03_Liver/imagesTr/._liver_0.nii.gz",
            "Task03_Liver/labelsTr/._liver_0.nii.gz",
            "Task03_Liver/dataset.json",
        ],
    ),
    "msd-lung": (
        ("Task06_Lung/imagesTr/lung_{}.nii.gz", "Task06_Lung/labelsTr/lung_{}.nii.gz"),
        ["001", "003", "096"],
        ["Task06_Lung/imagesTr/._lung_001.nii.gz"],
    ),
    "msd-pancreas": (
        ("Task07_Pancreas/imagesTr/pancreas_{}.nii.gz", "Task07_Pancreas/labelsTr/pancreas_{}.nii.gz"),
        ["001", "421"],
        [],
    ),
    "msd-hepatic-vessel": (
        (
            "Task08_HepaticVessel/imagesTr/hepaticvessel_{}.nii.gz",
            "Task08_HepaticVessel/labelsTr/hepaticvessel_{}.nii.gz",
        ),
        ["001", "455"],
        [],
    ),
    "msd-spleen": (
        ("Task09_Spleen/imagesTr/spleen_{}.nii.gz", "Task09_Spleen/labelsTr/spleen_{}.nii.gz"),
        ["2", "3", "63"],
        [],
    ),
    "msd-colon": (
        ("Task10_Colon/imagesTr/colon_{}.nii.gz", "Task10_Colon/labelsTr/colon_{}.nii.gz"),
        ["001", "221"],
        [],
    ),
    "ct-org": (
        ("OrganSegmentations/volume-{}.nii.gz", "OrganSegmentations/labels-{}.nii.gz"),
        list(map(str, range(140))),
        ["README.txt"],
    ),
    "abdomenct-12organ": (
        ("imagesTr/Organ12_{}_0000.nii.gz", "labelsTr/Organ12_{}.nii.gz"),
        list(map(four, range(1, 51))),
        [],
    ),
    "flare22": (
        ("images/FLARE22_Tr_{}_0000.nii.gz", "labels/FLARE22_Tr_{}.nii.gz"),
        list(map(four, range(1, 51))),
        [],
    ),
    "flare23": (
        ("imagesTr2200/FLARE23_{}_0000.nii.gz", "labelsTr2200/FLARE23_{}.nii.gz"),
        list(map(four, (1, 2, 2200))),
        [],
    ),
    "totalsegmentator": (
        ("Totalsegmentator_dataset_v201/s{}/ct.nii.gz", "Totalsegmentator_dataset_v201/s{}/segmentations/"),
        list(map(four, (0, 1, 1427))),
        ["Totalsegmentator_dataset_v201/meta.csv", "Totalsegmentator_dataset_v201/s0000/segmentations/liver.nii.gz"],
    ),
    "abdomenatlas-1.0": (
        ("AbdomenAtlas1.0Mini/BDMAP_{}/ct.nii.gz", "AbdomenAtlas1.0Mini/BDMAP_{}/combined_labels.nii.gz"),
        ["00000001", "00005195"],
        ["AbdomenAtlas1.0Mini/BDMAP_00000001/segmentations/liver.nii.gz"],
    ),
    "abdomenatlas-1.1": (
        ("BDMAP_00000001_00000500/BDMAP_{}/ct.nii.gz", "BDMAP_00000001_00000500/BDMAP_{}/combined_labels.nii.gz"),
        ["00000001", "00000500"],
        [],
    ),
}


def published(key: str, root: Path) -> Path:
    pair, ids, others = DATASETS[key]
    return lay_out(root, [name.format(case_id) for case_id in ids for name in pair] + others)


def test_every_bundled_recipe_is_tried():
    assert DATASETS.keys() == bundled_recipes().keys()


@pytest.mark.parametrize("key", DATASETS)
def test_the_published_folders_are_read(key, tmp_path):
    recipe = bundled_recipes()[key]
    (image, labels), ids, _ = DATASETS[key]
    found = find_cases(recipe, published(key, tmp_path))
    assert [case.id for case in found.cases] == ids
    for case in found.cases:
        assert case.image == tmp_path / image.format(case.id)
        assert case.labels == (tmp_path / labels.format(case.id),)
        assert case.name == f"{key}_{case.id}"
    assert found.skipped == {}
    assert found.unpaired == ()


@pytest.mark.parametrize(
    ("key", "inside"),
    [
        ("btcv", "RawData/Training"),
        ("chaos-ct", "Train_Sets"),
        ("lits", "Training Batch 1"),
        ("kits21", "kits21/data"),
        ("3d-ircadb-01", "3Dircadb1"),
        ("word", "WORD-V0.1.0"),
        ("amos22", "amos22"),
        ("msd-liver", "Task03_Liver"),
        ("totalsegmentator", "Totalsegmentator_dataset_v201"),
        ("abdomenatlas-1.0", "AbdomenAtlas1.0Mini"),
    ],
)
def test_the_folder_inside_may_be_given_as_well(key, inside, tmp_path):
    pair, ids, _ = DATASETS[key]
    lay_out(tmp_path, [name.format(case_id) for case_id in ids[:3] for name in pair])
    assert [case.id for case in find_cases(bundled_recipes()[key], tmp_path / inside).cases] == ids[:3]


def test_the_ids_published_counts_agree():
    assert (len(BTCV_IDS), len(PANCREAS_IDS), len(CHAOS_IDS), len(KITS23_IDS)) == (47, 42, 20, 489)


def test_more_of_the_published_folders(tmp_path):
    """Both parts of a dataset that is split over folders."""
    recipes = bundled_recipes()
    lay_out(
        tmp_path,
        ["lits/Training Batch 1/volume-1.nii", "lits/Training Batch 1/segmentation-1.nii"]
        + ["lits/Training Batch 2/volume-99.nii", "lits/Training Batch 2/segmentation-99.nii"]
        + ["btcv/RawData/Test/img/img0061.nii.gz", "btcv/label/label0061.nii.gz"]
        + ["ct-org/volumes 0-49/volume-0.nii.gz", "ct-org/labels and README/labels-0.nii.gz"]
        + [f"word/WORD-V0.1.0/{kind}{split}/word_{n}.nii.gz" for kind in ("images", "labels") for split, n in
           (("Tr", "0002"), ("Val", "0001"), ("Ts", "0018"))]
        + [f"amos/amos22/{kind}Va/amos_0008.nii.gz" for kind in ("images", "labels")]
        + ["repacked/img/liver_5.nii.gz", "repacked/label/liver_5.nii.gz"]
        + ["atlas/BDMAP_00000007/ct.nii.gz", "atlas/BDMAP_00000007/segmentations/liver.nii.gz"],
    )  # fmt: skip
    ids = {name: [case.id for case in find_cases(recipes[key], tmp_path / name).cases] for name, key in (
        ("lits", "lits"), ("btcv", "btcv"), ("ct-org", "ct-org"), ("word", "word"), ("amos", "amos22"),
        ("repacked", "lits"), ("atlas", "abdomenatlas-1.1"))}  # fmt: skip
    assert ids == {
        "lits": ["1", "99"], "btcv": ["0061"], "ct-org": ["0"], "word": ["0001", "0002", "0018"], "amos": ["0008"],
        "repacked": ["5"], "atlas": ["00000007"],
    }  # fmt: skip
    atlas = find_cases(recipes["abdomenatlas-1.1"], tmp_path / "atlas").cases[0]
    assert atlas.layout.label_kind == "masks"


def test_mr_is_skipped_with_the_reason(tmp_path):
    lay_out(tmp_path, [f"{kind}Tr/amos_{n}.nii.gz" for kind in ("images", "labels") for n in ("0001", "0500", "0507")])
    found = find_cases(find_recipe("amos22"), tmp_path)
    assert [case.id for case in found.cases] == ["0001", "0500"]
    assert found.skipped == {"0507": "MR, not CT"}


def test_withdrawn_cases_are_skipped(tmp_path):
    names = [f"PANCREAS_{n}/a/b/" for n in ("0024", "0025")] + [
        f"multiorgan_label/label{n}.nii.gz" for n in ("0024", "0025")
    ]
    found = find_cases(find_recipe("pancreas-ct"), lay_out(tmp_path, names))
    assert [case.id for case in found.cases] == ["0024"]
    assert "withdrawn" in found.skipped["0025"]


def test_a_case_that_nobody_can_be_named_for_is_skipped(tmp_path):
    names = [f"3Dircadb1.{n}/{kind}_DICOM/" for n in ("2", "2 copy") for kind in ("PATIENT", "MASKS")]
    found = find_cases(find_recipe("3d-ircadb-01"), lay_out(tmp_path, names))
    assert [case.patient for case in found.cases] == ["lits-29"]
    assert "'2 copy' is no number" in found.skipped["2 copy"]


def test_a_case_carries_what_its_rules_say(tmp_path):
    lay_out(tmp_path, [f"{kind}-{n}.nii" for kind in ("volume", "segmentation") for n in (27, 28, 46)])
    plain, fake, shared = find_cases(find_recipe("lits"), tmp_path).cases
    assert (plain.suspect, plain.patient) == ("", "lits-27")
    assert "1.0 x 1.0 x 1.0 mm" in fake.suspect
    assert shared.patient == "lits-45..48"


def test_annotated_if_present_stays_within_what_the_case_has(tmp_path):
    lay_out(tmp_path, [f"{kind}/{kind}{n}.nii.gz" for kind in ("img", "label") for n in ("0001", "0061")])
    official, extra = find_cases(find_recipe("btcv"), tmp_path).cases
    assert len(official.annotated) == 14
    assert len(extra.annotated) == 8
    assert official.annotated_if_present == {"aorta", "inferior_vena_cava", "portal_splenic_vein", "right_kidney"} | {
        "right_adrenal",
        "left_adrenal",
        "duodenum",
    }
    assert extra.annotated_if_present == {"duodenum"}
