"""Average the weights of trained models to one checkpoint, in one call; implements `omentum weights average`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

import torch

from omentum.data.sampling.cases import LabelledCase
from omentum.data.sampling.load import load_folder
from omentum.data.sampling.load_store import load_store
from omentum.data.sampling.measurable import measurable
from omentum.data.splits.division import Division, ScanOfDataset
from omentum.data.splits.split import Split
from omentum.data.store.store import MANIFEST
from omentum.errors import InputError, UsageError
from omentum.formatting import listed
from omentum.model import UniversalModel, load_model, save_checkpoint
from omentum.model.growth.second_pass import first_pass_of
from omentum.model.safetensors_file import read_header
from omentum.model.soup import SOUP, average_models, common_start, distinct_names, member, refuse_same
from omentum.model.weights import locate
from omentum.output_checks import check_output
from omentum.progress import SILENT, TrainingListener
from omentum.train.run.start import Start
from omentum.train.soup_options import SoupKind, SoupOptions
from omentum.train.validate import case_dice, mean_of_cases


@dataclass(frozen=True)
class Soup:
    """A checkpoint of averaged weights.

    Args:
        path: The file.
        members: Names of the weights that were averaged.
        left_out: Names of those that were not.
        member_dice: With a check: name -> mean Dice of each of the weights alone.
        dice: With a check: mean Dice of the soup; None without.
    """

    path: Path
    members: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    member_dice: Mapping[str, float] = field(default_factory=dict)
    dice: float | None = None


def average_weights(
    weights: Sequence[str | Path],
    out: str | Path,
    *,
    options: SoupOptions | None = None,
    overwrite: bool = False,
    progress: TrainingListener = SILENT,
) -> Soup:
    """Write the mean of the weights of several checkpoints of one architecture, class list and language model.

    A greedy soup (Wortsman et al., ICML 2022, section 2) begins with the best of the weights and adds the others, in
    the order of their own Dice, where the mean Dice of the cases of the check does not fall. The record in the
    checkpoint names the members, the scans and licences of all of them, and the check; its trust is unknown, its
    thresholds 0.5.

    Args:
        weights: Names or files, at least two.
        out: `.safetensors` file to write.
        options: See `SoupOptions`.
        overwrite: Whether an existing file may be replaced.
        progress: Receives progress.

    Raises:
        UsageError: The weights do not go together, options are invalid, or a case of the check was trained on.
        CheckpointError, InputError: Weights or cases cannot be read.
        OutputError: The file cannot be written.

    Warns:
        CaseWarning: Weights have a second pass, which is left out.

    Example:
        >>> omentum.average_weights(["a.safetensors", "b.safetensors"], "soup.safetensors")
    """
    options, target, paths = options or SoupOptions(), Path(out), [locate(name) for name in weights]
    if target.suffix != ".safetensors":
        raise UsageError("the output is a .safetensors file", source=target)
    check_output(target, inputs=paths, overwrite=overwrite)
    names = distinct_names(paths)
    models = [first_pass_of(load_model(path), name) for path, name in zip(paths, names, strict=True)]
    whole = average_models(models, names)  # also says whether they go together
    refuse_same(models, names)
    if common_start(models) is None:
        progress.note("the weights do not name a common start; the mean of separate trainings is usually worth nothing")
    if options.check is None:
        progress.note("not checked: evaluate the result before it is used")
        soup, kept, alone, dice = whole, names, dict[str, float](), None
    else:
        cases = _cases(options, models[0], progress)
        _refuse_seen(cases, paths)
        soup, kept, alone, dice = _chosen(models, names, whole, _Check(cases, progress), options.kind)
    left_out = [name for name in names if name not in kept]
    soup.spec = replace(soup.spec, training=_record(soup, options, (kept, left_out), alone, dice))
    narrow = all("F16" in read_header(path).dtypes.values() for path in paths)
    save_checkpoint(target, soup, torch.float16 if narrow else torch.float32)
    return Soup(target, tuple(kept), tuple(left_out), alone, dice)


_Chosen = tuple[UniversalModel, list[str], dict[str, float], float | None]


@dataclass(frozen=True)
class _Check:
    """The mean Dice of a model over some cases: over structures, of the mean over cases."""

    cases: Sequence[LabelledCase]
    progress: TrainingListener

    def dice(self, model: UniversalModel, name: str) -> float:
        def each() -> Iterator[tuple[str, float]]:
            for number, case in enumerate(self.cases):
                self.progress.reading(name, number, len(self.cases))
                yield from case_dice(model, case, bf16=False).items()

        means = mean_of_cases(each())
        if not means:
            raise InputError("no case of the check has a structure of the weights", remedy="check on other cases")
        return fmean(mean for mean, _ in means.values())


def _chosen(
    models: Sequence[UniversalModel], names: list[str], whole: UniversalModel, check: _Check, kind: SoupKind
) -> _Chosen:
    alone = {name: check.dice(model, name) for model, name in zip(models, names, strict=True)}
    for name, dice in alone.items():
        check.progress.note(f"{name}: mean Dice {dice:.4f}")
    if kind is SoupKind.UNIFORM:
        return whole, names, alone, check.dice(whole, "all")
    order = sorted(range(len(names)), key=lambda k: -alone[names[k]])
    kept, soup, best = order[:1], models[order[0]], alone[names[order[0]]]
    for k in order[1:]:
        tried = average_models([models[i] for i in (*kept, k)], [names[i] for i in (*kept, k)])
        dice = check.dice(tried, f"with {names[k]}")
        check.progress.note(f"with {names[k]}: mean Dice {dice:.4f}, {'taken' if dice >= best else 'left out'}")
        if dice >= best:
            kept, soup, best = [*kept, k], tried, dice
    return soup, [names[k] for k in kept], alone, best


def _cases(options: SoupOptions, model: UniversalModel, progress: TrainingListener) -> list[LabelledCase]:
    """The cases of the check on the model grid, in memory."""
    place, spec = options.check, model.spec
    assert place is not None
    names = None if options.split is None else frozenset(Split.read(options.split).names(options.part))

    def wanted(cases: Sequence[ScanOfDataset]) -> Division:
        here = frozenset(case.name for case in cases)
        return Division(frozenset(), here if names is None else here & names)

    if (place / MANIFEST).exists():
        _, cases = load_store(place, spec.class_keys, spec.preprocess, wanted)
    else:
        cases = load_folder(place, spec.class_keys, spec.preprocess)
        cases = tuple(case for case in cases if names is None or case.name in names)
    cases, remark = measurable(cases, spec.class_keys)
    if remark:
        progress.note(remark)
    if not cases:
        raise UsageError("has no case of that part of the split", source=place, remedy="the data it was made of")
    return list(cases)


def _refuse_seen(cases: Sequence[LabelledCase], paths: Sequence[Path]) -> None:
    """Refuse to choose by cases that one of the weights was trained on."""
    for path in paths:
        start = Start.of_file(path)
        seen = [case.name for case in cases if start.has_seen(case)]
        if seen:
            remedy = "check on cases that were held out: --split FILE --part validation"
            raise UsageError(f"was trained on {listed(seen, 1)}, of the cases of the check", source=path, remedy=remedy)


def _record(
    soup: UniversalModel,
    options: SoupOptions,
    kept_and_left: tuple[Sequence[str], Sequence[str]],
    alone: Mapping[str, float],
    dice: float | None,
) -> dict[str, object]:
    kept, left_out = kept_and_left
    # A greedy soup of the best one alone is that model, as it was.
    averaged = soup.spec.training.get(SOUP) or {"members": [member(soup, kept[0])]}
    about: dict[str, object] = {"kind": str(options.kind), **averaged}
    if left_out:
        about["left_out"] = list(left_out)
    if dice is not None:
        about["check"] = {"dice": round(dice, 5), "members": {name: round(one, 5) for name, one in alone.items()}}
    return {**soup.spec.training, SOUP: about}
