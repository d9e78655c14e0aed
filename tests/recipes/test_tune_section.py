"""The `tune:` section of a recipe: validated in its place with line and column, conditional on chosen parts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from conftest import ROOT, make_texts, shipped, write_csv
from hypothesis import given, settings, strategies as st
from jsonschema import Draft202012Validator
from pydantic import Field

from textforge import RecipeError, Tune, load_recipe
from textforge.components.options import Option
from textforge.components.tune_types import by_type
from textforge.recipes.reading import read_recipe
from textforge.recipes.recipe import Variants
from textforge.recipes.schema import recipe_schema
from textforge.recipes.tune_default import default_space
from textforge.recipes.tune_section import with_values
from textforge.recipes.tune_values import TuneChoice, TuneRange, TuneSpace

HEAD = """seed: 0
dataset: {use: csv, train: small.csv}
vectorizer: tfidf
model: mlp
optimizer: {use: adam, lr: 0.01}
tune:
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tune")
    write_csv(path / "small.csv", *make_texts(40))
    return path


def written(folder: Path, section: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(HEAD + section)
    return path


def space(folder: Path, section: str) -> TuneSpace:
    found = load_recipe(written(folder, section)).tune
    assert found is not None
    return found


def mistakes(folder: Path, section: str) -> list[str]:
    with pytest.raises(RecipeError) as told:
        load_recipe(written(folder, section))
    return [f"{one.place.line}:{one.place.column}: {one.message}" for one in told.value.mistakes]


def test_a_range_a_list_and_parts_are_read(folder: Path) -> None:
    found = space(folder, "  model.dropout: {low: 0, high: 0.5}\n  vectorizer.ngrams: [[1, 1], [1, 2]]\n")
    assert found.dimensions == (TuneRange("model.dropout", 0, 0.5), TuneChoice("vectorizer.ngrams", ([1, 1], [1, 2])))


def test_a_range_is_of_whole_numbers_only_if_the_option_is(folder: Path) -> None:
    epochs, lr = space(folder, "  trainer.epochs: {low: 2, high: 9}\n  optimizer.lr: {low: 1, high: 2}\n").dimensions
    assert isinstance(epochs, TuneRange)
    assert isinstance(lr, TuneRange)
    assert (epochs.whole, lr.whole) == (True, False)


def test_an_item_of_a_list_that_the_recipe_leaves_to_its_default_can_be_tuned(folder: Path) -> None:
    path = written(folder, "  model.hidden.0: {low: 64, high: 512, log: true}\n")
    variants = Variants(read_recipe(path, (), lambda a, b: a == b), shipped())
    recipe = variants.check(with_values(variants, {"model.hidden.0": 77}))
    assert recipe.model.options["hidden"] == [77, 100]


def test_an_option_exists_only_for_the_parts_that_have_it(folder: Path) -> None:
    section = "  model: [mlp, linear, nbsvm]\n  model.hidden.0: {low: 64, high: 512}\n  model.alpha: [0.1, 1.0]\n"
    found = space(folder, section)
    conditions = {one.key: one.when for one in found.dimensions}
    assert conditions == {"model": (), "model.alpha": (("model", (2,)),), "model.hidden.0": (("model", (0,)),)}
    names = {model: [one.key for one in found.active({"model": model})] for model in ("mlp", "linear", "nbsvm")}
    assert names == {
        "mlp": ["model", "model.hidden.0"], "linear": ["model"], "nbsvm": ["model", "model.alpha"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("  modl.C: [1]", "7:3: tune: 'modl' cannot be tuned. Sections that can: vectorizer, model, optimizer"),
        ("  dataset.text: [a, b]", "7:3: tune: 'dataset' cannot be tuned."),
        ("  model.hiden: [[5]]", "7:3: tune: model.hiden: model 'mlp': unknown option 'hiden'."),
        ("  model.dropout: {low: 0, hig: 1, high: 1}", "7:27: tune: model.dropout: unknown key 'hig'."),
        ("  model.dropout: {low: 0}", "7:18: tune: model.dropout: 'high' is missing."),
        ("  model.dropout: {low: 0.5, high: 0.5}", "7:35: tune: model.dropout: the range is empty: low is 0.5"),
        (
            "  model.dropout: {low: 0, high: 1.5}",
            "7:33: tune: model.dropout: model 'mlp': dropout must be a number less",
        ),
        (
            "  optimizer.lr: {low: 0, high: 1, log: true}",
            "7:23: tune: optimizer.lr: low must be above 0 if log is true",
        ),
        ("  model.activation: [relu, gellu]", "7:28: tune: model.activation: model 'mlp': activation must be"),
        ("  model.activation: []", "7:21: tune: model.activation lists no values."),
        ("  model.activation: [relu, relu]", "7:28: tune: model.activation lists relu twice."),
        ("  model.activation: relu", "7:21: tune: model.activation must be a list of values, or a range"),
        ("  model: [mlp, mpl]", "7:16: tune: model: no model named 'mpl'. Did you mean 'mlp'?"),
        ("  model: [mlp, linear]\n  model.alpha: [1.0]", "8:3: tune: model.alpha never exists: model is mlp, linear."),
        ("  trainer: [1]", "7:3: tune: 'trainer' has no alternatives; tune one of its keys"),
        ("  model.dropout: {low: a, high: 1}", "7:24: tune: model.dropout: low must be a number, not the text 'a'."),
    ],
)
def test_a_mistake_is_told_with_its_place(folder: Path, section: str, message: str) -> None:
    (found,) = mistakes(folder, section)
    assert found.startswith(message)


def test_a_misspelled_name_gets_the_nearest_one(folder: Path) -> None:
    for section, meant in (("  modl.C: [1]", "model"), ("  model.hiden: [[5]]", "hidden"),
                           ("  model.dropout: {low: 0, hig: 1, high: 1}", "high")):  # fmt: skip
        assert mistakes(folder, section)[0].endswith(f"Did you mean '{meant}'?")


def test_a_run_ignores_the_section_and_says_nothing_of_it(folder: Path) -> None:
    recipe = load_recipe(written(folder, "  model.dropout: {low: 0, high: 0.5}\n"))
    assert recipe.warnings == ()
    assert "tune" not in recipe.resolved()


def test_the_schema_takes_what_the_check_takes(folder: Path) -> None:
    validator = Draft202012Validator(recipe_schema(shipped()))
    base = {"dataset": {"use": "csv", "train": "x"}, "vectorizer": "bow", "model": "nbsvm"}
    fine = {
        "model.C": {"low": 0.1, "high": 10, "log": True},
        "model": ["nbsvm", "linear-svc"],
        "vectorizer.ngrams": [[1, 2]],
    }
    assert validator.is_valid({**base, "tune": fine})
    for wrong in (
        {"modl.C": [1]},
        {"model.C": []},
        {"model.C": {"low": 1}},
        {"model.C": {"low": 1, "hig": 2}},
        {"trainer": [1]},
    ):
        assert not validator.is_valid({**base, "tune": wrong}), wrong


# -- the space of a recipe without the section -----------------------------------------------------


def test_marked_options_are_the_default_space_and_present_values_are_in_it(folder: Path) -> None:
    recipe = load_recipe(written(folder, ""), overrides=["optimizer.lr=0.5"])
    found = {one.key: one for one in default_space(recipe).dimensions}
    assert "model.activation" not in found
    assert str(found["model.dropout"]) == "0 to 0.7"
    assert isinstance(found["optimizer.lr"], TuneRange)
    assert found["optimizer.lr"].high == 0.5
    assert isinstance(found["trainer.epochs"], TuneRange)
    assert found["trainer.epochs"].whole


def test_inner_parts_have_their_ranges_too() -> None:
    keys = [one.key for one in default_space(load_recipe(ROOT / "recipes" / "strong.yaml")).dimensions]
    assert "model.of.C" in keys
    assert "vectorizer.of.0.ngrams" in keys
    assert "vectorizer.of.1.ngrams" not in keys  # its value is not one of the marked ones, so it was set on purpose
    assert "model.cv" not in keys


@pytest.mark.parametrize(
    ("annotation", "default", "found"),
    [
        (bool, True, Tune(choices=(False, True))),
        (Literal["a", "b"], "a", Tune(choices=("a", "b"))),
        (Annotated[float, Field(ge=0, le=1)], 0.5, Tune(low=0, high=1)),
        (Annotated[float, Field(gt=0)], 0.5, Tune(low=0.05, high=5.0, log=True)),
        (Annotated[int, Field(ge=1)], 40, Tune(low=4, high=400, log=True)),
        (Annotated[int, Field(gt=1, lt=5)], 3, Tune(low=2, high=4)),
        (str, "a", None),
        (float, 1.0, None),
        (Annotated[float, Field(gt=0)], None, None),
    ],
)
def test_unmarked_options_have_the_range_of_their_type(annotation: Any, default: Any, found: Tune | None) -> None:
    assert by_type(Option("x", annotation, default, "")) == found


@given(st.data())
@settings(max_examples=25)
def test_every_value_of_a_default_space_passes_the_check_of_its_option(data: st.DataObject) -> None:
    plugins = shipped()
    kind = data.draw(st.sampled_from(["model", "vectorizer", "optimizer"]))
    name = data.draw(st.sampled_from(plugins.names(kind)))
    options = plugins.component(kind, name).options
    from textforge.recipes.tune_default import _of_options

    if any(option.required for option in options.fields.values()) or options.part_options:
        return
    for one in _of_options(kind, options.own(options.fields), options.defaults()):
        option = one.key.removeprefix(f"{kind}.")
        if isinstance(one, TuneChoice):
            value = data.draw(st.sampled_from(one.values))
        elif one.whole:
            value = data.draw(st.integers(int(one.low), int(one.high)))
        else:
            value = data.draw(st.floats(one.low, one.high))
        _, wrong = options.check_each(json.loads(json.dumps({option: value})))
        assert not wrong, wrong


@pytest.mark.parametrize("given_", [{}, {"low": 1}, {"low": 2, "high": 1}, {"low": 0, "high": 1, "log": True},
                                    {"low": 0, "high": 1, "choices": (1,)}])  # fmt: skip
def test_a_mark_that_names_no_values_is_refused(given_: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Tune"):
        Tune(**given_)
