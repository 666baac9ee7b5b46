"""The report on one input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from omentum.doctor.diagnosis import Diagnosis, Outcome
from omentum.doctor.dicom_series import SeriesFacts
from omentum.doctor.estimate import Estimate
from omentum.doctor.kinds import InputKind
from omentum.doctor.second_pass import SecondPassPlan
from omentum.json_values import from_json_values
from omentum.schemas import Schema, read_stamped, stamped


@dataclass(frozen=True)
class CasePlan:
    """What `omentum segment` would do with one CT.

    Args:
        read_as: Format, and for DICOM the chosen series.
        grid: Voxels, spacing and orientation of the CT.
        model_grid: The same after resampling and cropping, as the network sees it.
        resampling: How one becomes the other, in words.
        windows: Windows of the network; more than are computed if structures are located first.
        window_voxels: Size of a window.
        second_pass: Where a requested class needs one.
        engine: What would run the network, and its precision.
        outputs: Files that would be written.
    """

    read_as: str
    grid: str
    model_grid: str
    resampling: str
    windows: int
    window_voxels: tuple[int, int, int]
    second_pass: SecondPassPlan | None
    engine: str
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class InputReport:
    """What an input is, what would be done with it, and every doubt.

    Args:
        input: As given.
        kind: What it is.
        facts: What its headers state.
        series: CT series of a DICOM input, also in a zip file.
        cases: Names of the CTs of a folder of CTs.
        use: What Omentum does with an input of this kind.
        plan: For a CT that can be read.
        estimate: For a CT that can be read.
        checks: All checks.
    """

    input: str
    kind: InputKind
    facts: dict[str, Any]
    series: tuple[SeriesFacts, ...]
    cases: tuple[str, ...]
    use: str
    plan: CasePlan | None
    estimate: Estimate | None
    checks: tuple[Diagnosis, ...]

    @property
    def works(self) -> bool:
        """Whether `omentum segment` would succeed, as far as can be told without running the model."""
        return bool(self.checks) and all(one.outcome is not Outcome.FAULT for one in self.checks)

    @property
    def faults(self) -> tuple[str, ...]:
        """Reasons why it would not."""
        return tuple(one.text for one in self.checks if one.outcome is Outcome.FAULT)


def reports_to_json(reports: Sequence[InputReport]) -> dict[str, Any]:
    """Convert to JSON values; `reports_from_json` reverses it."""
    return stamped(Schema.DOCTOR, {"inputs": [asdict(one) | {"works": one.works} for one in reports]})


def reports_from_json(content: dict[str, Any]) -> list[InputReport]:
    """Inverse of `reports_to_json`."""
    return [from_json_values(InputReport, one) for one in read_stamped(content, Schema.DOCTOR)["inputs"]]
