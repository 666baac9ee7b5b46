"""From a CT to its segmentation: defines the order of the stages."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from omentum.anatomy.vocabulary import How, Understanding
from omentum.errors import warn_of_case
from omentum.infer.averaging import mean_probability
from omentum.infer.device import choose_device
from omentum.infer.engines import Engine, check_engine
from omentum.infer.engines.forks import refuse_after_fork
from omentum.infer.maps import check_kind
from omentum.infer.sliding import Predictor, Progress, WindowRun
from omentum.infer.windows import WindowPlan, plan_windows
from omentum.io.scan_grid import check_orientation
from omentum.model import UniversalModel, load_model
from omentum.model.soup import SOUP
from omentum.pipeline.case import CaseSegmentation
from omentum.pipeline.ensemble import (
    Weights,
    all_classes,
    as_tuple,
    classes_of,
    describe_ensemble,
    largest_minimum_ml,
    mean_thresholds,
    together,
    trained_on,
    worst_trust,
)
from omentum.pipeline.finishing import PredictedCase, finish_case
from omentum.pipeline.inference import InferencePlan, Prediction
from omentum.pipeline.manifest import describe_machine, describe_weights
from omentum.pipeline.mirror import MirrorCheck, check_mirror_image
from omentum.pipeline.options import SegmentOptions
from omentum.pipeline.options_used import describe_options
from omentum.pipeline.passes import PassClasses, SecondPass
from omentum.pipeline.predictor import SharedNetwork, engine_for, logits_dtype, predictor
from omentum.pipeline.reading import PreparedInput, PreprocessSpecs, prepare_case, read_case
from omentum.pipeline.region_of_interest import Locator, infer_case, no_locator_reason
from omentum.pipeline.thresholds import check_thresholds, settle_thresholds
from omentum.postprocess import find_cleaner
from omentum.preprocess.upright import upright
from omentum.spec import Trust
from omentum.volume import Volume
from omentum.words import chosen, explain_words, guesses_in, keys_of, some, structures_in

Image = str | os.PathLike[str] | Volume | Any
"""A path (NIfTI, NRRD, MetaImage, or a folder with a DICOM series), a `Volume`, an image of nibabel, SimpleITK or
MONAI, or a pair (array, affine); see `omentum.io.objects.as_volume`."""


class Segmenter:
    """A model, loaded once, for any number of CTs; can be shared by threads.

    Args:
        weights: A name (`omentum weights list`), a checkpoint file, or a model that is already loaded; or several of
            these, which are averaged (`SegmentOptions.average`).
        options: See `SegmentOptions`.

    Raises:
        UsageError: unknown class, device, engine, profile, precision or post-processing, invalid threshold, or a class
            the weights do not have. (Checks that need the weights are made on first use.)
    """

    def __init__(self, weights: Weights | Sequence[Weights] = "default", options: SegmentOptions | None = None) -> None:
        self.options = options or SegmentOptions()
        self.device = choose_device(self.options.device)
        self.profile = self.options.resolved_profile()
        find_cleaner(self.options.postprocess)
        check_engine(self.options.engine, self.device)
        check_thresholds(self.options.threshold)
        check_kind(self.options.probabilities)
        if self.options.assume_orientation is not None:
            check_orientation(self.options.assume_orientation)
        self._run = WindowRun(self.device, self.options.batch_size)
        self._weights = as_tuple(weights)
        self._locator = Locator(self.device)
        self._loading = threading.RLock()
        self.understood: tuple[Understanding, ...] = ()
        if self.options.classes is not None:
            self.understood = self._understood(self.options.classes)

    @cached_property
    def models(self) -> list[UniversalModel]:
        """The models on their device; loaded on first use."""
        found = [load_model(w, self.device) if isinstance(w, (str, Path)) else w for w in self._weights]
        return [model.to(self.device).eval() for model in together(found, self._weights, self.options.average)]

    @property
    def model(self) -> UniversalModel:
        """The first of the models; the others have the same grid."""
        return self.models[0]

    def _understood(self, names: Iterable[str]) -> tuple[Understanding, ...]:
        """What names mean, including structures defined only by the weights; one at least."""
        has_files = any(isinstance(w, (str, Path)) and Path(w).is_file() for w in self._weights)
        found = explain_words(names, nearest=False)
        if has_files and any(one.how is not How.EXACT for one in found):
            self.model  # noqa: B018
        understood = structures_in(names)
        for line in guesses_in(understood):
            warn_of_case(line, stacklevel=3)
        some(keys_of(understood))
        return understood

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Keys of the structures this segmenter finds, in the order of the weights; those of any of several."""
        known = all_classes(self.models)
        return known if self.options.classes is None else chosen(self.understood, known)

    @cached_property
    def thresholds(self) -> dict[str, float]:
        """Probability above which a voxel belongs to each of `classes`; the mean over several models."""
        known = mean_thresholds(self.models)
        usual = {key: known[key] for key in self.classes}
        return settle_thresholds(usual, self.options.threshold, lambda name: keys_of(structures_in([name])))

    @cached_property
    def minimum_ml(self) -> dict[str, float]:
        """Volume below which a component of one of `classes` is removed, where weights ask; the largest of several."""
        asked = largest_minimum_ml(self.models)
        return {key: asked[key] for key in self.classes if key in asked}

    @cached_property
    def trust(self) -> dict[str, Trust]:
        """Reliability of the weights for each of `classes`; the worst of several models."""
        known = worst_trust(self.models)
        return {key: known[key] for key in self.classes}

    @cached_property
    def engines(self) -> list[Engine]:
        """The engine of each model that has a requested class; compiled on first use."""
        how = (self.device, self.profile, self.options.engine)
        return [engine_for(model, classes, *how) for model, classes in self._members]

    @property
    def engine(self) -> Engine:
        """The engine that runs the first model."""
        return self.engines[0]

    @cached_property
    def _passes(self) -> PassClasses:
        """Which classes are computed by which pass."""
        return PassClasses.of(self.model.spec, self.classes)

    @cached_property
    def _members(self) -> list[tuple[UniversalModel, tuple[str, ...]]]:
        """The models that have a class of the first pass, with those they have."""
        each = [(model, classes_of(model, self._passes.first)) for model in self.models]
        return [(model, classes) for model, classes in each if classes]

    @cached_property
    def _predictor(self) -> Predictor:
        each = zip(self.engines, self._members, strict=True)
        places = [[self._passes.first.index(key) for key in classes] for _, classes in self._members]
        found = [predictor(engine, model, classes, self.profile) for engine, (model, classes) in each]
        return mean_probability(found, places)

    @cached_property
    def _second_network(self) -> SharedNetwork | None:
        """The network of the second pass, for all of its classes; None if no requested class needs one."""
        network = self.model.second_pass if self._passes.second else None
        how = (self.device, self.profile, self.options.engine)
        return None if network is None else SharedNetwork(network, *how)

    @cached_property
    def _second_pass(self) -> SecondPass | None:
        """The second pass; None if no requested class needs one."""
        spec, network = self.model.spec.second_pass, self._second_network
        if spec is None or network is None:
            return None
        thresholds = {key: self.thresholds[key] for key in self._passes.second}
        run = replace(self._run, sums=logits_dtype(self.profile))
        return SecondPass(spec, cache(network), thresholds, run, self.profile.overlap, self.options.probabilities)

    @cached_property
    def weights_description(self) -> dict[str, Any]:
        """Entry of the manifest that identifies the weights."""
        if len(self.models) < len(self._weights):
            soup = self.models[0]
            return {**describe_weights("", soup), "name": None, "soup": soup.spec.training[SOUP]["members"]}
        return describe_ensemble(self._weights, self.models)

    @cached_property
    def specs(self) -> PreprocessSpecs:
        """Preprocessing specifications for a CT."""
        locates = no_locator_reason(self.options, self.model.spec, self._locator) is None
        return PreprocessSpecs(self.model.spec.preprocess, self._locator.model.spec.preprocess if locates else None)

    def sharing(self, options: SegmentOptions) -> Segmenter:
        """A segmenter for other options with the same models in memory.

        Args:
            options: The device and `average` are those of this one.

        Raises:
            UsageError: as for a new one.
        """
        other = Segmenter(self._weights, options)
        other.models = self.models
        how = [(one.device, one.profile, one.options.engine, one.classes) for one in (self, other)]
        if how[0] == how[1]:
            other.engines, other._second_network = self.engines, self._second_network
        return other

    def load(self) -> None:
        """Load and check the weights now, so that their errors are not reported as errors of a case.

        Raises:
            UsageError: a class the weights do not have, or a threshold for a class that is not requested.
            CheckpointError: the weights cannot be used.
            MissingDependencyError: the requested engine is not installed.
        """
        refuse_after_fork()
        with self._loading:  # if threads share it, one waits for the other to load
            self.classes, self.thresholds, self.specs, self._predictor, self.weights_description  # noqa: B018
            if self._second_network is not None:
                self._second_network.engine  # noqa: B018
            if self.specs.locator is not None:
                self._locator.model  # noqa: B018

    def described_options(self) -> dict[str, Any]:
        """Everything that determines the result, see `describe_options`."""
        usual = mean_thresholds(self.models)
        return describe_options(self.options, self.profile, self.thresholds, usual, self.trust, self.minimum_ml)

    def segment(self, image: Image, *, progress: Progress | None = None) -> CaseSegmentation:
        """Segment one CT.

        Args:
            image: A file, or an image in HU with geometry in memory; see `Image`.
            progress: Called with (windows done, windows in total).

        Raises:
            InputError: the image cannot be used; see `load_volume` and `check_ct`.
            CheckpointError: the weights cannot be used.
            UsageError: `image` has no geometry; or this process was forked after its parent had used torch.
        """
        refuse_after_fork()
        case = read_case(image, self.options)
        with case.run_record.capture_warnings(), case.run_record.stage("load_weights"):
            self.load()
            specs = self.specs
        return finish_case(self.predict(prepare_case(case, specs), progress=progress), self.options.postprocess)

    def predict(self, ready: PreparedInput, *, progress: Progress | None = None) -> PredictedCase:
        """Run the network on a prepared CT; see `segment`."""
        case, run_record, prepared = ready.case, ready.case.run_record, ready.prepared
        with run_record.capture_warnings(), run_record.track_device_memory(self.device):
            with run_record.stage("load_weights"):
                self.load()
                plan = self._inference_plan(ready, progress)
            locator = self._locator if ready.coarse is not None else None
            reason = no_locator_reason(self.options, self.model.spec, self._locator)
            found, located = infer_case(ready, plan, locator, reason)
            with run_record.stage("mirror"):
                mirror = self._mirror(ready, plan, found, whole=not located["used"])
            second: dict[str, Any] = {}
            if self._second_pass is not None:
                with run_record.stage("second_pass"):
                    standing = upright(case.ct, self.model.spec.preprocess)
                    found, record = self._second_pass.add_to(found, self._passes.all, standing)
                second = {"second_pass": record}
        manifest = {
            "input": case.description,
            "weights": self.weights_description | trained_on(case.ct, self.models),
            "options": self.described_options(),
            "model_grid": {"shape": prepared.undo.model.shape, "windows": len(plan.windows)},
            "engine": {"name": self.engine.name, "precision": self.engine.precision},
            "locate": located,
            "mirror": mirror.to_json(),
            **second,
            **describe_machine(self.device),
        }
        return PredictedCase(
            *(case.ct, found, self._passes.all, manifest, run_record, self.minimum_ml),
            wanted=len(self.classes),
            exclusive=bool(second and second["second_pass"]["organs"]),
        )

    def _inference_plan(self, ready: PreparedInput, progress: Progress | None) -> InferencePlan:
        patch = self.model.spec.preprocess.patch
        windows: WindowPlan = plan_windows(ready.prepared.undo.model.shape, patch, self.profile.overlap)
        run = replace(self._run, progress=progress, sums=logits_dtype(self.profile))
        thresholds = self._passes.first_thresholds(self.model.spec, self.thresholds)
        return InferencePlan(self._predictor, thresholds, windows, run, self.options.probabilities, self._passes.all)

    def _mirror(self, ready: PreparedInput, plan: InferencePlan, found: Prediction, *, whole: bool) -> MirrorCheck:
        """See `check_mirror_image`; not possible for a part of a scan or with flips along x."""
        if not whole or "x" in self.profile.flips:
            return MirrorCheck(False, {}, False)
        return check_mirror_image(ready.prepared, plan, found.confidence)
