from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omentum.axis_order import axis_order
from omentum.data.datasets import fingerprint
from omentum.data.datasets.fingerprint import Match, find_matches, grouped, patient_groups
from omentum.fingerprint import (
    LEAST_RUN,
    MOST_REPEATS,
    STRIDES,
    hashes_of,
    row_digests,
    scan_digest,
    sketch,
    slice_hashes,
    written,
)
from omentum.phantom import BodyOptions, build_body, draw_protocol, scan
from omentum.volume import Volume

SPACING_MM = (6.0, 6.0, 6.0)
ORIENTATIONS = ("RAS", "LPS", "RAI", "IPL", "SAR", "PIR")


def phantom(seed, spacing_mm=SPACING_MM):
    rng = np.random.default_rng(seed)
    body = build_body(rng, spacing_mm, BodyOptions(extent="abdomen"))
    return scan(body, rng, draw_protocol(rng, "pv"))


@pytest.fixture(scope="module")
def ct():
    return phantom(0)


def same_scan(first, second):
    return bool(find_matches({"a": slice_hashes(first), "b": slice_hashes(second)}))


def turned(ct, orientation):
    order = axis_order(ct.grid, orientation)
    return Volume(np.ascontiguousarray(order.view(ct.voxels)), order.grid(ct.grid).affine)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_another_axis_order_is_the_same_scan(ct, orientation):
    assert slice_hashes(turned(ct, orientation)) == slice_hashes(ct)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_another_dtype_is_the_same_scan(ct, dtype):
    assert slice_hashes(Volume(ct.voxels.astype(dtype) + (1e-3 if dtype[0] == "f" else 0), ct.affine)) == slice_hashes(
        ct
    )


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mirrored_array_with_the_old_affine_is_the_same_scan(ct, axis):
    assert same_scan(ct, Volume(np.flip(ct.voxels, axis), ct.affine))


def test_cropped_clipped_padded_and_respaced_is_the_same_scan(ct):
    voxels = ct.voxels[:, :, 9:-7].clip(-175, 250)
    assert same_scan(ct, Volume(voxels, np.eye(4)))
    padded = np.pad(ct.voxels, ((3, 0), (0, 5), (4, 4)), constant_values=-3024)
    assert same_scan(ct, Volume(padded, ct.affine))


def test_too_few_slices_in_common_are_no_match(ct):
    few = Volume(ct.voxels[:, :, 20 : 20 + LEAST_RUN - 1], ct.affine)
    assert not same_scan(ct, few)
    assert same_scan(ct, Volume(ct.voxels[:, :, 20 : 20 + LEAST_RUN], ct.affine))


def test_the_same_body_scanned_again_is_another_scan():
    body = build_body(np.random.default_rng(3), SPACING_MM, BodyOptions(extent="abdomen"))
    first, second = (
        scan(body, np.random.default_rng(k), draw_protocol(np.random.default_rng(0), "pv")) for k in (1, 2)
    )
    assert not same_scan(first, second)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_twenty_phantoms_are_twenty_patients():
    scans = {f"case_{seed:02d}": slice_hashes(phantom(seed, (8.0, 8.0, 8.0))) for seed in range(20)}
    assert all(len(set(hashes)) > LEAST_RUN for hashes in scans.values())
    assert find_matches(scans) == []


def test_blank_slices_say_nothing():
    blank = Volume(np.zeros((40, 40, 30), np.int16), np.eye(4))
    air = Volume(np.full((40, 40, 30), -1024, np.int16), np.eye(4))
    assert set(slice_hashes(blank)) == set(slice_hashes(air)) == {""}
    assert find_matches({"a": slice_hashes(blank), "b": slice_hashes(blank)}) == []


@pytest.mark.parametrize(
    "kept", [np.s_[::2], np.s_[1::2], np.s_[::3], np.s_[::-2], np.s_[20:34:2]], ids=lambda kept: str(kept)
)
def test_a_copy_that_leaves_out_slices_is_the_same_scan(ct, kept):
    assert same_scan(ct, Volume(ct.voxels[:, :, kept], ct.affine))


def test_a_copy_that_leaves_out_every_third_slice_is_the_same_scan(ct):
    kept = [k for k in range(ct.voxels.shape[2]) if k % 3 != 2]
    assert same_scan(ct, Volume(ct.voxels[:, :, kept], ct.affine))


def test_a_copy_with_each_slice_twice_is_the_same_scan(ct):
    assert same_scan(ct, Volume(np.repeat(ct.voxels, 2, axis=2), ct.affine))


def made_up(number, slices=60):
    return tuple(f"{number}-{k}" for k in range(slices))


def test_sixty_copies_of_a_scan_are_all_found():
    copies = {f"copy_{n:02d}": made_up(0)[n % 7 : 60 - n % 5] for n in range(60)}
    found = find_matches(copies | {"other": made_up(1)})
    assert len(found) == 60 * 59 // 2
    assert {match.slices for match in found} <= set(range(50, 61))


