"""Training of a second pass in one call; implements `omentum train` for a configuration with `[[regions]]`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from omentum.errors import InputError, UsageError
from omentum.formatting import counted
from omentum.infer.device import choose_device
from omentum.model import UniversalModel, load_model
from omentum.model.growth.second_pass import with_second_pass, without_second_pass
from omentum.model.pretrained import weights_sha256
from omentum.model.terms import record as terms_record
from omentum.model.weights import locate
from omentum.progress import SILENT, TrainingListener
from omentum.train.error_messages import translate_torch_errors
from omentum.train.run.data_terms import of_folder
from omentum.train.run.folder import ORGANS, RESULT_FILE, claim, locked
from omentum.train.run.held_out import learned_from
from omentum.train.run.identity import described
from omentum.train.run.start import Start
from omentum.train.second_pass.cases import OrganCase, Where, load_cases
from omentum.train.second_pass.crops import Candidate, CropSampler
from omentum.train.second_pass.implants import Implants
from omentum.train.second_pass.learner import SecondPassLearner
from omentum.train.second_pass.loop import SecondPassRun
from omentum.train.second_pass.network import new_network
from omentum.train.second_pass.organs import OrganFinder
from omentum.train.second_pass.settings import SecondPassConfig
from omentum.train.second_pass.toml_file import load_second_pass
from omentum.train.stopping import StopRequest


def train_second_pass(
    config: SecondPassConfig | str | Path, out: str | Path, *, progress: TrainingListener = SILENT
) -> Path:
    """Train a second pass; an interrupted run in the same folder is resumed.

    Args:
        config: The run, or a TOML file.
        out: Folder of the run; created if missing. What the first pass finds in the cases is kept in it, too.
        progress: Receives progress.

    Returns:
        The checkpoint with both passes, `out/model.safetensors`.

    Raises:
        UsageError: Settings are invalid, the first pass does not know a structure or no case is annotated for one; or
            the folder belongs to another run or is in use.
        InputError: A collection has no usable case.
        CheckpointError: The first pass cannot be read, or all checkpoints of the run are damaged.
        StoppedError: SIGTERM or Ctrl-C; the run is saved.
        TrainingError: The loss is repeatedly not finite, or memory is exhausted.
        OutputError: The folder cannot be written.
    """
    config = config if isinstance(config, SecondPassConfig) else load_second_pass(config)
    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise UsageError("a second pass is trained in one process", remedy="leave torchrun out")
    run, weights = Path(out), locate(config.init)
    loaded = load_model(config.init)
    first = without_second_pass(loaded)  # the organs, and the result, are those of the first alone
    where = _where(config, first)
    torch.manual_seed(config.seed)
    network = new_network(config, loaded, where.classes)
    with_second_pass(first, network, where.regions)  # what does not fit is refused before the run has a folder
    sha256 = weights_sha256(weights)
    with locked(run), translate_torch_errors(run, 0):
        finder = OrganFinder(first, sha256, _organs(where), run / ORGANS)
        cases = [_read(Path(one.folder), where, finder, progress) for one in config.data]
        _check_annotated(where, [case for some in cases for case in some], config)
        names = _distinct([Path(one.folder).name for one in config.data])
        data = {name: {case.name: case.checksum for case in some} for name, some in zip(names, cases, strict=True)}
        identity = {"config": described(config), "classes": list(where.classes), "first_pass": sha256}
        claim(run, identity | {"data": data, "validation": {}})
        learner = SecondPassLearner(network, config, choose_device("auto"))
        record = _record(config, weights, [case for some in cases for case in some])
        with StopRequest() as stop:
            SecondPassRun(learner, first, where.regions, run, progress.event, record).go(_sampler(config, cases), stop)
    progress.note(f"done: {run / RESULT_FILE}")
    return run / RESULT_FILE


def _where(config: SecondPassConfig, first: UniversalModel) -> Where:
    regions = config.region_specs
    classes = tuple(key for region in regions for key in region.classes)
    where = Where(regions, classes, config.preprocess, first.spec.preprocess)
    if strange := [key for key in _organs(where) if key not in first.spec.class_keys]:
        reason = f"does not find {', '.join(strange)}, in which [[regions]] look"
        raise UsageError(reason, source=config.init, remedy="omentum weights info lists what it finds")
    return where


def _organs(where: Where) -> tuple[str, ...]:
    """Keys of all organs, each once."""
    return tuple(dict.fromkeys(key for region in where.regions for key in region.organs))


def _read(folder: Path, where: Where, finder: OrganFinder, progress: TrainingListener) -> tuple[OrganCase, ...]:
    cases = load_cases(folder, where, finder.find, lambda done, of: progress.reading(folder.name, done, of))
    boxes = sum(len(case.boxes) for case in cases)
    progress.note(f"{folder.name}: {counted(len(cases), 'case')}, {boxes} boxes around organs")
    return cases


def _check_annotated(where: Where, cases: Sequence[OrganCase], config: SecondPassConfig) -> None:
    """Refuse classes that nothing is learned of: a second pass replaces what the first finds of them.

    Raises:
        InputError: There are some.
    """
    annotated = {k for case in cases for box in case.boxes for k in box.channels}
    if never := [key for k, key in enumerate(where.classes) if k not in annotated]:
        reason = f"no case is annotated for {', '.join(never)} near an organ that {config.init} finds"
        raise InputError(reason, remedy="add cases to [[data]], or leave these classes out of [[regions]]")


def _distinct(names: Sequence[str]) -> list[str]:
    """Names with a number where one occurs again."""
    return [name if name not in names[:n] else f"{name} ({names[:n].count(name) + 1})" for n, name in enumerate(names)]


def _sampler(config: SecondPassConfig, cases: Sequence[Sequence[OrganCase]]) -> CropSampler:
    candidates = [
        Candidate(case.name, box, one.weight)
        for one, some in zip(config.data, cases, strict=True)
        for case in some
        for box in case.boxes
    ]
    return CropSampler(
        candidates,
        [region.weight for region in config.regions],
        config.foreground_probability,
        config.crop,
        [region.preprocess(config.preprocess) for region in config.region_specs],
        config.seed,
        Implants(
            config.implant_probability,
            [region.implanted for region in config.regions],
            tuple(key for region in config.region_specs for key in region.classes),
        ),
    )


def _record(config: SecondPassConfig, weights: Path, cases: Sequence[OrganCase]) -> dict[str, Any]:
    """The scans and licences that both passes are made from; JSON-serialisable."""
    start = Start.of_file(weights)
    terms = [*start.terms, *(term for one in config.data for term in of_folder(Path(one.folder), one.licence))]
    return learned_from(cases, start) | terms_record(terms)
