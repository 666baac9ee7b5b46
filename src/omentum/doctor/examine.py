"""Examine an input: what it is, what would be done with it, and every doubt about it; the network is not run.

The CT is read, checked and resampled by the functions that `omentum segment` uses, so that every warning and error is
the one that a segmentation would give.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from omentum.anatomy.vocabulary import Understanding
from omentum.doctor.diagnosis import Diagnosis, Outcome
from omentum.doctor.estimate import Estimate, NetworkPass, Workload, estimate
from omentum.doctor.input_report import CasePlan, InputReport
from omentum.doctor.kinds import Identity, InputKind, identify
from omentum.doctor.machine import MachineReport
from omentum.doctor.outputs import expected_outputs
from omentum.doctor.second_pass import SecondPassPlan, plan_second_pass
from omentum.errors import OmentumError, capture_warnings
from omentum.formatting import size
from omentum.infer.device import choose_device
from omentum.infer.windows import plan_windows
from omentum.model.checkpoint import read_spec
from omentum.model.weights import locate
from omentum.pipeline.batch.inputs import plan_jobs
from omentum.pipeline.batch.options import CaseSelection
from omentum.pipeline.dicom_outputs import check_dicom_formats
from omentum.pipeline.options import SaveOptions, SegmentOptions
from omentum.pipeline.passes import PassClasses
from omentum.pipeline.reading import PreparedInput, PreprocessSpecs, prepare_case, read_case
from omentum.pipeline.room import expected_bytes, free_bytes
from omentum.preprocess.upright import OBLIQUE_DEGREES, is_oblique
from omentum.progress import SilentProgress
from omentum.quality.ct_facts import ct_facts
from omentum.quality.ct_flags import ct_flags
from omentum.quality.limits import QUALITY_RULES
from omentum.quality.placement import Placement
from omentum.spec import CheckpointSpec
from omentum.volume import Volume

USES = {
    InputKind.NIFTI: "segment it",
    InputKind.DICOM: "segment its CT series",
    InputKind.NRRD: "segment it",
    InputKind.META_IMAGE: "segment it",
    InputKind.CASES: "segment every CT in it",
    InputKind.ZIP: "segment the one CT in it",
    InputKind.SEGMENTATION: "no CT; omentum evaluate and omentum data prepare take it as labels",
    InputKind.CHECKPOINT: "no CT; --weights takes it",
    InputKind.RESULT: "no CT; omentum evaluate, lesions compare and annotate take it",
    InputKind.STORE: "no CT; omentum train --data takes it",
    InputKind.RUN: "no CT; omentum train continues it, and its model.safetensors is for --weights",
    InputKind.DOCUMENT: "no CT; a document that omentum wrote",
    InputKind.OTHER: "nothing",
}
NO_CT = frozenset(kind for kind, use in USES.items() if use.startswith("no CT"))
PHASE_UNKNOWN = "unknown before the organs are found; the report of a segmentation estimates it"
MEMORY_SHARE = 0.9
"""Of the available memory, an estimate above this share is a doubt."""


@dataclass(frozen=True)
class _Examined:
    """What was found out about a CT; without weights there is no plan, and without a CT no header of it."""

    checks: tuple[Diagnosis, ...]
    voxels: int = 0
    header: Mapping[str, Any] | None = None
    plan: CasePlan | None = None
    costs: Estimate | None = None


@dataclass(frozen=True)
class Examiner:
    """Examines inputs for one set of options.

    Args:
        machine: Where the segmentation would run.
        options: As for `omentum segment`.
        weights: As for `omentum segment`.
        save: As for `omentum segment`.
    """

    machine: MachineReport
    options: SegmentOptions = field(default_factory=SegmentOptions)
    weights: tuple[str, ...] = ("default",)
    save: SaveOptions = field(default_factory=SaveOptions)

    def examine(self, path: Path) -> list[InputReport]:
        """Examine a file or folder; of a folder of CTs, itself and then each CT."""
        if not path.exists() and not path.is_symlink():
            fault = Diagnosis(Outcome.FAULT, "input", f"{path}: no such file or folder")
            return [InputReport(str(path), InputKind.OTHER, {}, (), (), USES[InputKind.OTHER], None, None, (fault,))]
        identity = identify(path)
        if identity.kind is not InputKind.CASES:
            return [self._one(path, identity)]
        try:
            jobs = plan_jobs([path], Path("out"), CaseSelection(), SilentProgress())
        except OmentumError as fault:
            return [_report(path, identity, [Diagnosis(Outcome.FAULT, "input", str(fault))])]
        if [job.source for job in jobs] == [path]:
            return [self._one(path, identity)]
        check = Diagnosis(Outcome.FINE, "input", f"{len(jobs)} CTs")
        whole = replace(_report(path, identity, [check]), cases=tuple(job.case for job in jobs))
        return [whole, *(self._one(job.source, identify(job.source)) for job in jobs)]

    def _one(self, path: Path, identity: Identity) -> InputReport:
        if identity.kind in NO_CT:
            text = identity.reason or f"{path}: is a {identity.kind}, no CT"
            return _report(path, identity, [Diagnosis(Outcome.FAULT, "input", text)])
        with capture_warnings(lambda _: None, propagate=False):  # they are in the record of the case
            found = self._examined(path, identity)
        outputs = self._output_checks(path, found.header)
        checks = (*found.checks, *self._model_checks(), *outputs, *self._room_checks(found))
        return replace(_report(path, identity, checks), plan=found.plan, estimate=found.costs)

    def _examined(self, path: Path, identity: Identity) -> _Examined:
        """Read, check and resample the CT."""
        try:
            case = read_case(path, self.options)
        except OmentumError as fault:
            return _Examined((Diagnosis(Outcome.FAULT, "reading", str(fault)),))
        fine = Diagnosis(Outcome.FINE, "reading", f"read and checked: {case.ct.grid.words}")
        spec = self._spec
        if not isinstance(spec, CheckpointSpec):
            return _Examined((fine, *_doubts(case.run_record.warnings, case.ct)), case.ct.voxels.size, case.ct.header)
        try:
            ready = prepare_case(case, PreprocessSpecs(spec.preprocess, None))
        except OmentumError as fault:
            told = Diagnosis(Outcome.FAULT, "preparing", str(fault))
            return _Examined((fine, told), case.ct.voxels.size, case.ct.header)
        plan = self._plan(ready, spec, identity)
        costs = self._costs(ready, plan, spec)
        checks = (fine, *_doubts(case.run_record.warnings, case.ct))
        return _Examined(checks, case.ct.voxels.size, case.ct.header, plan, costs)

    @cached_property
    def _spec(self) -> CheckpointSpec | OmentumError:
        """The description of the (first) weights, or why there is none."""
        try:
            return [read_spec(locate(weights)) for weights in self.weights][0]  # noqa: RUF015  # all must be readable
        except OmentumError as fault:
            return fault

    @cached_property
    def _understood(self) -> tuple[Understanding, ...]:
        """What the words for structures mean; an UnknownStructureError if nothing."""
        from omentum.words import structures_in

        return structures_in(self.options.classes or ())

    @cached_property
    def _wanted(self) -> tuple[str, ...]:
        """Keys of the structures that are asked for; a UsageError if the weights do not know them."""
        from omentum.words import chosen

        known = tuple(dict.fromkeys(key for weights in self.weights for key in read_spec(locate(weights)).class_keys))
        return known if self.options.classes is None else chosen(self._understood, known)

    @cached_property
    def _device(self) -> Any:
        try:
            return choose_device(self.options.device.split(",")[0])
        except OmentumError as fault:
            return fault

    @cached_property
    def _engine(self) -> tuple[str, str]:
        """Engine and precision, as `choose_engine` would take them."""
        on_cpu = getattr(self._device, "type", "cpu") == "cpu"
        openvino = next(engine for engine in self.machine.engines if engine.name == "openvino")
        name = self.options.engine
        if name == "auto":
            name = "openvino" if on_cpu and openvino.version is not None else "torch"
        precision = self.options.resolved_profile().precision
        if name == "openvino" and not openvino.bf16:
            precision = "float32"
        return name, precision

    def _plan(self, ready: PreparedInput, spec: CheckpointSpec, identity: Identity) -> CasePlan:
        shape = ready.prepared.undo.model.shape
        profile = self.options.resolved_profile()
        windows = len(plan_windows(shape, spec.preprocess.patch, profile.overlap)) * 2 ** len(profile.flips)
        return CasePlan(
            read_as=str(identity.kind),
            grid=ready.case.ct.grid.words,
            model_grid=ready.prepared.undo.model.words,
            resampling=_resampling(ready.case.ct, spec),
            windows=windows * len(self.weights),
            window_voxels=spec.preprocess.patch,
            second_pass=self._second_pass(ready, spec),
            engine=" ".join(self._engine),
            outputs=expected_outputs(self.options, self.save),
        )

    def _second_pass(self, ready: PreparedInput, spec: CheckpointSpec) -> SecondPassPlan | None:
        """None where no requested class needs one; several weights are averaged without theirs."""
        if spec.second_pass is None or len(self.weights) > 1:
            return None
        try:
            keys = PassClasses.of(spec, self._wanted).second
        except OmentumError:  # `_word_checks` tells it
            return None
        image, how = ready.prepared.undo.model, self.options.resolved_profile()
        return plan_second_pass(spec.second_pass, keys, image, how) if keys else None

    def _costs(self, ready: PreparedInput, plan: CasePlan, spec: CheckpointSpec) -> Estimate:
        passes = [NetworkPass(spec.model.backbone, plan.windows, math.prod(plan.window_voxels))]
        if spec.second_pass is not None and (second := plan.second_pass) is not None:
            voxels = math.prod(second.window_voxels)
            passes.append(NetworkPass(spec.second_pass.model.backbone, second.windows, voxels))
        engine, precision = self._engine
        files = sum(locate(weights).stat().st_size for weights in self.weights)
        work = Workload(ready.case.ct.voxels.size, tuple(passes), files, engine, precision)
        on_cpu = getattr(self._device, "type", "cpu") == "cpu"
        return estimate(work, on_cpu=on_cpu, cores=self.machine.threads, avx512=self.machine.has_avx512)

    def _model_checks(self) -> list[Diagnosis]:
        """Checks of weights, words and device: none needs the CT, and none stops at another's fault."""
        found = []
        if isinstance(self._spec, OmentumError):
            found.append(Diagnosis(Outcome.FAULT, "weights", str(self._spec)))
        else:
            text = f"{', '.join(self.weights)}: {len(self._spec.classes)} classes{_second_pass_of(self._spec)}"
            found.append(Diagnosis(Outcome.FINE, "weights", text))
            found += self._word_checks()
        if isinstance(self._device, OmentumError):
            found.append(Diagnosis(Outcome.FAULT, "device", str(self._device)))
        else:
            found.append(Diagnosis(Outcome.FINE, "device", f"{self._device}, {' '.join(self._engine)}"))
            if self._engine[0] == "openvino" and find_spec("openvino") is None:
                text = "the OpenVINO engine needs openvino (pip install 'omentum[cpu]', or --engine torch)"
                found.append(Diagnosis(Outcome.FAULT, "engine", text))
        return found

    def _word_checks(self) -> list[Diagnosis]:
        if self.options.classes is None:
            return []
        from omentum.words import guesses_in

        try:
            wanted = self._wanted
        except OmentumError as fault:
            return [Diagnosis(Outcome.FAULT, "structures", str(fault))]
        guesses = [Diagnosis(Outcome.DOUBT, "structures", line) for line in guesses_in(self._understood)]
        return [*guesses, Diagnosis(Outcome.FINE, "structures", ", ".join(wanted))]

    def _output_checks(self, path: Path, header: Mapping[str, Any] | None) -> list[Diagnosis]:
        """Whether the DICOM formats that are asked for can be written."""
        if not (formats := self.save.dicom_formats):
            return []
        has_probabilities = self.options.probabilities is not None
        try:
            check_dicom_formats(self.save, header, has_probabilities=has_probabilities, source=path)
        except OmentumError as fault:
            return [Diagnosis(Outcome.FAULT, "outputs", str(fault))]
        return [Diagnosis(Outcome.FINE, "outputs", ", ".join(formats))] if header is not None else []

    def _room_checks(self, examined: _Examined) -> list[Diagnosis]:
        if (costs := examined.costs) is None:
            return []
        found, available = [], self.machine.memory_available_bytes
        if available is not None:
            enough = costs.memory_bytes <= MEMORY_SHARE * available
            text = f"about {size(costs.memory_bytes)} needed, {size(available)} available"
            found.append(Diagnosis(Outcome.FINE if enough else Outcome.DOUBT, "memory", text))
        classes = 0 if isinstance(self._spec, OmentumError) else len(self._spec.classes)
        needed, free = expected_bytes(self.options, self.save, examined.voxels, classes), free_bytes(Path.cwd())
        text = f"about {size(needed)} needed in the output folder, {size(free)} free here"
        found.append(Diagnosis(Outcome.FINE if needed < free else Outcome.DOUBT, "disk", text))
        return found


