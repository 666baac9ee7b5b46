"""Series descriptions show words of CT and nothing else."""

import pytest

from omentum.io.dicom.naming.words_of_ct import words_of_ct


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("SMITH_THORAX 5.0 B31f", "... THORAX 5.0 B31f"),
        ("Thorax 12.03.1964 Meier", "Thorax ..."),
        ("Abd/Pelvis w/o 1.25mm 03-12-64 ax", "Abd Pelvis without 1.25mm ... ax"),
        ("LUNG 1.5.64 H64", "LUNG ..."),
        ("Thorax 5 3 1964 \0 Br38d", "Thorax ... Br38d"),
        ("ID4711", "..."),
        ("Chest Head", "Chest ..."),
        ("", ""),
    ],
)
def test_only_words_of_ct_are_shown(text, shown):
    assert words_of_ct(text, "Head^John") == shown
