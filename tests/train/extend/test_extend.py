"""Extending a model: what is kept, what is learned, what is written, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import replace

import pytest
import torch
from extension_cases import KEY, KNOWN, WORDS, made_up_embeddings, place, write_cases  # noqa: F401
from raw_cases import read_toy, toy_recipe, write_toys
from small_models import with_small_second_pass

from omentum import ExtendOptions, Extension, Segmenter, SegmentOptions, extend_model
from omentum.anatomy import STRUCTURES
from omentum.data.store.prepare import prepare
from omentum.data.store.prepare_case import StoreOptions
from omentum.errors import CaseWarning, InputError, OmentumError, UsageError
from omentum.model import load_checkpoint, read_spec, save_checkpoint
from omentum.progress import SilentProgress
from omentum.spec import LINEAGE, Trust
from omentum.text import same_encoder
from omentum.train.extend import extend, forgetting
from omentum.train.extend.comparison import Reference
from omentum.train.extend.extend import ForgettingError
from omentum.train.extend.options import Protection
from omentum.train.stopping import StoppedError

FEW = ("steps=2", "batch=1", "workers=0", "bf16=false", "warmup_steps=1", "subsample_factor=2")
X = torch.rand(1, 1, 32, 32, 32, generator=torch.Generator().manual_seed(3))


def extended(place, out="new.safetensors", parent="parent.safetensors", **changes):  # noqa: F811
    options = {"add": (WORDS,), "data": place / "my.toml", "check": place / "old", "max_growth": 1.0} | changes
    return extend_model(place / parent, place / out, ExtendOptions(**options))


@torch.inference_mode()
def logits(file, classes):
    return load_checkpoint(file)(X, classes)


@pytest.mark.parametrize("protect", ["adapters", "heads"])
def test_known_structures_stay_as_they_were_to_the_bit(place, protect):  # noqa: F811
    found = extended(place, protect=protect)
    assert torch.equal(logits("new.safetensors", [0, 1, 2]), logits("parent.safetensors", [0, 1, 2]))
    assert found.axes.worst_forgetting == 0
    assert found.axes.passes == (2 if protect == "adapters" else 1)
    assert found.axes.parameter_growth > 0
    assert found.axes.replayed_cases == 0
    assert [row.before == row.after for row in found.structures[:3]] == [True] * 3
    assert {row.reference for row in found.structures} == {Reference.TRUTH}


@pytest.mark.parametrize("protect", ["adapters", "pseudo"])
def test_a_second_pass_stays_as_it_is(place, protect):  # noqa: F811
    parent = with_small_second_pass(load_checkpoint("parent.safetensors"), "left_kidney")
    save_checkpoint("both.safetensors", parent)
    extended(place, parent="both.safetensors", protect=protect, anyway=True)
    new = load_checkpoint("new.safetensors")
    assert new.spec.second_pass == parent.spec.second_pass
    told, before = new.second_pass.state_dict(), parent.second_pass.state_dict()
    assert all(torch.allclose(told[name], tensor, atol=1e-3) for name, tensor in before.items())  # kept in float16
    if protect == "adapters":
        assert new.spec.classes[:3] == parent.spec.classes  # trust, too, which the second pass has of its own


def test_the_result_is_an_ordinary_checkpoint(place):  # noqa: F811
    found = extended(place)
    spec = read_spec("new.safetensors")
    assert spec.class_keys == (*KNOWN, KEY)
    assert spec.classes[:3] == read_spec("parent.safetensors").classes
    assert spec.classes[3].prompt == "A computerized tomography of a vermiform appendix"
    assert spec.trust[KEY] in (Trust.WEAK, Trust.NOT_FOUND)  # four steps teach nothing
    assert "CC BY-NC 4.0" in spec.licence
    (step,) = spec.training[LINEAGE]
    assert (step["parent_sha256"], step["added"], step["protect"]) == (found.parent_sha256, [KEY], "adapters")
    assert found.made == ()  # the cases describe it
    assert Extension.from_json(found.to_json()) == found
    STRUCTURES.reset()
    seen = Segmenter("new.safetensors", SegmentOptions(classes=(WORDS, "liver"), engine="torch"))
    case = seen.segment("new/new_0/ct.nii.gz")
    assert case.classes == ("liver", KEY)


def test_a_structure_is_made_for_new_words_that_the_mapping_of_a_pair_uses(place):  # noqa: F811
    number = max(row.index for row in STRUCTURES) + 1
    pairs = [
        f'[[pairs]]\nimage = "new/new_{n}/ct.nii.gz"\nlabels = "new/new_{n}/labels.nii.gz"\n'
        f'mapping = {{{number} = "{WORDS}"}}\n'
        for n in range(2)
    ]
    (place / "pairs.toml").write_text((place / "my.toml").read_text().partition("[[data]]")[0] + "".join(pairs))
    found = extended(place, data=place / "pairs.toml")
    assert found.made == (KEY,)
    row = read_spec("new.safetensors").structures[KEY]
    assert (row["noun"], row["kind"], row["index"]) == (WORDS, "organ", number)
    assert next(change for change in found.structures if change.is_new).reference is Reference.NOTHING


def test_an_extended_model_can_be_extended(place):  # noqa: F811
    extended(place)
    write_cases(place / "third", 3, key="aorta", annotated=("aorta",))
    (place / "third.toml").write_text((place / "my.toml").read_text().replace('"new"', '"third"'))
    how = {"parent": "new.safetensors", "add": ("aorta",), "data": place / "third.toml"}
    extended(place, "kept.safetensors", **how)
    known = [0, 1, 2, 3]
    assert torch.equal(logits("kept.safetensors", known), logits("new.safetensors", known))
    found = extended(place, "trained.safetensors", **how, protect="distil", anyway=True)
    spec = read_spec("trained.safetensors")
    assert [step["added"] for step in spec.training[LINEAGE]] == [[KEY], ["aorta"]]
    assert spec.class_keys == (*KNOWN, KEY, "aorta")
    assert found.structures[3].key == KEY
    assert not found.structures[3].is_new


def test_pseudo_labels_distillation_and_rehearsal_are_trained_with(place):  # noqa: F811
    how = {"check": None, "min_confidence": 0.0, "anyway": True}
    found = extended(place, protect="distil", rehearse=place / "old", validation=1, **how)
    assert found.axes.replayed_cases == 1  # the other one is held out
    assert found.pseudo_labels == dict.fromkeys(KNOWN, 2)
    assert found.axes.parameter_growth == 0
    assert Extension.from_json(json.loads(json.dumps(found.to_json()))) == found
    log = (place / "new.safetensors.run" / "training" / "log.jsonl").read_text()
    assert '"distillation"' in log
    assert {row.reference for row in found.structures} == {Reference.TRUTH}
    alone = extended(place, "b.safetensors", protect="pseudo", **how)
    against = {row.reference for row in alone.structures if not row.is_new}
    assert Reference.PARENT in against
    assert Reference.TRUTH not in against


@pytest.mark.parametrize(("rehearses", "share"), [(False, 0.5), (True, 1.0)])
def test_new_cases_show_the_new_structure(place, monkeypatch, rehearses, share):  # noqa: F811
    shares = []

    def caught(config, sampler, *others, **how):
        shares.append(sampler.structure_shares[0] / sampler.dataset_shares[0])
        return place / "parent.safetensors"

    monkeypatch.setattr(extend, "run_training", caught)
    monkeypatch.setattr(extend, "dice_after", lambda plan, model, cases, before, progress: before)
    monkeypatch.setattr(extend, "write_extended", lambda *what: None)
    rehearse = place / "old" if rehearses else None
    write_cases(place / "both", 3, annotated=(*KNOWN, KEY))
    how = {"data": place / "both", "check": None, "anyway": True, "validation": 1, "settings": FEW}
    extended(place, protect="pseudo", rehearse=rehearse, **how)
    assert shares[0][-1] == pytest.approx(share, abs=0.01)


def test_forgetting_is_refused_and_the_finished_run_is_used_if_told(place, monkeypatch):  # noqa: F811
    figures = iter([0.9, 0.7, 0.7])

    def measured(model, cases, progress=None):
        dice = next(figures)
        return {("liver", Reference.TRUTH): (dice, 2), (KEY, Reference.TRUTH): (0.8, 2)}

    monkeypatch.setattr(forgetting, "measured", measured)
    lost = r"1 known structure lost more than 0.01 Dice \(liver 0.900 to 0.700\)"
    with pytest.raises(ForgettingError, match=lost) as fault:
        extended(place, protect="none")
    assert fault.value.exit_code == 2
    assert fault.value.extension.path is None
    assert not (place / "new.safetensors").exists()
    assert extended(place, protect="none", anyway=True).path == str(place / "new.safetensors")
    trust = read_spec("new.safetensors").trust
    assert trust[KEY] is Trust.UNKNOWN
    assert trust["liver"] is Trust.UNKNOWN  # it was reliable


def test_known_structures_are_measured_before_on_the_cases_that_they_are_measured_on_after(place):  # noqa: F811
    how = {"protect": "none", "anyway": True}
    first = extended(place, check=None, **how)
    assert {row.reference for row in first.structures if not row.is_new} == {Reference.NOTHING}
    (place / "new.safetensors").unlink()
    found = extended(place, **how)  # the finished run is used; now there are cases to check
    assert all(row.before is not None and row.after is not None for row in found.structures)


def test_what_is_trained_on_is_not_measured(place):  # noqa: F811
    write_cases(place / "both", 3, annotated=(*KNOWN, KEY), seed=11)  # the first one is also in old/, as old_1
    with pytest.warns(CaseWarning, match="1 of 2 cases are trained on, such as old_1; they are not measured"):
        extended(place, data=place / "both", validation=1, settings=FEW)
    write_cases(place / "same", 1, annotated=KNOWN, seed=11)
    with pytest.raises(UsageError, match="all of its cases are trained on"):
        extended(place, "b.safetensors", data=place / "both", validation=1, settings=FEW, check=place / "same")


def test_words_of_another_language_model_are_refused(place, monkeypatch):  # noqa: F811
    monkeypatch.setattr(same_encoder, "embed", lambda sentences, encoder: made_up_embeddings(sentences).flip(0, 1))
    with pytest.raises(InputError, match="gives other embeddings than the weights hold"):
        extended(place)
    assert not list(place.glob("new.*"))


class Interrupting(SilentProgress):
    """Ends the process's work politely after some steps, as a user would."""

    def event(self, kind, figures):
        if kind == "advance" and figures["step"] == 3:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("protect", ["adapters", "distil"])
