"""The JSON Schema of a recipe: what editors complete and check with."""

import copy
from functools import cache
from types import SimpleNamespace

import pytest
import yaml
from conftest import ROOT
from hypothesis import given, settings, strategies as st
from jsonschema import Draft202012Validator

from textforge import PluginManager, RecipeError, hookimpl, load_recipe
from textforge.recipes.document import read_document
from textforge.recipes.schema import recipe_schema

RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
FINE = {
    "dataset": {"use": "csv", "train": "a.csv"},
    "vectorizer": "bow",
    "model": {"use": "mlp", "hidden": [100]},
    "optimizer": {"use": "adam", "lr": 0.01, "betas": [0.9, 0.99]},
    "loss": {"use": "cross-entropy", "class_weights": {"a": 2.0}},
    "trainer": {"epochs": 3},
}


@pytest.fixture(scope="module")
def schema():
    return recipe_schema(PluginManager())


@pytest.fixture(scope="module")
def accepts(schema):
    return Draft202012Validator(schema).is_valid


def changed(path, value):
    """The fine recipe with one value changed; `...` takes it out."""
    recipe = copy.deepcopy(FINE)
    *above, last = path.split(".")
    section = recipe
    for key in above:
        section = section[key]
    if value is ...:
        del section[last]
    else:
        section[last] = value
    return recipe


def test_the_schema_is_a_valid_one(schema):
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("file", RECIPES, ids=lambda path: path.name)
def test_every_shipped_recipe_fits_as_written_and_resolved(accepts, file):
    assert accepts(read_document(file)[1].plain())
    assert accepts(yaml.safe_load(load_recipe(file).resolved_yaml()))


def test_each_shipped_recipe_names_the_schema_beside_it():
    for file in RECIPES:
        assert file.read_text().startswith("# yaml-language-server: $schema=recipe.schema.json\n"), file


# -- recipes changed at random -----------------------------------------------------------------------


