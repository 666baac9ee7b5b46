from __future__ import annotations

import tomllib
from importlib import resources

import pytest

from omentum.anatomy import STRUCTURES
from omentum.anatomy.pairs import PAIRS, find_pair, pair_of
from omentum.data.datasets.recipe_catalogue import CaseRule, bundled_recipes

R_L = {2, 3}
LUNGS = {16, 17}
AMOS = {**{n: {n} for n in range(1, 10)}, 10: {11}, 11: {12}, 12: {13}, 13: {14}, 14: {21}, 15: {22}}
FLARE = dict(enumerate(({6}, {2}, {1}, {11}, {8}, {9}, {12}, {13}, {4}, {5}, {7}, {14}, {3}), 1))
WORD = dict(
    enumerate(
        ({6}, {1}, {3}, {2}, {7}, {4}, {5}, {11}, {14}, {18}, {19}, {12, 13}, {20}, {21}, {23}, {24}),
        1,
    )
)
ORGANS_12 = dict(enumerate(({6}, R_L, {1}, {11}, {8}, {9}, {7}, {4}, {5}, {12}, {13}, {25}), 1))
ATLAS_1_0 = dict(enumerate(({8}, {4}, {3}, {2}, {6}, {11}, {9}, {1}, {7}), 1))
ATLAS_1_1 = {
    **ATLAS_1_0,
    **dict(enumerate(({13}, {12}, {21}, {25}, {18}, {14}, {5}), 10)),
    **dict(enumerate(({6, 15}, {19}, {17}, {16}, {10}, {22}, {20}), 19)),
}

# Native value -> template numbers, from the published conversion table and the class maps of the later datasets,
# with tumours and cysts counted as their organ where the organ is annotated. CHAOS: the PNG's value for the liver.
PUBLISHED = {
    "btcv": {n: {n} for n in range(1, 15)},
    "pancreas-ct": {n: {n} for n in (1, 3, 4, 5, 6, 7, 11, 14)},
    "pancreas-ct-tcia": {1: {11}},
    "chaos-ct": {255: {6}},
    "lits": {1: {6}, 2: {6, 27}},
    "kits19": {1: R_L, 2: R_L | {26}},
    "kits21": {1: R_L, 2: R_L | {26}, 3: R_L | {32}},
    "kits23": {1: R_L, 2: R_L | {26}, 3: R_L | {32}},
    "3d-ircadb-01": {},
    "word": WORD,
    "abdomenct-1k": {1: {6}, 2: R_L, 3: {1}, 4: {11}},
    "amos22": AMOS,
    "msd-liver": {1: {6}, 2: {6, 27}},
    "msd-lung": {1: {30}},
    "msd-pancreas": {1: {11}, 2: {11, 28}},
    "msd-hepatic-vessel": {1: {15}, 2: {29}},
    "msd-spleen": {1: {1}},
    "msd-colon": {1: {31}},
    "ct-org": {1: {6}, 2: {21}, 3: LUNGS, 4: R_L},
    "abdomenct-12organ": ORGANS_12,
    "flare22": FLARE,
    "flare23": {**FLARE, 14: set()},
    "totalsegmentator": {},
    "abdomenatlas-1.0": ATLAS_1_0,
    "abdomenatlas-1.1": ATLAS_1_1,
}
# Labelled cases, as published.
CASES = {
    "btcv": 47, "chaos-ct": 20, "lits": 131, "kits19": 210, "kits21": 300, "kits23": 489, "3d-ircadb-01": 20,
    "word": 150, "abdomenct-1k": 1000, "amos22": 300, "msd-liver": 131, "msd-lung": 63, "msd-pancreas": 281,
    "msd-hepatic-vessel": 303, "msd-spleen": 41, "msd-colon": 126, "ct-org": 140, "abdomenct-12organ": 50,
    "flare22": 50, "flare23": 2200, "totalsegmentator": 1228, "abdomenatlas-1.0": 5195, "abdomenatlas-1.1": 9262,
}  # fmt: skip


def numbers(keys) -> set[int]:
    return {STRUCTURES[key].index for key in keys}