def test_an_interrupted_extension_goes_on_and_ends_alike(place, protect):  # noqa: F811
    options = ExtendOptions(
        *((WORDS,), place / "my.toml", Protection(protect)),
        check=place / "old",
        anyway=True,
        min_confidence=0.0,
        max_growth=1.0,
    )
    with pytest.raises(StoppedError):
        extend_model(place / "parent.safetensors", place / "a.safetensors", options, progress=Interrupting())
    assert not (place / "a.safetensors").exists()
    one = extend_model(place / "parent.safetensors", place / "a.safetensors", options)
    two = extend_model(place / "parent.safetensors", place / "b.safetensors", options)
    assert replace(one, path=two.path) == two
    first, second = (load_checkpoint(name).state_dict() for name in ("a.safetensors", "b.safetensors"))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    changed = replace(options, min_confidence=0.5)
    with pytest.raises(UsageError, match="begun otherwise: min_confidence"):
        extend_model(place / "parent.safetensors", place / "a.safetensors", changed, overwrite=True)
    for changed, said in (
        (replace(options, settings=("steps=8",)), "steps was 4, is 8"),
        (replace(options, rehearse=place / "old"), "rehearse"),
    ):
        with pytest.raises(UsageError, match=f"begun otherwise: {said}") as fault:
            extend_model(place / "parent.safetensors", place / "a.safetensors", changed, overwrite=True)
        assert "init" not in str(fault.value)  # which an extension sets itself


