"""Options that a plugin has renamed: a recipe of before is understood, and its author is told what to write."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from conftest import shipped
from hypothesis import given, strategies as st

from textforge import Model, PluginManager, RecipeError, Vectorizer, hookimpl, load_recipe
from textforge.components.component import Origin

SEEN: list[str] = []


def two_layers(n_features: int, n_classes: int, /, *, dim: int = 100, scale: float = 1.0) -> object:
    """Two linear layers."""


def upgrade_options(options: dict[str, Any], version: str) -> dict[str, Any]:
    SEEN.append(version)
    if "width" in options:
        options["dim"] = options.pop("width")
    if "twice" in options:  # renamed, and its meaning changed
        options["scale"] = 2.0 * options.pop("twice")
    options.pop("gone", None)
    return options


two_layers.upgrade_options = upgrade_options  # type: ignore[attr-defined]


def around(facts: dict[str, Any], /, *, of: Model = "mlp", with_: Vectorizer = "bow") -> object:
    """A model around a model."""


around.upgrade_options = lambda options, version: {  # type: ignore[attr-defined]
    "of" if key == "inner" else key: value for key, value in options.items()
}


def failing(n_features: int, n_classes: int, /, *, dim: int = 3) -> object:
    """Its upgrade fails."""


failing.upgrade_options = lambda options, version: 1 / 0  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def plugins() -> PluginManager:
    found = shipped()
    models = {"two-layers": two_layers, "around": around, "failing": failing}
    found.register(SimpleNamespace(textforge_models=hookimpl(lambda: models)), origin=Origin("textforge-two", "2.0"))
    return found


def recipe(folder: Path, model: str) -> Path:
    path = folder / "r.yaml"
    path.write_text(
        "dataset: {use: docstrings, packages: [numpy, torch]}\nvectorizer: bow\noptimizer: adam\n" + f"model: {model}\n"
    )
    return path


def model_of(path: Path, plugins: PluginManager, *overrides: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    found = load_recipe(path, overrides=overrides, plugins=plugins)
    return found.resolved()["model"], found.warnings


def test_a_recipe_with_the_earlier_name_is_read_with_a_warning_at_its_place(
    plugins: PluginManager, tmp_path: Path
) -> None:
    path = recipe(tmp_path, "{use: two-layers, scale: 0.5, width: 3}")
    model, warnings = model_of(path, plugins)
    assert model == {"use": "textforge-two/two-layers", "dim": 3, "scale": 0.5}
    assert warnings == (f"{path}:4:38: model 'two-layers': the option 'width' has been renamed. Write 'dim: 3'.",)
    assert SEEN[-1] == "0"


def test_a_recipe_with_current_names_is_not_translated(plugins: PluginManager, tmp_path: Path) -> None:
    SEEN.clear()
    model, warnings = model_of(recipe(tmp_path, "{use: two-layers, dim: 3}"), plugins)
    assert (model["dim"], warnings, SEEN) == (3, (), [])


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("{use: two-layers, twice: 3.0}", "the option 'twice' has been renamed. Write 'scale: 6.0'."),
        ("{use: two-layers, gone: 1}", "the option 'gone' has no effect any more. Remove it."),
        ("{use: around, inner: linear}", "the option 'inner' has been renamed. Write 'of: \"linear\"'."),
    ],
)  # fmt: skip
def test_the_warning_says_what_to_write(plugins: PluginManager, tmp_path: Path, model: str, says: str) -> None:
    (warning,) = model_of(recipe(tmp_path, model), plugins)[1]
    assert warning.endswith(says)


def test_two_renamed_options_are_two_warnings(plugins: PluginManager, tmp_path: Path) -> None:
    model, warnings = model_of(recipe(tmp_path, "{use: two-layers, width: 3, twice: 4.0}"), plugins)
    assert (model["dim"], model["scale"], len(warnings)) == (3, 8.0, 2)
    assert "'width' has been renamed. Write 'dim: 3'." in warnings[0]


def test_a_part_within_a_part_is_translated_too(plugins: PluginManager, tmp_path: Path) -> None:
    path = recipe(tmp_path, "\n  use: around\n  inner:\n    use: two-layers\n    width: 7")
    model, warnings = model_of(path, plugins)
    assert model["of"] == {"use": "textforge-two/two-layers", "dim": 7, "scale": 1.0}
    assert [warning.removeprefix(str(path)).split(" ")[0] for warning in warnings] == [":6:3:", ":8:5:"]


def test_overrides_and_resolved_recipes_are_translated(plugins: PluginManager, tmp_path: Path) -> None:
    path = recipe(tmp_path, "{use: two-layers, scale: 0.5}")
    model, (warning,) = model_of(path, plugins, "model.width=5")
    assert model["dim"] == 5
    assert warning.startswith("--set model.width=5: model 'two-layers': the option 'width' has been renamed.")
    resolved = recipe(tmp_path, "{use: textforge-two/two-layers, width: 100, scale: 1.0}")
    assert model_of(resolved, plugins)[0]["dim"] == 100


@pytest.mark.parametrize(
    ("base", "own", "override", "dim"),
    [
        ("dim: 1", "", "model.width=9", 9),
        ("width: 1", "", "model.dim=9", 9),
        ("dim: 1", "width: 2", "", 2),
        ("width: 1", "dim: 2", "", 2),
        ("width: 1", "dim: 2", "model.width=9", 9),
    ],
)
def test_the_later_of_both_names_wins(
    plugins: PluginManager, tmp_path: Path, base: str, own: str, override: str, dim: int
) -> None:
    recipe(tmp_path, f"{{use: two-layers, {base}}}").rename(tmp_path / "base.yaml")
    path = tmp_path / "own.yaml"
    path.write_text(f"extends: base.yaml\nmodel: {{{own}}}\n")
    assert model_of(path, plugins, *filter(None, [override]))[0]["dim"] == dim


def test_both_names_in_one_file_are_a_mistake(plugins: PluginManager, tmp_path: Path) -> None:
    path = recipe(tmp_path, "{use: two-layers, width: 3, dim: 4}")
    with pytest.raises(RecipeError) as error:
        load_recipe(path, plugins=plugins)
    (mistake,) = error.value.mistakes
    assert mistake.message == (
        "model 'two-layers': 'width' has been renamed to 'dim', and both are set. Remove 'width'."
    )
    assert str(mistake.place) == f"{path}:4:26"


def test_a_wrong_value_is_reported_at_the_place_of_the_earlier_name(plugins: PluginManager, tmp_path: Path) -> None:
    path = recipe(tmp_path, "{use: two-layers, width: wide}")
    with pytest.raises(RecipeError, match="model 'two-layers': dim must be a whole number") as error:
        load_recipe(path, plugins=plugins)
    assert str(error.value.mistakes[0].place) == f"{path}:4:33"


def test_an_option_that_was_never_known_is_an_error_as_ever(plugins: PluginManager, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"unknown option 'dimm'.* Did you mean 'dim'"):
        load_recipe(recipe(tmp_path, "{use: two-layers, dimm: 3}"), plugins=plugins)


def test_an_upgrade_that_fails_is_reported_with_its_plugin(plugins: PluginManager, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"model 'failing' from textforge-two 2\.0 failed while upgrading options"):
        load_recipe(recipe(tmp_path, "{use: failing, width: 3}"), plugins=plugins)


def test_code_is_warned_with_what_to_write(plugins: PluginManager) -> None:
    with pytest.warns(DeprecationWarning, match=r"model 'two-layers': width has been renamed\. Write dim=3\."):
        assert plugins.part("model", "two-layers", width=3).options["dim"] == 3


def test_the_estimator_takes_an_earlier_name(plugins: PluginManager, tmp_path: Path) -> None:
    from textforge.recipes.parameters import changed, recipe_of

    path = recipe(tmp_path, "two-layers")
    overrides = changed(path, {}, plugins, {"model.width": 6})
    assert recipe_of(path, overrides, plugins).resolved()["model"]["dim"] == 6


@given(st.integers(), st.sampled_from(["width", "dim"]), st.permutations(["use", "scale", "size"]))
def test_the_order_and_the_value_do_not_matter(plugins: PluginManager, size: int, name: str, order: list[str]) -> None:
    values = {"use": "two-layers", "scale": 0.5, "size": size}
    section = {name if key == "size" else key: values[key] for key in order}
    sections = {
        "dataset": {"use": "docstrings", "packages": ["numpy", "torch"]},
        "vectorizer": "bow",
        "optimizer": "adam",
    }
    found = load_recipe(yaml.safe_load(yaml.safe_dump({**sections, "model": section})), plugins=plugins)
    assert found.model.options == {"dim": size, "scale": 0.5}
    assert len(found.warnings) == (name == "width")
