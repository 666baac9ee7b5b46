"""A run learns what it was told to, and its weights say what that means."""

import dataclasses

import numpy as np
import pytest
import torch
from own_structures import KEYS, PAIR, many, written
from toy_cases import toy_volume
from toy_run import changed, run, sampler

from omentum.anatomy import STRUCTURES
from omentum.data.sampling.cases import labelled_case
from omentum.data.sampling.class_sets import unpack
from omentum.data.sampling.sampler import PatchSource
from omentum.errors import UsageError
from omentum.segmentation import Segmentation
from omentum.train import fresh_model
from omentum.train.classes import run_classes
from omentum.train.config.toml_file import load_config, parse_settings
from omentum.train.run.identity import differences, run_identity


@pytest.fixture
def prompts(monkeypatch):
    """The sentences a fresh model asks embeddings of, made up ones given."""
    asked: list[str] = []

    def made_up(sentences, encoder):
        asked.extend((encoder, sentence) for sentence in sentences)
        return torch.randn(len(sentences), 16, generator=torch.Generator().manual_seed(0))

    monkeypatch.setattr(fresh_model, "embed", made_up)
    return asked


def own_case(seed, classes):
    """A toy whose kidneys a user calls something else."""
    ct, truth = toy_volume(seed)
    names = {"right_kidney": PAIR[0], "left_kidney": PAIR[1], "liver": "vertebra_L1"}
    masks = {name: truth.mask(key) for key, name in names.items()} | {"liver": truth.mask("liver")}
    return labelled_case(
        f"own_{seed}", ct, Segmentation.from_masks(masks, ct.affine), classes, np.random.default_rng(0)
    )


def test_by_default_everything_is_learned(tmp_path):
    assert run_classes(changed()) == STRUCTURES.default_keys
    assert run_classes(changed(structures=str(written(tmp_path)))) == (*STRUCTURES.default_keys, *KEYS)


def test_groups_of_the_command_line_hold_structures_of_ones_own(tmp_path):
    settings = ['classes=["all organs"]', f"structures={written(tmp_path)}"]
    config = load_config("smoke", parse_settings(settings), [tmp_path])
    classes = run_classes(config)
    assert {"liver", "vertebra_L1", *PAIR} <= set(classes)
    assert not {"liver_tumour", "aorta", "gluteus_sarcoma"} & set(classes)


def test_classes_may_be_chosen_by_any_word_in_any_order(tmp_path):
    config = changed(
        structures=str(written(tmp_path)), classes=("vertebrae L1", "gluteus maximus", "liver", "vertebra_L1")
    )
    assert run_classes(config) == ("vertebra_L1", *PAIR, "liver")
    with pytest.raises(UsageError, match="unknown structure 'gluteus minor'"):
        run_classes(changed(classes=("gluteus minor",)))
    with pytest.raises(UsageError, match="classes are names"):
        changed(classes=(3,))


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        ("V1", "A photo of a first lumbar vertebra"),
        ("V2", "There is first lumbar vertebra in this computerized tomography"),
        ("V3", "A computerized tomography of a first lumbar vertebra"),
        ("CT: [CLS].", "CT: first lumbar vertebra."),
        ("{noun}", "first lumbar vertebra"),
    ],
)
def test_prompt_and_encoder_are_settings_and_stay_with_the_weights(tmp_path, prompts, choice, sentence):
    config = changed(structures=str(written(tmp_path)), classes=("vertebra_L1",), prompt=choice, text_encoder="any/one")
    model = fresh_model.new_model(config)
    assert prompts == [("any/one", sentence)]
    assert [c.prompt for c in model.spec.classes] == [sentence]
    assert model.spec.text_encoder == "any/one"


@pytest.mark.parametrize("template", ["V4", "a liver", "{noun} in {noun}", "{organ}"])
def test_a_prompt_needs_one_place_for_the_structure(template):
    with pytest.raises(UsageError, match="has no place for the structure"):
        changed(prompt=template)


def test_own_structures_alone_are_learned_with_sides_and_come_out_of_the_weights(tmp_path, prompts):
    config = changed(
        structures=str(written(tmp_path)),
        classes=("gluteus maximus", "vertebra_L1"),
        augmentation=dataclasses.replace(changed().augmentation, flip=0.5),
    )
    classes = run_classes(config)
    cases = tuple(own_case(seed, classes) for seed in range(2))
    source = dataclasses.replace(sampler(config), sources=(PatchSource("own", cases),), classes=classes)
    trained, events = run(config, tmp_path / "run", sampler=source, model=fresh_model.new_model(config))
    assert trained.spec.class_keys == ("gluteus_maximus_right", "gluteus_maximus_left", "vertebra_L1")
    assert set(trained.spec.structures) == set(classes)
    assert trained(torch.rand(1, 1, 32, 32, 32)).shape == (1, 3, 32, 32, 32)
    assert all(np.isfinite(float(f["loss"])) for kind, f in events if kind == "step")


def test_a_flip_exchanges_the_sides_of_a_users_pair(tmp_path):
    classes = run_classes(changed(structures=str(written(tmp_path)), classes=("gluteus maximus", "vertebra_L1")))
    flips = (0.0, 1.0)
    how = {flip: dataclasses.replace(changed(), augmentation=_nothing_but(flip)) for flip in flips}
    source = (PatchSource("own", (own_case(0, classes),)),)
    plain, flipped = (
        dataclasses.replace(sampler(how[f]), sources=source, classes=classes).batch(range(4)) for f in flips
    )
    before, after = plain.truth.masks(), flipped.truth.masks()
    assert before[0].any()
    assert torch.equal(after[0], before[1].flip(1))
    assert torch.equal(after[1], before[0].flip(1))
    assert torch.equal(after[2], before[2].flip(1))


def _nothing_but(flip):
    how = dict.fromkeys(("elastic", "slab", "bias", "noise", "contrast", "coarse", "blur", "gamma"), 0)
    return dataclasses.replace(
        changed().augmentation, rotation_deg=0.0, scale=(1.0, 1.0), structure_hu=(0.0, 0.0), flip=flip, **how
    )


def test_a_case_has_as_many_classes_as_a_user(tmp_path):
    keys = many(tmp_path)
    classes = (*STRUCTURES.default_keys, *keys)
    ct, truth = toy_volume(0)
    masks = {"liver": truth.mask("liver"), keys[5]: truth.mask("left_kidney"), keys[-1]: truth.mask("liver_tumour")}
    case = labelled_case("many", ct, Segmentation.from_masks(masks, ct.affine), classes, np.random.default_rng(0))
    assert case.sets.shape[1] == len(classes) == 149
    found = unpack(torch.from_numpy(case.labels.astype(np.int32)), torch.from_numpy(case.sets))
    for key, mask in masks.items():
        assert np.array_equal(found[classes.index(key)].numpy(), mask)
    assert int(found.sum()) == sum(int(mask.sum()) for mask in masks.values())


def test_another_definition_is_another_run(tmp_path):
    config = changed(structures=str(written(tmp_path)), classes=("vertebra_L1",))
    before = run_identity(config, run_classes(config), (), ())
    assert differences(before, run_identity(config, run_classes(config), (), ())) == []
    STRUCTURES.reset()
    other = changed(structures=str(written(tmp_path, '[vertebra_L1]\nnoun = "L1"')), classes=("vertebra_L1",))
    assert differences(before, run_identity(other, run_classes(other), (), ())) == [
        "the structures are defined otherwise"
    ]
    assert "structures" not in run_identity(changed(), ("liver",), (), ())
