"""A user's structures: what may be left out, what is refused, and what travels."""

import json

import pytest
from own_structures import KEYS, LESION, PAIR, included, many, written

from omentum.anatomy import GROUPS, STRUCTURES, include_structures
from omentum.anatomy.pairs import PAIRS, find_pair, pair_of
from omentum.anatomy.structure_file import read_structures
from omentum.anatomy.structure_rows import carried_rows, include_carried
from omentum.errors import UsageError


def test_only_a_key_is_needed(tmp_path):
    assert included(tmp_path, "[vertebra_L1]\n[rib]\n") == ("vertebra_L1", "rib")
    row, other = STRUCTURES["vertebra_L1"], STRUCTURES["rib"]
    assert (row.index, other.index) == (33, 34)
    assert (row.display, row.noun, row.kind, row.hosts, row.pair) == ("Vertebra L1", "vertebra L1", "organ", (), None)
    assert row.volume_ml[0] <= 0.01
    assert row.volume_ml[1] >= 10_000
    assert row.colour != other.colour
    assert row.snomed_category.meaning == "Anatomical Structure"
    assert STRUCTURES.at(34).key == "rib"


def test_what_is_given_counts(tmp_path):
    assert included(tmp_path) == KEYS
    right, left = (STRUCTURES[key] for key in PAIR)
    assert (right.colour, right.volume_ml, right.noun) == ((176, 70, 50), (100, 1500), "right gluteus maximus")
    assert STRUCTURES.find("Vertebrae L1").key == "vertebra_L1"
    assert right.snomed_modifier.meaning == "Right"
    assert STRUCTURES[LESION].is_lesion
    assert STRUCTURES[LESION].paint > left.paint
    assert STRUCTURES[LESION].snomed.meaning == "Neoplasm"


def test_a_pair_has_a_word_for_both_sides(tmp_path):
    assert find_pair("gluteus maximus") is None
    included(tmp_path)
    assert [row.key for row in STRUCTURES.expand("Gluteus Maximus")] == list(PAIR)
    assert PAIRS["gluteus_maximus"] == PAIR
    assert pair_of(PAIR[1]) == find_pair("gluteus maximus") == "gluteus_maximus"
    assert PAIRS["kidneys"] == ("right_kidney", "left_kidney")
    assert LESION in GROUPS["tumours"]


def test_the_packaged_words_stay():
    assert GROUPS["tumours"] == tuple(s.key for s in STRUCTURES if s.kind == "tumour")
    assert list(PAIRS) == ["kidneys", "lungs", "adrenals", "femoral_heads"]


def test_a_word_that_is_a_structure_already_is_no_word_for_a_pair(tmp_path):
    sides = "\n".join(
        f'[kidney_cyst_{side}]\nside = "{side}"\npair = "kidney_cyst_{other}"\n'
        for side, other in (("left", "right"), ("right", "left"))
    )
    included(tmp_path, sides)
    assert STRUCTURES.expand("kidney cyst") == (STRUCTURES["kidney_cyst"],)
    assert ("kidney_cyst_right", "kidney_cyst_left") in PAIRS.values()


def test_the_same_file_again_changes_nothing(tmp_path):
    included(tmp_path)
    before = STRUCTURES.revision
    assert included(tmp_path) == KEYS
    assert STRUCTURES.revision == before