def test_every_dataset_has_its_recipe():
    assert bundled_recipes().keys() == PUBLISHED.keys()


@pytest.mark.parametrize("key", PUBLISHED)
def test_values_mean_what_the_publishers_say(key):
    assert {value: numbers(target.gives) for value, target in bundled_recipes()[key].values.items()} == PUBLISHED[key]


@pytest.mark.parametrize(("key", "cases"), CASES.items())
def test_the_number_of_cases_is_the_published_one(key, cases):
    assert bundled_recipes()[key].cases == cases


@pytest.mark.parametrize("key", PUBLISHED)
def test_every_recipe_says_where_it_comes_from(key):
    recipe = bundled_recipes()[key]
    for name in ("title", "homepage", "licence", "citation", "label_noise", "reuse"):
        assert getattr(recipe, name), name
    assert recipe.homepage.startswith("http")
    assert recipe.cases > 0


@pytest.mark.parametrize(
    ("key", "value", "pairs"),
    [
        ("kits23", 1, {"kidneys"}),
        ("kits23", 2, {"kidneys"}),
        ("abdomenct-1k", 2, {"kidneys"}),
        ("ct-org", 3, {"lungs"}),
        ("ct-org", 4, {"kidneys"}),
        ("word", 12, {"adrenals"}),
        ("word", 3, set()),
    ],
)
def test_merged_labels_are_to_be_split(key, value, pairs):
    assert bundled_recipes()[key].values[value].pairs == pairs


def test_what_is_annotated():
    recipes = bundled_recipes()
    assert numbers(recipes["msd-hepatic-vessel"].annotated) == {15, 29}  # nobody outlined the liver
    assert numbers(recipes["msd-colon"].annotated) == {31}
    assert numbers(recipes["kits19"].annotated) == {2, 3, 26}
    assert not {18, 20, 23, 24} & numbers(recipes["totalsegmentator"].annotated)
    assert not {23, 24} & numbers(recipes["abdomenatlas-1.1"].annotated)
    assert recipes["flare23"].annotated_if_present == recipes["flare23"].annotated
    assert recipes["flare23"].values[14].unknown == "a lesion of an organ that is not named"
    assert not recipes["flare22"].annotated_if_present
    assert numbers(recipes["btcv"].annotated_if_present) == {2, 8, 9, 10, 12, 13, 14}
    assert recipes["3d-ircadb-01"].annotated - recipes["3d-ircadb-01"].annotated_if_present == {"liver", "liver_tumour"}


@pytest.mark.parametrize(
    ("case_id", "expected"),
    [("0040", set(range(1, 15))), ("0061", {1, 3, 4, 5, 6, 7, 11, 14}), ("0080", {1, 3, 4, 5, 6, 7, 11, 14})],
)
def test_btcv_from_61_on_has_eight_structures(case_id, expected):
    assert numbers(bundled_recipes()["btcv"].annotated_in(case_id)) == expected


def test_known_healthy():
    healthy = {key: numbers(recipe.healthy) for key, recipe in bundled_recipes().items() if recipe.healthy}
    assert healthy == {"chaos-ct": {27, 29}, "pancreas-ct": {28}, "pancreas-ct-tcia": {28}}


def patient(key: str, case_id: str) -> str:
    return bundled_recipes()[key].patient_of(case_id)


def test_shared_patients_have_one_name():
    for number in range(131):
        assert patient("lits", str(number)) == patient("msd-liver", str(number))
    assert patient("kits19", "00007") == patient("kits21", "00007") == patient("kits23", "00007")
    assert patient("3d-ircadb-01", "1") == patient("lits", "28")
    assert patient("3d-ircadb-01", "17") == patient("lits", "44")
    # Two accounts of the last three differ by one: all that may be the same person is one patient.
    assert {patient("3d-ircadb-01", str(n)) for n in (18, 19, 20)} == {patient("lits", str(n)) for n in range(45, 49)}
    assert patient("abdomenct-1k", "00297") == patient("abdomenct-1k", "00928") == patient("lits", "74")
    assert patient("pancreas-ct", "0002") == patient("pancreas-ct-tcia", "0002")
    assert patient("abdomenatlas-1.0", "00000001") == patient("abdomenatlas-1.1", "00000001")


