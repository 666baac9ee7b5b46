"""Runs of the study at different states of the code."""

import json

import pytest
from states import code_state, load_states, newest
from study import load_study
from study_tables import background_table, states_table

from omentum.anatomy import STRUCTURES

OLD, NEW = {"src/omentum/train": "1"}, {"src/omentum/train": "2"}


def run(arm, seed, liver, measures, date):
    """A result as run.py keeps it: four phantoms, the liver found so well."""
    dice = {key: [None] * 4 for key in STRUCTURES.keys} | {"liver": [liver, liver, liver + 0.01, liver - 0.01]}
    dice["liver_tumour"] = [0.0, None, 0.0, 0.0]
    made = {"date": date, "time": "12:00", "commit": f"c{measures['src/omentum/train']}"}
    told = {"arm": arm, "seed": seed, "steps": 3, "taught": ["liver", "liver_tumour"], "made": made}
    return told | {"measures": measures, "dice": dice, "cpu_s_a_step": 1.0, "predict_cpu_s": 2.0}


@pytest.fixture
def folder(tmp_path):
    """The universal arm and its rival at two states, and a third arm at the older one alone."""
    kept = [("universal", 0.5, OLD), ("missing-is-background", 0.4, OLD), ("slab-dice", 0.2, OLD)]
    kept += [("universal", 0.6, NEW), ("missing-is-background", 0.3, NEW)]
    for arm, liver, measures in kept:
        for seed in range(3):
            path = tmp_path / code_state(measures) / f"{arm}.{seed}.json"
            path.parent.mkdir(exist_ok=True)
            date = "2026-11-24" if measures is OLD else "2026-11-28"
            path.write_text(json.dumps(run(arm, seed, liver + seed / 100, measures, date)))
    return tmp_path


def test_states_are_kept_apart_and_the_newest_is_first(folder):
    states = load_states(folder)
    assert [state.name for state in states] == ["2026-11-28, `c2`", "2026-11-24, `c1`"]
    assert [len(state.outcomes["universal"].runs) for state in states] == [3, 3]


def test_a_table_is_made_of_one_state_that_has_all_its_arms(folder):
    states = load_states(folder)
    assert newest(states, ["universal", "missing-is-background"], 3) is states[0]
    assert newest(states, ["universal", "slab-dice"], 3) is states[1]
    assert newest(states, ["universal", "clip"], 3) is None


def test_a_newer_state_with_fewer_seeds_waits_until_it_has_all(folder):
    (folder / code_state(NEW) / "universal.2.json").unlink()
    states = load_states(folder)
    assert newest(states, ["universal"], 3) is states[1]
    (folder / code_state(OLD) / "universal.2.json").unlink()
    assert newest(load_states(folder), ["universal"], 3).name == "2026-11-28, `c2`"


def test_arms_are_compared_within_their_state(folder):
    rows = background_table(load_study(), load_states(folder)).table.rows
    differences = {row[0]: row[3].split(" (")[0] for row in rows if row[1:3] == differing()}
    assert differences == {"2026-11-28, `c2`": "-0.300", "2026-11-24, `c1`": "-0.100"}


def differing():
    return ["missing is background - universal", "organs"]


def test_what_a_change_of_the_code_made_of_an_arm_is_told(folder):
    table = states_table(load_study(), load_states(folder)).table
    organs = {row[0]: row[4].split(" (")[0] for row in table.rows if row[1] == "organs"}
    assert organs == {"universal": "+0.100", "missing-is-background": "-0.100"}
    old = [state for state in load_states(folder) if state.measures == OLD]
    only_one = states_table(load_study(), old).table
    assert only_one.rows == []
    assert only_one.notes == ["No arm has been run at two states of the code yet."]