def _report(path: Path, identity: Identity, checks: Sequence[Diagnosis]) -> InputReport:
    use = USES[identity.kind]
    return InputReport(str(path), identity.kind, identity.facts, identity.series, (), use, None, None, tuple(checks))


def _second_pass_of(spec: CheckpointSpec) -> str:
    """Words on the second pass of weights."""
    return "" if spec.second_pass is None else f", {len(spec.second_pass.keys)} of them by a second pass"


def _doubts(warnings: Sequence[str], ct: Volume) -> list[Diagnosis]:
    """Warnings of reading and checking, and flags of the report that need no organ."""
    doubts = [Diagnosis(Outcome.DOUBT, "reading", text) for text in warnings]
    facts = ct_facts(ct, QUALITY_RULES.ct)
    flags = ct_flags(facts, {}, Placement({}, {}, {}))
    doubts += [Diagnosis(Outcome.DOUBT, "image", flag.text) for flag in flags]
    return [*doubts, Diagnosis(Outcome.FINE, "contrast phase", PHASE_UNKNOWN)]


def _resampling(ct: Volume, spec: CheckpointSpec) -> str:
    to = " x ".join(f"{mm:g}" for mm in spec.preprocess.spacing_mm)
    stood = f"stood up (axes are more than {OBLIQUE_DEGREES:g} degrees askew), " if is_oblique(ct.grid) else ""
    turned = "" if ct.orientation == spec.preprocess.orientation else f"turned from {ct.orientation}, "
    return f"{stood}{turned}resampled to {to} mm, cropped to the body"
