"""The catalogue of faulty inputs: what is given, and which answer is expected.

Used by tests and benchmarks/input_catalogue.py. A module `test_catalogue*.py` holds `CASES`, a tuple of `Case`, and
passes each to `check`; the benchmark finds these modules by name and prints all answers as one table.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from omentum.errors import OmentumError, capture_warnings
from omentum.io.detect import load_volume

PATIENT = {
    "PatientName": "Doe^Jane",
    "PatientID": "ID4711",
    "PatientBirthDate": "19510203",
    "AccessionNumber": "ACC0815",
    "InstitutionName": "Example Hospital",
    "StudyInstanceUID": "1.2.840.99999.7.1",
}
"""Tags of the DICOM files of the catalogue; none of these values may appear in an answer."""


class Outcome(StrEnum):
    """Kind of an answer, as in the catalogue."""

    OK = "OK"
    """Read without a word."""
    WARNING = "W"
    """Read, with at least one warning."""
    ERROR = "E"
    """Refused in one line, exit code 2."""
    FAULT = "fault"
    """An exception that is not meant for users: never expected."""


@dataclass(frozen=True)
class Case:
    """One input and the expected answer.

    Args:
        row: Number in the catalogue.
        what: What is odd about it, in a few words; unique with the row.
        make: Writes the input into an empty folder; returns the path to read; if anything else, the folder is read.
        expected: Kind of the answer.
        says: Regular expression that the message or one of the warnings must contain.
        read: Reads the input.
        right: Checks what was read; raises AssertionError.
    """

    row: int
    what: str
    make: Callable[[Path], Any]
    expected: Outcome
    says: str = ""
    read: Callable[[Path], Any] = load_volume
    right: Callable[[Any], None] | None = None

    def __str__(self) -> str:
        """Identify the case in a list of tests."""
        return f"{self.row} {self.what}"


@dataclass(frozen=True)
class Answer:
    """What reading gave.

    Args:
        outcome: Its kind.
        messages: The error, or all warnings.
        found: What was read; None for an error.
    """

    outcome: Outcome
    messages: tuple[str, ...]
    found: Any = None


def answer_to(case: Case, folder: Path) -> Answer:
    """Make the input of a case in an empty folder and read it."""
    made = case.make(folder)
    path = made if isinstance(made, Path) else folder
    told: list[str] = []
    try:
        with capture_warnings(told.append, propagate=False), warnings.catch_warnings():
            warnings.simplefilter("error")
            found = case.read(path)
    except OmentumError as fault:
        return Answer(Outcome.ERROR if fault.exit_code == 2 else Outcome.FAULT, (str(fault),))
    except Exception as fault:
        return Answer(Outcome.FAULT, (f"{type(fault).__name__}: {fault}",))
    return Answer(Outcome.WARNING if told else Outcome.OK, tuple(told), found)


def fault_of(case: Case, answer: Answer) -> str | None:
    """What is wrong with an answer; None for a right one."""
    text = "\n".join(answer.messages)
    if answer.outcome != case.expected:
        return f"expected {case.expected}, got {answer.outcome}: {text}"
    if not re.search(case.says, text):
        return f"does not say {case.says!r}: {text}"
    if shown := [value for value in PATIENT.values() if value in text]:
        return f"shows patient data ({', '.join(shown)}): {text}"
    if any("\n" in message for message in answer.messages):
        return f"is not one line: {text}"
    if case.right is not None and answer.found is not None:
        case.right(answer.found)
    return None


def check(case: Case, folder: Path) -> None:
    """Assert that a case gets the expected answer."""
    fault = fault_of(case, answer_to(case, folder))
    assert fault is None, f"{case}: {fault}"