def test_slices_in_common_are_counted():
    halves = {"a": made_up(0), "b": ("x", *made_up(0)[10:20], "", "y"), "c": made_up(0)[::-2]}
    assert find_matches(halves) == [Match("a", "b", 10), Match("a", "c", 30), Match("b", "c", 5)]


def with_blanks(number, blanks):
    middle = made_up(number, 20)
    return ("blank",) * blanks + middle + ("blank",) * blanks


@pytest.mark.parametrize("blanks", [2, 4, 30], ids=["a few", "a row", "a lot"])
def test_blank_slices_that_thousands_share_compare_nothing(monkeypatch, blanks):
    """Only scans that share a row of slices are compared; all others cost a look-up a row."""
    compared, looked_up = [], []
    in_common, rows = fingerprint._in_common, fingerprint.rows_of
    monkeypatch.setattr(fingerprint, "_in_common", lambda *pair: compared.append(pair) or in_common(*pair))
    monkeypatch.setattr(fingerprint, "rows_of", lambda hashes: looked_up.append(rows(hashes)) or looked_up[-1])
    scans = {f"case_{n:04d}": with_blanks(n, blanks) for n in range(2000)} | {"copy": with_blanks(77, 3)}
    assert [(match.first, match.second) for match in find_matches(scans)] == [("case_0077", "copy")]
    assert len(compared) == 1
    assert sum(map(len, looked_up)) <= len(STRIDES) * sum(map(len, scans.values()))


def test_a_few_rows_stand_for_a_scan_and_its_parts():
    whole = made_up(0)
    few = sketch(whole)
    assert few < row_digests(whole)
    for part in (whole[: len(whole) // 2], whole[::-1], whole[::2], whole[5:-5]):
        assert few & row_digests(part)
        assert sketch(part) & row_digests(whole)
    assert not few & row_digests(made_up(1))
    assert sketch(whole[:3]) == sketch(()) == frozenset()


def test_what_repeats_within_a_scan_tells_nothing():
    one, other = (("p", "q") * n + made_up(n) for n in (MOST_REPEATS + 1, MOST_REPEATS + 2))
    assert find_matches({"a": one, "b": other}) == []
    for few in (("p",) * LEAST_RUN, ("p", "q") * LEAST_RUN):
        assert find_matches({"a": few, "b": few}) == []


def found_slowly(scans):
    """The definition, pair by pair and place by place."""

    def shares_a_row(one, other):
        rows = [
            tuple(other[k + step * n] for n in range(LEAST_RUN))
            for k in range(len(other))
            for step in (-3, -2, -1, 1, 2, 3)
            if 0 <= k + step * (LEAST_RUN - 1) < len(other)
        ]
        return any(
            len(set(row)) > 2 and row in rows
            for stride in (1, 2, 3)
            for k in range(len(one) - stride * (LEAST_RUN - 1))
            if all(row := tuple(one[k + stride * n] for n in range(LEAST_RUN)))
        )

    names = sorted(scans)
    return [(a, b) for a in names for b in names if a < b and shares_a_row(scans[a], scans[b])]


@given(st.lists(st.lists(st.sampled_from(["", *"abcdef"]), max_size=MOST_REPEATS).map(tuple), min_size=2, max_size=4))
def test_rows_are_found_as_by_comparing_every_place(scans):
    named = {f"case_{n}": hashes for n, hashes in enumerate(scans)}
    assert [(match.first, match.second) for match in find_matches(named)] == found_slowly(named)


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=4), max_size=5))
def test_groups_are_the_connected_ones(chains):
    pairs = [pair for chain in chains for pair in pairwise(chain)]
    groups = grouped("abcdefgh", pairs)
    where = {name: group for group in groups for name in group}
    assert sorted(where) == list("abcdefgh")
    assert sum(map(len, groups)) == 8
    assert all(where[a] is where[b] for a, b in pairs)
    assert grouped("hgfedcba", [(b, a) for a, b in reversed(pairs)]) == groups


def test_a_digest_names_a_whole_scan_either_way_up(ct):
    hashes = slice_hashes(ct)
    assert scan_digest(hashes) == scan_digest(hashes[::-1]) == scan_digest(("", *hashes, ""))
    assert scan_digest(hashes) != scan_digest(hashes[:-5])
    assert scan_digest(("", "")) == ""


def test_hashes_are_read_as_they_were_written(ct):
    hashes = ("", *slice_hashes(ct), "")
    assert hashes_of(written(hashes)) == hashes


def test_patients_without_a_name_are_nobody_s():
    @dataclass(frozen=True)
    class Case:
        name: str
        patient: str = ""
        hashes: tuple[str, ...] = ()

    cases = [Case("a"), Case("b"), Case("c", "ann"), Case("d", "ann"), Case("e", "eve")]
    assert patient_groups(cases, [Match("b", "e", 5)]) == [("a",), ("b", "e"), ("c", "d")]