def test_no_two_other_datasets_share_a_template():
    shared = {"kits", "lits", "pancreas-ct", "abdomenatlas"}
    prefixes = [recipe.patient.split("-{")[0] for recipe in bundled_recipes().values()]
    assert {prefix for prefix in prefixes if prefixes.count(prefix) > 1} == shared


@pytest.mark.parametrize(
    ("key", "case_id", "suspect"),
    [("lits", "28", True), ("lits", "47", True), ("lits", "27", False), ("msd-liver", "30", True),
     ("abdomenct-1k", "00078", True), ("abdomenct-1k", "00279", False), ("abdomenct-1k", "00286", True)],
)  # fmt: skip
def test_fake_spacing_is_remembered(key, case_id, suspect):
    assert any("1.0 x 1.0 x 1.0" in r.suspect for r in bundled_recipes()[key].rules_for(case_id)) is suspect


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lung_upper_lobe_left", {"left_lung"}),
        ("lung_middle_lobe_right", {"right_lung"}),
        ("kidney_cyst_left", {"left_kidney", "kidney_cyst"}),
        ("vertebrae_L5", None),
        ("colon", None),
        ("femur_left", None),
    ],
)
def test_totalsegmentator_masks(name, expected):
    recipe = bundled_recipes()["totalsegmentator"]
    target = recipe.mask_target(name)
    assert (target and target.gives) == expected
    assert recipe.ignores_mask(name) is (expected is None)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("livertumor07", {6, 27}), ("livertumors", {6, 27}), ("liver", {6}), ("leftkidney", {3}), ("kidneys", {2, 3}),
     ("surrenalgland", {12, 13}), ("rightsurrenalGland", {12}), ("lungs", {16, 17}), ("venacava", {9})],
)  # fmt: skip
def test_ircadb_masks(name, expected):
    assert numbers(bundled_recipes()["3d-ircadb-01"].mask_target(name).gives) == expected


@pytest.mark.parametrize("name", ["liverkyste", "livercyst", "portalvein1", "Stones", "leftsurretumor", "lymphNodes"])
def test_ircadb_masks_that_mean_nothing_to_us(name):
    assert bundled_recipes()["3d-ircadb-01"].ignores_mask(name)


def test_an_unknown_mask_is_neither_ours_nor_ignored():
    recipe = bundled_recipes()["3d-ircadb-01"]
    assert recipe.mask_target("thymus") is None
    assert not recipe.ignores_mask("thymus")


@pytest.mark.parametrize(
    ("ids", "case_id", "covered"),
    [
        ("61-80", "0061", True), ("61-80", "80", True), ("61-80", "81", False), ("61-80", "x70", False),
        ("501-", "0501", True), ("501-", "0500", False), ("7", "0007", True), ("7", "70", False),
        ("Tr_*", "Tr_9", True), ("Tr_*", "Ts_9", False), ("x-1", "x-1", True), ("01[-]02", "01-02", True),
    ],
)  # fmt: skip
def test_ids_of_a_rule(ids, case_id, covered):
    assert CaseRule((ids,)).covers(case_id) is covered


def test_pairs():
    assert find_pair("Adrenal Glands") == find_pair("adrenals") == "adrenals"
    assert find_pair("femoral heads") == "femoral_heads"
    assert find_pair("left kidney") is None
    assert pair_of("left_lung") == "lungs"
    assert pair_of("liver") is None
    assert all(STRUCTURES[right].pair == left and STRUCTURES[left].pair == right for right, left in PAIRS.values())
    assert all(STRUCTURES[right].side == "right" for right, _ in PAIRS.values())


def test_no_bundled_recipe_is_long():
    for file in (resources.files("omentum.data.datasets") / "recipes").iterdir():
        text = file.read_text(encoding="utf-8")
        assert tomllib.loads(text)
        assert all(len(line) <= 120 for line in text.splitlines()), file.name