def places(value, path=()):
    """Every place in a recipe, by the keys that lead there."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


@cache
def resolved(file):
    return load_recipe(file).resolved_yaml()


@pytest.fixture(scope="module")
def plugins():
    return PluginManager()


WRONG = [None, True, 0, -1, 3, 1.5, "", "no such thing", [], [1], ["a"], {}, {"a": 1}]


@st.composite
def mutated(draw):
    """A shipped recipe with one key misspelt or gone, or one value replaced."""
    recipe = yaml.safe_load(resolved(draw(st.sampled_from(RECIPES))))
    *above, last = draw(st.sampled_from(sorted(places(recipe), key=str)))
    section = recipe
    for key in above:
        section = section[key]
    how = draw(st.sampled_from(["gone", "misspelt", "replaced"]))
    if how == "misspelt" and isinstance(last, str):
        section[f"{last}x"] = section.pop(last)
    elif how == "gone" and isinstance(section, dict):
        del section[last]
    else:
        how = "replaced"
        section[last] = draw(st.sampled_from(WRONG))
    return how, recipe


@pytest.mark.slow
@given(mutated())
@settings(max_examples=150)
def test_an_editor_marks_only_what_check_refuses_too_and_every_misspelt_key(accepts, plugins, change):
    how, recipe = change
    try:
        load_recipe(recipe, plugins=plugins)
        fine = True
    except RecipeError:
        fine = False
    assert accepts(recipe) or not fine, "a recipe that runs is marked as wrong"
    if how == "misspelt" and not fine:
        assert not accepts(recipe), "a misspelt key is not marked"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("model", "linear"),
        ("model", {"use": "linear"}),
        ("optimizer.lr", 1),
        ("trainer", ...),
        ("trainer", None),
        ("loss.class_weights", None),
        ("loss.class_weights", "balanced"),
        ("seed", 2**63 - 1),
    ],
)
def test_what_a_recipe_may_say_fits(accepts, path, value):
    assert accepts(FINE)
    assert accepts(changed(path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("sed", 1),
        ("seed", -1),
        ("seed", 2**63),
        ("seed", "0"),
        ("dataset", ...),
        ("vectorizer", ...),
        ("model", ...),
        ("optimizer", ...),
        ("optimizer", None),
        ("model", "mpl"),
        ("model", "adam"),
        ("model", None),
        ("model.use", ...),
        ("model.use", "linear"),  # it has no option `hidden`
        ("model.hiden", [1]),
        ("model.hidden", 100),
        ("model.hidden", ["100"]),
        ("model.hidden", [0]),
        ("model.activation", "rellu"),
        ("dataset.train", ...),
        ("optimizer.lr", 0),
        ("optimizer.lr", "0.01"),
        ("optimizer.betas", [0.9]),
        ("optimizer.betas", [0.9, 1]),
        ("trainer.epochs", 1.5),
        ("trainer.epochs", True),
        ("loss.class_weights", {"a": 0}),
        ("trainer.batch", 3),
        ("extends", 5),
    ],
)
def test_what_a_recipe_may_not_say_does_not_fit(accepts, path, value):
    assert not accepts(changed(path, value))


@pytest.mark.parametrize("gone", ["dataset", "model", "trainer", "model.use"])
def test_a_recipe_that_extends_another_may_leave_parts_out(accepts, gone):
    recipe = {**changed(gone, ...), "extends": "base.yaml"}
    assert accepts(recipe)
    assert not accepts({**recipe, "sed": 1})


def test_every_option_is_documented_and_has_its_default(schema):
    components = {key: definition for key, definition in schema["$defs"].items() if "." in key}
    assert "preprocessor.lowercase" in components  # the other definitions are choices of a kind's components
    for key, definition in components.items():
        for name, option in definition["properties"].items():
            assert option["description"], f"{key}: {name}"
            assert name in definition.get("required", []) or "default" in option, f"{key}: {name}"


def test_what_has_no_schema_is_left_out_and_spoils_nothing():
    from collections.abc import Callable

    def strange(n_classes, /, *, call: Callable): ...
    def fine(n_classes, /, *, dim: int): ...

    models = {"strange": strange, "fine": fine, "lost": "module_that_is_not_there:model"}
    plugins = PluginManager()
    plugins.register(SimpleNamespace(textforge_models=hookimpl(lambda: models)), "mine")
    schema = recipe_schema(plugins)
    Draft202012Validator.check_schema(schema)
    shipped = {f"model.{name}" for name in PluginManager().names("model")}
    assert {key for key in schema["$defs"] if key.startswith("model.")} == {"model.fine", *shipped}
    assert Draft202012Validator(schema).is_valid({**FINE, "model": {"use": "fine", "dim": 3}})


def test_types_that_refer_to_other_types_keep_their_definitions_apart():
    from typing_extensions import TypedDict

    Layer = TypedDict("Layer", {"width": int})  # noqa: UP013
    other = TypedDict("Layer", {"height": int})  # noqa: UP013

    def wide(n_classes, /, *, layers: list[Layer]): ...
    def high(n_classes, /, *, layers: list[other]): ...

    plugins = PluginManager()
    plugins.register(SimpleNamespace(textforge_models=hookimpl(lambda: {"wide": wide, "high": high})), "mine")
    schema = recipe_schema(plugins)
    Draft202012Validator.check_schema(schema)
    accepts = Draft202012Validator(schema).is_valid
    assert accepts({**FINE, "model": {"use": "wide", "layers": [{"width": 1}]}})
    assert accepts({**FINE, "model": {"use": "high", "layers": [{"height": 1}]}})
    assert not accepts({**FINE, "model": {"use": "high", "layers": [{"width": 1}]}})


# -- the later sections ----------------------------------------------------------------------------


def bayes(n_features, n_classes, /): ...
def steady(optimizer, /, *, factor: float = 0.5): ...
def own_loss(*, power: float = 1.0): ...
def own_score(*, beta: float = 1.0): ...


bayes.fits_itself = True


@pytest.fixture(scope="module")
def fits():
    """Whether a recipe of other sections fits the schema with one more component of each kind."""
    offered = {
        "models": {"own-bayes": bayes}, "schedulers": {"steady": steady}, "losses": {"own-loss": own_loss},
        "metrics": {"own-score": own_score},
    }  # fmt: skip
    plugins = PluginManager()
    hooks = {f"textforge_{kind}": hookimpl(lambda found=found: found) for kind, found in offered.items()}
    plugins.register(SimpleNamespace(**hooks), "mine")
    schema = recipe_schema(plugins)
    Draft202012Validator.check_schema(schema)
    base = {"dataset": {"use": "csv", "train": "a.csv"}, "vectorizer": "bow", "model": "mlp", "optimizer": "adam"}
    return lambda gone=(), **sections: Draft202012Validator(schema).is_valid(
        {key: value for key, value in {**base, **sections}.items() if key not in gone}
    )


@pytest.mark.parametrize(
    "sections",
    [
        {"scheduler": "steady", "loss": {"use": "own-loss", "power": 2}},
        {"scheduler": None, "loss": None, "metrics": None, "decision": None},
        {"metrics": ["own-score", {"use": "own-score", "beta": 2.0}]},
        {"metrics": []},
        {"decision": {"calibrate": "temperature", "threshold": "f1", "abstain": 0.5}},
        {"decision": {"threshold": 0.5, "abstain": None}},
        {"trainer": {"ema": 0.9, "precision": "bfloat16", "accumulate": 4, "monitor": "own_score"}},
        {"model": "own-bayes"},
        {"model": {"use": "own-bayes"}, "gone": ["optimizer"]},
        {"model": "own-bayes", "optimizer": None},
    ],
    ids=str,
)
def test_what_the_later_sections_may_say_fits(fits, sections):
    assert fits(**sections)


@pytest.mark.parametrize(
    "sections",
    [
        {"scheduler": "steadi"},
        {"scheduler": {"use": "steady", "factr": 1}},
        {"loss": ["own-loss"]},
        {"metrics": "own-score"},
        {"metrics": ["own-scor"]},
        {"metrics": [{"beta": 2.0}]},
        {"metrics": [{"use": "own-score", "beta": "two"}]},
        {"decision": {"threshold": 1}},
        {"decision": {"threshold": "f2"}},
        {"decision": {"calibrate": True}},
        {"trainer": {"precision": "float16"}},
        {"trainer": {"ema": 1}},
        {"model": {"use": "own-bayes", "hidden": [1]}},
        {"gone": ["optimizer"]},
        {"optimizer": None},
    ],
    ids=str,
)
def test_what_the_later_sections_may_not_say_does_not_fit(fits, sections):
    assert not fits(**sections)


def test_a_recipe_that_extends_another_may_leave_the_optimizer_to_it(fits):
    assert fits(gone=["optimizer"], extends="base.yaml")
    assert fits(gone=["optimizer", "model"], extends="base.yaml")
