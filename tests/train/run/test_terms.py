"""Weights are under the terms of what they were made from."""

import json

import pytest
from raw_cases import read_toy, toy_recipe, write_toys
from toy_cases import toy_volume
from toy_run import changed, model, run

from omentum.anatomy import STRUCTURES
from omentum.cli import main
from omentum.data.datasets.recipe_catalogue import bundled_recipes
from omentum.data.store.prepare import prepare
from omentum.data.store.prepare_case import StoreOptions
from omentum.io.truth import write_case
from omentum.model import read_spec, save_checkpoint
from omentum.model.catalogue import origin
from omentum.model.terms import OUR_CITATION, OUR_LICENCE, Terms, citation_of, licence_of, of_weights, under
from omentum.train.config.case_collections import DataConfig
from omentum.train.config.settings import TrainConfig
from omentum.train.run.sources import load_sources

LITS = Terms("LiTS", "CC BY-NC-SA 4.0", "Bilic et al.")
AMOS = Terms("AMOS22", "CC BY 4.0", "Ji et al.")
KITS = Terms("KiTS19", "CC BY-NC-SA 4.0")
FLARE = Terms("FLARE22", "see the challenge's terms")
WORD = Terms("WORD", "GPL-3.0, research only")
IRCAD = Terms("3D-IRCADb-01", "CC BY-NC-ND 3.0")
MINE = Terms("mine")


@pytest.mark.parametrize(
    ("terms", "licence"),
    [
        ([], OUR_LICENCE),
        ([AMOS], "CC BY 4.0 (AMOS22)"),
        ([AMOS, LITS, KITS], "CC BY-NC-SA 4.0 (LiTS, KiTS19)"),
        ([AMOS, FLARE, MINE], "CC BY 4.0 (AMOS22); terms not known: FLARE22 (see the challenge's terms), mine"),
        ([WORD, LITS], "GPL-3.0, research only (WORD); CC BY-NC-SA 4.0 (LiTS)"),
        ([LITS, IRCAD], "CC BY-NC-SA 4.0 (LiTS); CC BY-NC-ND 3.0 (3D-IRCADb-01)"),
        ([Terms("public", "CC0"), AMOS], "CC0 (public); CC BY 4.0 (AMOS22)"),
        ([MINE], "terms not known: mine"),
        ([Terms("a", "CC BY, not for commercial use"), AMOS], "CC BY, not for commercial use (a)"),
        ([Terms("b", "CC BY 4.0; academic use only"), AMOS], "CC BY 4.0; academic use only (b)"),
        ([Terms("c", "cc_by_nc_4.0"), AMOS], "cc_by_nc_4.0 (c)"),
    ],
)
def test_the_licences_that_ask_for_most_are_named(terms, licence):
    assert licence_of(terms) == licence


def test_what_the_recipes_state_is_understood_or_sends_elsewhere():
    unknown = {
        recipe.key
        for recipe in bundled_recipes().values()
        if not Terms(recipe.title, recipe.licence).stated and "see the" not in recipe.licence
    }
    assert unknown == {"btcv"}  # one licence for images, an address for the extra labels


def test_everything_is_cited_once():
    assert citation_of([LITS, AMOS, LITS, MINE]) == f"{OUR_CITATION}; Bilic et al.; Ji et al."


def data_of(tmp_path, *recipes):
    for recipe in recipes:
        prepare(
            write_toys(tmp_path / recipe.key, 1, recipe),
            tmp_path / "store",
            StoreOptions(spacing_mm=(3.0, 3.0, 3.0), antialias=True),
            read=read_toy,
        )
    return DataConfig(store=str(tmp_path / "store"))


def licence_after(*data, **how):
    config = TrainConfig(data=data, **how)
    return under(model().spec, load_sources(config, STRUCTURES.keys).record).licence


def recipe(key, licence):
    return type(toy_recipe(key))(**{**vars(toy_recipe(key)), "title": key.upper(), "licence": licence})


def test_a_store_states_the_terms_of_its_datasets(tmp_path):
    store = data_of(tmp_path, recipe("apes", "CC BY 4.0"), recipe("bees", "CC BY-NC 4.0"))
    assert licence_after(store) == "CC BY-NC 4.0 (BEES)"
    assert licence_after(DataConfig(store=store.store, licence="MIT")) == "MIT (store)"


@pytest.mark.parametrize(
    ("facts", "licence", "told"),
    [
        ({"body": "procedural"}, "", OUR_LICENCE),
        ({"body": "restyled"}, "", "terms not known: cases"),
        ({}, "", "terms not known: cases"),
        ({}, "CC BY 4.0", "CC BY 4.0 (cases)"),
    ],
)
def test_a_folder_states_what_its_owner_says(tmp_path, facts, licence, told):
    write_case(tmp_path / "cases/one", *toy_volume(), facts)
    assert licence_after(DataConfig(folder=str(tmp_path / "cases"), licence=licence)) == told


@pytest.mark.filterwarnings("ignore::omentum.errors.CaseWarning")
def test_weights_inherit_the_terms_of_their_start(tmp_path):
    write_case(tmp_path / "cases/one", *toy_volume(), {"body": "procedural"})
    published = origin("clip-driven-universal-model")
    start = model()
    start.spec = type(start.spec)(
        **{**vars(start.spec), "licence": f"{published.licence}: {published.terms}", "citation": published.citation}
    )
    save_checkpoint(tmp_path / "a.safetensors", start)
    folder, init = DataConfig(folder=str(tmp_path / "cases")), str(tmp_path / "a.safetensors")
    assert licence_after(folder, init=init) == "CC-BY-NC-ND-4.0 (a.safetensors)"
    assert licence_after(folder) == licence_after(folder, init="default") == OUR_LICENCE
    assert "CC-BY-NC-ND-4.0" in model(changed(init=init)).spec.licence
    assert licence_of(of_weights("public.pt", None)) == "terms not known: public.pt"


def test_a_checkpoint_says_so_and_weights_info_shows_it(tmp_path, capsys):
    record = {"terms": [vars(LITS), vars(AMOS)], "trained_on": []}
    run(changed(steps=1), tmp_path / "run", record=record)
    spec = read_spec(tmp_path / "run/model.safetensors")
    assert (spec.licence, spec.citation) == ("CC BY-NC-SA 4.0 (LiTS)", f"{OUR_CITATION}; Bilic et al.; Ji et al.")
    assert of_weights("a", spec) == [LITS, AMOS]
    assert main(["weights", "info", str(tmp_path / "run/model.safetensors")]) == 0
    told = capsys.readouterr().out
    assert "licence: CC BY-NC-SA 4.0 (LiTS)" in told
    assert "Ji et al." in told
    assert main(["weights", "info", "--json", str(tmp_path / "run/model.safetensors")]) == 0
    assert json.loads(capsys.readouterr().out)["training"]["terms"][1]["licence"] == "CC BY 4.0"


def test_stating_a_licence_makes_no_other_run(tmp_path):
    run(changed(steps=1), tmp_path)
    run(changed(steps=1, data=(DataConfig("unused", licence="MIT"),)), tmp_path)
