from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omentum.data.fingerprint import LEAST_RUN, Match, find_matches, grouped, patient_groups
from omentum.fingerprint import hashes_of, scan_digest, slice_hashes, written
from omentum.phantom import BodyOptions, build_body, draw_protocol, scan
from omentum.preprocess.grid import axis_order
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
def test_twenty_phantoms_are_twenty_patients():
    scans = {f"case_{seed:02d}": slice_hashes(phantom(seed, (8.0, 8.0, 8.0))) for seed in range(20)}
    assert all(len(set(hashes)) > LEAST_RUN for hashes in scans.values())
    assert find_matches(scans) == []


def test_blank_slices_say_nothing():
    blank = Volume(np.zeros((40, 40, 30), np.int16), np.eye(4))
    air = Volume(np.full((40, 40, 30), -1024, np.int16), np.eye(4))
    assert set(slice_hashes(blank)) == set(slice_hashes(air)) == {""}
    assert find_matches({"a": slice_hashes(blank), "b": slice_hashes(blank)}) == []


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
