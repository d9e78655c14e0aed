"""Recipes that name parts by distribution, with `extends` and overrides, and what a clash of names reports."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from conftest import shipped
from jsonschema import Draft202012Validator

from textforge import Model, PluginManager, RecipeError, hookimpl, load_recipe
from textforge.components.component import Origin
from textforge.recipes.schema import recipe_schema

RECIPE = {
    "dataset": {"use": "docstrings", "packages": ["numpy", "torch"]},
    "vectorizer": "bow",
    "model": {"use": "mlp", "hidden": [8]},
    "optimizer": "adam",
}


def twin(n_features: int, n_classes: int, /, *, width: int = 3) -> object:
    """Another model."""


def around(facts: dict[str, Any], /, *, of: Model = "mlp", times: int = 1) -> object:
    """A model around a model."""


@pytest.fixture
def plugins() -> PluginManager:
    """The standard parts, and a distribution that also offers `mlp`."""
    found = shipped()
    models = {"mlp": twin, "own": twin, "around": around}
    found.register(SimpleNamespace(textforge_models=hookimpl(lambda: models)), origin=Origin("textforge-twin", "1.0"))
    return found


def write(path: Path, **sections: object) -> Path:
    path.write_text(yaml.safe_dump({**RECIPE, **sections}, sort_keys=False))
    return path


def test_a_recipe_uses_the_twin_by_its_qualified_name(plugins: PluginManager, tmp_path: Path) -> None:
    for section in ("textforge-twin/mlp", {"use": "Textforge_Twin/mlp", "width": 3}):
        recipe = load_recipe(write(tmp_path / "r.yaml", model=section), plugins=plugins)
        assert recipe.model.component.factory is twin
        assert recipe.resolved()["model"] == {"use": "textforge-twin/mlp", "width": 3}
        assert recipe.warnings == ()


def test_the_resolved_recipe_means_the_same_whatever_is_installed_later(plugins: PluginManager, tmp_path: Path) -> None:
    recipe = load_recipe(write(tmp_path / "r.yaml", model={"use": "around", "of": "own"}), plugins=plugins)
    (tmp_path / "resolved.yaml").write_text(recipe.resolved_yaml())
    later = shipped()  # a textforge that has parts of these names, and another plugin that has
    models = {"around": around, "own": twin}
    for distribution in ("textforge", "textforge-twin", "textforge-other"):
        later.register(SimpleNamespace(textforge_models=hookimpl(lambda: models)), origin=Origin(distribution, "2.0"))
    again = load_recipe(tmp_path / "resolved.yaml", plugins=later)
    (_, inner), *_ = again.model.parts
    assert [part.component.origin.distribution for part in (again.model, inner)] == ["textforge-twin"] * 2
    assert again.resolved() == recipe.resolved()


def test_a_short_name_that_others_have_too_is_reported_with_its_place(plugins: PluginManager, tmp_path: Path) -> None:
    path = write(tmp_path / "r.yaml")
    recipe = load_recipe(path, plugins=plugins)
    assert recipe.model.component.origin.distribution == "textforge"
    assert len(recipe.warnings) == 1
    (line,) = (n for n, text in enumerate(path.read_text().splitlines(), start=1) if "mlp" in text)
    version = recipe.model.component.origin.version
    assert recipe.warnings[0] == (
        f"{path}:{line}:8: model 'mlp' is that of textforge {version}; 'textforge-twin/mlp' is another one. "
        "To be clear, write 'textforge/mlp'."
    )
    assert load_recipe(path, overrides={"model": {"use": "textforge/mlp"}}, plugins=plugins).warnings == ()


def test_a_default_that_is_a_part_is_reported_to_nobody(plugins: PluginManager, tmp_path: Path) -> None:
    assert load_recipe(write(tmp_path / "r.yaml", model="around"), plugins=plugins).warnings == ()


def test_an_option_of_the_other_one_is_refused_with_a_word_about_it(plugins: PluginManager, tmp_path: Path) -> None:
    """As after an upgrade of textforge that brings a part of this name."""
    path = write(tmp_path / "r.yaml", model={"use": "mlp", "width": 3})
    with pytest.raises(RecipeError) as error:
        load_recipe(path, plugins=plugins)
    (mistake,) = error.value.mistakes
    assert "model 'mlp': unknown option 'width'." in mistake.message
    assert "'textforge-twin/mlp' is another one." in mistake.message


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("model=textforge/mlp", {"use": "mlp", "hidden": [8]}),
        ("model.use=textforge/mlp", {"use": "mlp", "hidden": [8]}),
        ("model=textforge-twin/mlp", {"use": "textforge-twin/mlp", "width": 3}),
        ("model={use: textforge-twin/mlp, width: 9}", {"use": "textforge-twin/mlp", "width": 9}),
    ],
)
def test_an_override_with_another_name_of_the_same_part_keeps_its_options(
    plugins: PluginManager, tmp_path: Path, override: str, expected: dict[str, object]
) -> None:
    found = load_recipe(write(tmp_path / "r.yaml"), overrides=[override], plugins=plugins).resolved()["model"]
    assert {key: found[key] for key in expected} == expected


def test_extends_knows_the_same_part_by_both_names(plugins: PluginManager, tmp_path: Path) -> None:
    write(tmp_path / "base.yaml", model={"use": "textforge-twin/around", "of": {"use": "own", "width": 7}, "times": 2})
    own = {"extends": "base.yaml", "model": {"use": "around", "of": {"use": "textforge-twin/own"}}}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(own))
    recipe = load_recipe(tmp_path / "r.yaml", plugins=plugins)
    assert recipe.resolved()["model"] == {
        "use": "textforge-twin/around", "of": {"use": "textforge-twin/own", "width": 7}, "times": 2,
    }  # fmt: skip


def test_a_wrong_distribution_is_refused_at_its_place(plugins: PluginManager, tmp_path: Path) -> None:
    path = write(tmp_path / "r.yaml", model={"use": "textforge-twim/mlp"})
    with pytest.raises(RecipeError, match="Did you mean 'textforge-twin/mlp'") as error:
        load_recipe(path, plugins=plugins)
    assert error.value.mistakes[0].place is not None
    assert str(error.value.mistakes[0].place).startswith(f"{path}:8:8")


@pytest.mark.parametrize(
    ("model", "valid"),
    [
        ("mlp", True), ("textforge/mlp", True), ("textforge-twin/mlp", True), ("own", True),
        ("textforge-twin/own", True), ({"use": "textforge/mlp", "hidden": [3]}, True),
        ({"use": "textforge-twin/mlp", "width": 3}, True), ({"use": "textforge-twin/own", "width": 3}, True),
        ({"use": "around", "of": {"use": "textforge-twin/mlp", "width": 3}}, True),
        ("textforge/own", False), ("twin/mlp", False), ({"use": "textforge-twin/mlp", "hidden": [3]}, False),
        ({"use": "textforge/mlp", "width": 3}, False),
    ],
)  # fmt: skip
def test_the_schema_accepts_what_check_accepts(plugins: PluginManager, model: object, valid: bool) -> None:
    validator = Draft202012Validator(recipe_schema(plugins))
    recipe = {**RECIPE, "model": model}
    assert validator.is_valid(recipe) == valid
    if valid:
        load_recipe(recipe, plugins=plugins)
    else:
        with pytest.raises(RecipeError):
            load_recipe(recipe, plugins=plugins)


def test_metrics_of_one_name_are_told_apart_in_results(plugins: PluginManager, tmp_path: Path) -> None:
    from textforge.components.part import listed_names

    def mcc(n_classes: int, /) -> object:
        """Another metric."""

    with_metric = SimpleNamespace(textforge_metrics=hookimpl(lambda: {"mcc": mcc}))
    plugins.register(with_metric, origin=Origin("textforge-twin", "1.0"))
    path = write(tmp_path / "r.yaml", metrics=["textforge/mcc", "textforge-twin/mcc"])
    recipe = load_recipe(path, overrides=["trainer.monitor=textforge-twin/mcc"], plugins=plugins)
    assert listed_names(recipe.metrics) == ["mcc", "textforge_twin/mcc"]
