"""Warnings belong to the case they are about, whatever other threads do; errors go from process to process."""

import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import pytest

from omentum.anatomy.suggestions import UnknownStructureError
from omentum.errors import (
    CaseWarning,
    InputError,
    OmentumError,
    capture_warnings,
    silence_library_warnings,
    warn_of_case,
)
from omentum.io.labels import ForeignLabelsError
from omentum.io.several_volumes import SeveralVolumesError


def test_a_warning_names_its_file_first_and_reaches_python():
    with pytest.warns(CaseWarning, match=r"^a\.nii: is thick$"):
        warn_of_case("is thick", "a.nii")


def test_every_listener_around_hears_and_a_quiet_one_keeps_it_from_python():
    outer, inner = [], []
    with capture_warnings(outer.append), capture_warnings(inner.append, propagate=False):
        warn_of_case("thick")  # pytest would make it an error
    assert outer == inner == ["thick"]


def test_a_listener_is_gone_after_its_block_also_after_a_fault():
    heard = []
    with pytest.raises(OmentumError), capture_warnings(heard.append):
        raise OmentumError("no")
    with pytest.warns(CaseWarning):
        warn_of_case("later")
    assert heard == []


def test_each_thread_hears_its_own_whatever_filters_say():
    """Every thread is inside its block while every other one warns, which `catch_warnings` cannot keep apart."""
    names, barrier = [f"case {n}" for n in range(6)], Barrier(6)

    def work(name):
        heard = []
        with capture_warnings(heard.append, propagate=False):
            for n in range(50):
                barrier.wait(60)
                warn_of_case(f"warning {n}", name)
        return heard

    with ThreadPoolExecutor(len(names)) as pool:
        found = dict(zip(names, pool.map(work, names), strict=True))
    assert found == {name: [f"{name}: warning {n}" for n in range(50)] for name in names}


def test_a_filter_of_the_user_changes_nothing_in_what_is_heard():
    heard = []
    with warnings.catch_warnings(), capture_warnings(heard.append):
        warnings.simplefilter("ignore")
        warn_of_case("thick")
        warn_of_case("thick")
    assert heard == ["thick", "thick"]


def test_threads_that_want_quiet_leave_the_filters_as_they_were():
    """One enters before the other leaves, which `catch_warnings` would answer with its own filters for ever."""
    before, first_in, second_in, first_out = list(warnings.filters), *(Event() for _ in range(3))

    def first():
        with silence_library_warnings():
            first_in.set()
            second_in.wait(60)
        first_out.set()

    def second():
        first_in.wait(60)
        with silence_library_warnings():
            second_in.set()
            first_out.wait(60)
            warnings.warn("of a library", UserWarning, stacklevel=1)  # pytest would make it an error

    with ThreadPoolExecutor(2) as pool:
        for task in [pool.submit(first), pool.submit(second)]:
            task.result()
    assert warnings.filters == before


def test_errors_come_out_of_another_process_as_they_went_in():
    """Also those that are made from something else than a reason: a batch reads its cases in other processes."""
    made = [
        SeveralVolumesError((20, 20, 10, 2), Path("four.nii.gz")),
        ForeignLabelsError("has labels [99] that are not template numbers", "labels.nii.gz"),
        UnknownStructureError(["livre", "heart"], [["liver"], []]),
        InputError("is damaged", source=Path("ct.nii.gz"), remedy="copy it again"),
    ]
    for fault in made:
        back = pickle.loads(pickle.dumps(fault))
        assert (type(back), str(back), vars(back)) == (type(fault), str(fault), vars(fault))