def test_a_packaged_row_keeps_what_is_not_given(tmp_path):
    packaged = STRUCTURES["liver"]
    included(tmp_path, '[liver]\nvolume_ml = [300, 5000]\nsynonyms = ["hepar", "foie"]\n')
    row = STRUCTURES["liver"]
    assert row.volume_ml == (300, 5000)
    assert STRUCTURES.find("foie") is row
    assert (row.index, row.colour, row.noun) == (packaged.index, packaged.colour, packaged.noun)
    assert list(carried_rows(["liver", "spleen"])) == ["liver"]
    STRUCTURES.reset()
    assert STRUCTURES["liver"] == packaged


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[rib]\nhosts = ['thorax']", r"rib: unknown host 'thorax'"),
        ("[rib]\nindex = 6", r"rib: index 6 is that of liver"),
        ("[liver]\nindex = 40", r"liver: has the number 6 for good, not 40"),
        ("[rib]\nindex = 0", r"rib: index is a whole number from 1 to 65535, got 0"),
        ("[a]\nindex = 50\n[b]\nindex = 50", r"b: index 50 is that of a"),
        ("[rib]\nsynonyms = ['Hepar']", r"rib: is called 'Hepar', which is liver"),
        ("[rib]\nsynonyms = ['kidneys']", r"which is the word for right_kidney and left_kidney"),
        ("[a]\nsynonyms = ['x']\n[b]\nsynonyms = ['X']", r"b: is called 'X', which is a"),
        ("[rib]\nside = 'left'", r"rib: has a side and no pair"),
        ("[rib]\npair = 'liver'", r"rib: has a pair and no side"),
        ("[rib]\nside = 'left'\npair = 'liver'", r"rib: is the pair of liver, which is not the pair of rib"),
        ("[rib]\nside = 'left'\npair = 'none'", r"rib: its pair 'none' is no structure"),
        ("[a]\nside='left'\npair='b'\n[b]\nside='left'\npair='a'", r"a: is on the left, and so is its pair b"),
        ("[rib]\nside = 'up'\npair = 'liver'", r"rib: side is left or right, got 'up'"),
        ("[rib]\nkind = 'bone'", r"rib: kind is one of organ, vessel, tumour, cyst, got 'bone'"),
        ("[rib]\ncolour = [1, 2]", r"rib: colour is three numbers from 0 to 255 or #rrggbb"),
        ("[rib]\ncolour = [1, 2, 256]", r"rib: colour is three numbers"),
        ("[rib]\ncolour = 'red'", r"rib: colour is three numbers .* got 'red'"),
        ("[rib]\nvolume_ml = [5, 1]", r"rib: volume_ml is a range above 0"),
        ("[rib]\nvolume_ml = [0, 1]", r"rib: volume_ml is a range above 0"),
        ("[rib]\nsynonyms = 'ribs'", r"rib: synonyms cannot be 'ribs'"),
        ("[rib]\nsnomed = {code = '1'}", r"rib: snomed cannot be"),
        ("[rib]\ncolor = [1, 2, 3]", r"rib: unknown column color \(there are colour, "),
        ("['1st rib']", r"'1st rib' is no key of a structure"),
        ("rib = 3", r"rib is no table"),
        ("[a]\nhosts = ['b']\n[b]\nhosts = ['a']", r"cannot be inside of"),
        ("[a]\nhosts = ['b']\n[b]\nhosts = ['c']\n[c]\nhosts = ['a']", r"cannot be inside of"),
        (
            "[x]\nside='left'\npair='right_kidney'\n[right_kidney]\npair='x'",
            r"left_kidney: is the pair of right_kidney",
        ),
        ("[lung]", r"lung: is called 'lung', which is the word for right_lung and left_lung"),
        ("[rib]\nsynonyms = ['adrenal gland']", r"which is the word for right_adrenal and left_adrenal"),
        ("[liver_tumour]\nkind = 'organ'", r"liver_tumour: is a tumour, and cannot be of kind 'organ'"),
        ("[background]", r"background: is called 'background', which is reserved"),
        ("[rib]\nsynonyms = ['All']", r"rib: is called 'All', which is reserved, as are all, none, background"),
        ("[Body]", r"which is reserved"),
        ("[rib]\nnoun = 'none'", r"which is reserved"),
        ("[rib", r"cannot be read as structures"),
        ("", r"names no structure"),
    ],
)
def test_a_bad_table_is_one_clear_line_and_changes_nothing(tmp_path, text, message):
    before = STRUCTURES.keys
    with pytest.raises(UsageError, match=message) as fault:
        included(tmp_path, text)
    assert str(fault.value).startswith(str(tmp_path / "structures.toml"))
    assert "\n" not in str(fault.value)
    assert STRUCTURES.keys == before


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(UsageError, match="no such file of structures"):
        include_structures(tmp_path / "none.toml")


def test_two_definitions_in_one_process_are_refused(tmp_path):
    included(tmp_path, "[rib]\nvolume_ml = [1, 50]\n")
    with pytest.raises(UsageError, match=r"rib: is defined already, and otherwise \(volume_ml \(1, 50\), not"):
        included(tmp_path, "[rib]\nvolume_ml = [2, 50]\n")
    assert STRUCTURES["rib"].volume_ml == (1, 50)


def test_what_comes_along_with_a_file_may_look_otherwise_and_must_not_mean_otherwise(tmp_path):
    included(tmp_path)
    rows = json.loads(json.dumps(carried_rows(KEYS)))
    rows["vertebra_L1"]["colour"] = [1, 2, 3]
    include_carried(rows)
    assert STRUCTURES["vertebra_L1"].colour != (1, 2, 3)
    rows["vertebra_L1"]["index"] = 99
    with pytest.raises(UsageError, match=r"old\.nii\.gz: vertebra_L1: is defined already, and otherwise"):
        include_carried(rows, "old.nii.gz")


def test_rows_survive_json_with_their_hosts_and_pairs(tmp_path):
    included(tmp_path)
    before = [STRUCTURES[key] for key in KEYS]
    rows = json.loads(json.dumps(carried_rows([LESION])))
    assert set(rows) == {LESION, *PAIR}
    every = json.loads(json.dumps(carried_rows(KEYS)))
    STRUCTURES.reset()
    assert "vertebra_L1" not in STRUCTURES
    include_carried(every)
    assert [STRUCTURES[key] for key in KEYS] == before
    assert carried_rows(STRUCTURES.default_keys) == {}


@pytest.mark.parametrize("rows", [{"rib": 3}, {"rib": {}}, {"rib": {"index": 40}}, {"": None}, {"rib": {"noun": 3}}])
def test_damaged_rows_are_told(rows):
    with pytest.raises(UsageError, match=r"rib|is no table"):
        include_carried(rows, "somewhere")


def test_reading_alone_changes_nothing(tmp_path):
    assert [row.key for row in read_structures(written(tmp_path))] == list(KEYS)
    assert "vertebra_L1" not in STRUCTURES


def test_there_may_be_many(tmp_path):
    keys = many(tmp_path)
    assert len({STRUCTURES[key].colour for key in STRUCTURES.keys}) > len(keys)
    assert [STRUCTURES[key].index for key in keys] == list(range(33, 33 + len(keys)))