@pytest.mark.filterwarnings("ignore::omentum.errors.CaseWarning")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"add": ("liver",)}, "'liver' is liver, which the model knows already"),
        ({"add": ("kidneys",)}, "several structures, of which the model knows right_kidney, left_kidney"),
        ({"add": ("Leber",)}, "'Leber' is liver, which the model knows already"),
        ({"add": ("tumours",)}, "no usable cases"),
        ({"add": ("spleeen",)}, "nearly spleen"),
        ({"add": ("???",)}, "names no structure"),
        ({"add": ("gallbladder",)}, "no usable cases"),
        ({"add": (" ",)}, "nothing to add"),
        ({"data": None}, "no data"),
        ({"data": "new/new_0/ct.nii.gz"}, "is no text, so it holds no settings"),
        ({"data": "nowhere.toml"}, "no such file"),
        ({"max_forgetting": -1.0}, "max_forgetting"),
        ({"prompt": "no place"}, "no place for the structure"),
        ({"settings": ("backbone=unet",)}, "backbone is residual_unet in the checkpoint, not unet"),
        ({"settings": ("spacing_mm=[6,6,6]",)}, "spacing_mm"),
        ({"settings": ("classes=['liver']",)}, "classes cannot be set"),
        ({"settings": ("organs_per_step=1",)}, "organs_per_step cannot be set"),
        ({"settings": ("steps=0",)}, "steps"),
        ({"rank": 64, "max_growth": 0.01}, "of the network"),
        ({"check": "new.txt"}, "no usable cases"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_nothing_is_written(place, changes, message):  # noqa: F811
    from pathlib import Path

    changes = {k: Path(v) if k in ("data", "check") and v else v for k, v in changes.items()}
    with pytest.raises(OmentumError, match=message.replace("?", r"\?")) as fault:
        extended(place, **changes)
    assert fault.value.exit_code == 2
    assert "\n" not in str(fault.value)
    assert not list(place.glob("new.safetensors"))


def test_outputs_never_replace_inputs(place):  # noqa: F811
    with pytest.raises(OmentumError, match="also the input"):
        extended(place, "parent.safetensors")
    with pytest.raises(OmentumError, match="safetensors"):
        extended(place, "new.pt")
    (place / "new.safetensors").write_text("mine")
    with pytest.raises(OmentumError, match="exists already"):
        extended(place)


def test_new_data_without_a_voxel_of_the_new_structure_are_refused(place):  # noqa: F811
    write_cases(place / "empty", 2, annotated=KNOWN)
    with pytest.raises(InputError, match=f"no training case shows {KEY}: 0 of 1 case annotate it"):
        extended(place, data=place / "empty", validation=1)


def test_stores_are_rehearsed_and_checked_like_folders(place):  # noqa: F811
    cases = write_toys(place / "raw", 3, toy_recipe("apes"))
    prepare(cases, place / "store", StoreOptions(spacing_mm=(3.0, 3.0, 3.0), antialias=True), read=read_toy)
    kept = extended(place, check=place / "store")
    assert {row.cases for row in kept.structures if not row.is_new} == {3}
    how = {"check": None, "anyway": True, "min_confidence": 0.0}
    found = extended(place, "b.safetensors", protect="pseudo", rehearse=place / "store", validation=1, **how)
    assert found.axes.replayed_cases == 2
    assert {row.reference for row in found.structures if not row.is_new} == {Reference.TRUTH}


def test_pseudo_labels_are_made_again_for_a_case_that_changed(place):  # noqa: F811
    extended(place, protect="pseudo", anyway=True, min_confidence=0.0)
    before = set(os.listdir("new.safetensors.run/pseudo"))
    shutil.rmtree("new/new_0")
    shutil.rmtree("new.safetensors.run/training")
    write_cases(place / "more", 1, seed=30)
    shutil.move("more/more_0", "new/new_0")
    (place / "new.safetensors").unlink()
    extended(place, protect="pseudo", anyway=True, min_confidence=0.0)
    assert len(set(os.listdir("new.safetensors.run/pseudo")) - before) == 1
