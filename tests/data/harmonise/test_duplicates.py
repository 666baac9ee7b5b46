from omentum.data.harmonise.check import CaseCheck, Finding, FindingSeverity
from omentum.data.harmonise.duplicates import find_reuse, report, with_reuse

FIRST, SECOND = (tuple(f"{letter}{k}" for k in range(9)) for letter in "ab")


def case(name, patient, hashes=()):
    return CaseCheck(name, name.partition("_")[0], patient, (), hashes)


CHECKS = [
    case("lits_1", "lits-1", FIRST),
    case("msd_1", "lits-1", FIRST),
    case("ctorg_7", "ctorg-7", FIRST[3:]),
    case("lits_2", "lits-2", SECOND),
    case("msd_2", "lits-2"),
    case("word_1", "word-1", tuple(f"c{k}" for k in range(9))),
]


def findings(checks):
    return {check.name: {(f.severity, f.kind) for f in check.findings} for check in checks}


def test_what_recipes_know_is_a_note_and_what_they_do_not_a_warning():
    told = findings(with_reuse(CHECKS, find_reuse(CHECKS)))
    assert told["lits_1"] == told["msd_1"] == {("note", "reuse"), ("warning", "duplicate")}
    assert told["ctorg_7"] == {("warning", "duplicate")}
    assert told["word_1"] == set()


def test_one_patient_by_number_is_kept_together_even_unread():
    reuse = find_reuse(CHECKS)
    assert reuse.groups == (("ctorg_7", "lits_1", "msd_1"), ("lits_2", "msd_2"), ("word_1",))
    told = {check.name: check.findings for check in with_reuse(CHECKS, reuse)}
    assert told["msd_2"] == (Finding(FindingSeverity.NOTE, "reuse", "the same patient as lits_2, by their numbers"),)


def test_the_report_is_plain_values():
    reuse = find_reuse(CHECKS)
    content = report(with_reuse(CHECKS, reuse), reuse)
    assert {entry["case"]: entry["status"] for entry in content["cases"]}["ctorg_7"] == "doubtful"
    assert {"first": "ctorg_7", "second": "lits_1", "slices": 6} in content["duplicates"]
