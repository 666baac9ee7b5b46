import pytest

from omentum.errors import UsageError
from omentum.infer.profiles import PROFILES, find_profile, parse_profiles


def test_the_packaged_table_is_ordered_by_effort():
    assert set(PROFILES) == {"exact", "balanced", "fast", "best"}
    overlaps = [PROFILES[name].overlap for name in ("fast", "balanced", "exact", "best")]
    assert overlaps == sorted(overlaps)
    assert all(profile.about for profile in PROFILES.values())


def test_exact_is_how_the_published_weights_were_evaluated():
    exact = find_profile("exact")
    assert (exact.overlap, exact.precision, exact.flips) == (0.5, "float32", ())


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(UsageError, match=r"unknown profile 'quick' \(use one of exact, balanced, fast, best\)"):
        find_profile("quick")


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ("overlap = 1.0\nprecision = 'bf16'", "overlap"),
        ("overlap = 0.5\nprecision = 'int4'", "int4"),
        ("overlap = 0.5\nprecision = 'bf16'\nflips = ['w']", "flips"),
        ("overlap = 0.5\nprecision = 'bf16'\nflips = ['x', 'x']", "flips"),
        ("overlap = 0.5", "precision"),
        ("overlap = 0.5\nprecision = 'bf16'\nspeed = 3", "speed"),
    ],
)
def test_a_table_with_a_fault_is_refused(columns, match):
    with pytest.raises(UsageError, match=match):
        parse_profiles(f"[odd]\nabout = ''\n{columns}\n")
