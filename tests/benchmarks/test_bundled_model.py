from bundled_model import TWIN, bundled_model
from record import Record, Table

REAL = {"structure": "{}", "Dice": "{:.3f}", "NSD": "{:.3f}"}
PHANTOMS = dict.fromkeys(["structure", "n", "mean Dice", "5th percentile", "lesions found", "missed", "false"], "{}")
RESULTS = {
    "real_ct": Record(
        "",
        {"a.py": "1"},
        {},
        {"abdomen_3mm": Table(REAL, [["Liver", 0.955, 0.9]]), "abdomen_dicom": Table(REAL, [["Colon", 0.434, 0.4]])},
    ),
    "unseen_phantoms": Record(
        "",
        {"b.py": "2"},
        {},
        {
            "structures": Table(
                PHANTOMS,
                [
                    ["Liver", 18, 0.906, 0.81, None, None, None],
                    ["Colon", 20, 0.833, 0.77, None, None, None],
                    ["Liver tumour", 11, 0.0, 0.0, 0, 18, 1],
                ],
            )
        },
        {"phantoms": 20},
    ),
}


def test_every_structure_is_there_with_what_each_reference_says():
    made = bundled_model(RESULTS.__getitem__)
    assert [row[:4] for row in made.tables["whole"].rows] == [
        ["Liver", None, 0.955, 0.906],
        ["Colon", 0.434, None, 0.833],
        ["Liver tumour", None, None, 0.0],
    ]
    assert made.measures == {"a.py": "1", "b.py": "2"}


def test_two_halves_stand_side_by_side_and_lose_nothing():
    short = bundled_model(RESULTS.__getitem__).tables["short"]
    assert [row[0] for row in short.rows] + [row[3] for row in short.rows] == ["Liver", "Colon", "Liver tumour", None]
    assert len(short.columns) == 6
    assert [name.removesuffix(TWIN) for name in list(short.columns)[3:]] == list(short.columns)[:3]


def test_lesions_are_counted_together():
    made = bundled_model(RESULTS.__getitem__)
    assert made.tables["lesions"].rows == [["Liver tumour", 11, 0, 18, 1, 0.0]]
    assert made.values == {"phantoms": 20, "lesions found": 0, "lesions missed": 18, "lesions false": 1}
