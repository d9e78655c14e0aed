"""Names with a distribution: no plugin takes a name from a standard part or from another plugin."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from conftest import shipped
from hypothesis import given, strategies as st

from textforge import Model, PluginManager, hookimpl
from textforge.components.component import Origin
from textforge.components.names import normalized, qualified, split
from textforge.errors import PluginError

DISTRIBUTIONS = st.from_regex(r"[a-z0-9]([a-z0-9._-]{0,8}[a-z0-9])?", fullmatch=True)


def twin(n_features: int, n_classes: int, /, *, width: int = 3) -> object:
    """Another model."""


def around(facts: dict[str, Any], /, *, of: Model) -> object:
    """A model around a model."""


def untyped(*, dim=1): ...


def offering(**hooks: object) -> SimpleNamespace:
    return SimpleNamespace(**{hook: hookimpl(lambda value=value: value) for hook, value in hooks.items()})


def registered(plugins: PluginManager, distribution: str, models: dict[str, object], **more: object) -> PluginManager:
    plugins.register(offering(textforge_models=models, **more), origin=Origin(distribution, "1.0"))
    return plugins


# -- names -----------------------------------------------------------------------------------------


@given(DISTRIBUTIONS, st.sampled_from(["-", "_", ".", "--", "-_."]), st.booleans())
def test_every_spelling_of_a_distribution_is_one_name(distribution: str, separator: str, upper: bool) -> None:
    spelled = separator.join(normalized(distribution).split("-"))
    assert normalized(spelled.upper() if upper else spelled) == normalized(distribution)
    assert split(f"{spelled}/mlp") == (normalized(distribution), "mlp")
    assert split(qualified(distribution, "mlp")) == (normalized(distribution), "mlp")


def test_a_name_without_a_slash_has_no_distribution() -> None:
    assert split("mlp") == (None, "mlp")


# -- a twin of a standard part ---------------------------------------------------------------------


@pytest.fixture
def with_twin() -> PluginManager:
    """The standard parts, and a distribution that also offers `mlp`."""
    return registered(shipped(), "Textforge_Twin", {"mlp": twin, "own": twin})


def test_a_standard_part_keeps_its_short_name(with_twin: PluginManager) -> None:
    assert with_twin.component("model", "mlp").origin.distribution == "textforge"
    assert with_twin.component("model", "textforge/mlp") == with_twin.component("model", "mlp")
    assert with_twin.broken == []


@pytest.mark.parametrize("distribution", ["textforge-twin", "Textforge_Twin", "textforge.twin", "textforge--TWIN"])
def test_the_twin_is_used_by_its_qualified_name(with_twin: PluginManager, distribution: str) -> None:
    assert with_twin.component("model", f"{distribution}/mlp").factory is twin
    assert with_twin.part("model", f"{distribution}/mlp", width=4).options == {"width": 4}


def test_a_module_that_is_installed_and_registered_in_code_is_one_part() -> None:
    plugins = registered(shipped(), "textforge-own", {"own": twin})
    plugins.register(offering(textforge_models={"own": twin}))
    assert plugins.component("model", "own").origin.distribution == "textforge-own"
    plugins.register(offering(textforge_models={"own": around}))
    with pytest.raises(PluginError, match="Write which one you mean: 'textforge-own/own' or 'this-program/own'"):
        plugins.component("model", "own")


def test_names_and_components_list_each_by_the_name_to_write(with_twin: PluginManager) -> None:
    names = with_twin.names("model")
    assert {"mlp", "own", "textforge-twin/mlp"} <= {*names}
    assert "textforge-twin/own" not in names, "its short name is its own"
    for name, component in with_twin.named("model").items():
        assert with_twin.component("model", name) == component
    assert [*with_twin.named("model").values()] == with_twin.components("model")


def test_a_part_within_a_part_is_named_by_distribution_too(with_twin: PluginManager) -> None:
    registered(with_twin, "textforge-around", {"around": around})
    part = with_twin.part("model", "around", of={"use": "textforge_twin/mlp", "width": 5})
    assert part.as_recipe() == {"use": "textforge-around/around", "of": {"use": "textforge-twin/mlp", "width": 5}}


def test_a_recipe_names_standard_parts_shortly_and_others_by_distribution(with_twin: PluginManager) -> None:
    assert with_twin.part("model", "textforge/linear").as_recipe()["use"] == "linear"
    assert with_twin.part("model", "own").as_recipe()["use"] == "textforge-twin/own"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("textforge-twin/mpl", "no model named 'textforge-twin/mpl'. Did you mean 'textforge-twin/mlp'? textforge-twin "
         "gives: textforge-twin/mlp, textforge-twin/own."),
        ("textforge-twim/mlp", "no model named 'textforge-twim/mlp'. Did you mean 'textforge-twin/mlp'? Installed: "),
        ("textforge-twim/own", "no model named 'textforge-twim/own'. Did you mean 'textforge-twin/own'? Installed: "),
        ("/mlp", "no model named '/mlp'."),
        ("textforge/", "no model named 'textforge/'."),
        ("textforge/mlp/mlp", "no model named 'textforge/mlp/mlp'."),
    ],
)  # fmt: skip
def test_a_wrong_qualified_name_is_refused_with_the_nearest(with_twin: PluginManager, name: str, says: str) -> None:
    with pytest.raises(PluginError) as error:
        with_twin.component("model", name)
    assert str(error.value).startswith(says)


def test_two_names_of_one_component_are_the_same(with_twin: PluginManager) -> None:
    assert with_twin.same("mlp", "textforge/mlp")
    assert with_twin.same("own", "Textforge.Twin/own", "model")
    assert not with_twin.same("mlp", "textforge-twin/mlp")
    assert not with_twin.same("mlp", "linear")
    assert not with_twin.same("nothing", "textforge/nothing")


# -- two plugins, broken plugins, plugins in code --------------------------------------------------


def test_a_name_of_two_plugins_is_an_error_for_who_uses_the_short_one() -> None:
    plugins = registered(registered(shipped(), "one", {"m": twin}), "two", {"m": twin})
    with pytest.raises(PluginError) as error:
        plugins.component("model", "m")
    assert (
        str(error.value) == "model 'm' is given by one 1.0 and two 1.0. Write which one you mean: 'one/m' or 'two/m'."
    )
    assert plugins.component("model", "two/m").origin.distribution == "two"
    assert plugins.part("model", "mlp")
    assert {"one/m", "two/m"} <= {*plugins.names("model")}
    assert "m" not in plugins.names("model")


def test_a_name_given_twice_by_one_distribution_says_what_its_author_must_mend() -> None:
    plugins = PluginManager(entry_points=False)
    for name in ("first", "second"):
        plugins.register(offering(textforge_models={"m": twin}), name, origin=Origin("one", "1.0"))
    for asked in ("m", "one/m"):
        with pytest.raises(PluginError, match=r"given twice by one 1\.0, by the entry points 'first' and 'second'"):
            plugins.component("model", asked)


def test_a_broken_plugin_claims_no_name_that_another_gives() -> None:
    plugins = registered(shipped(), "sound", {"m": twin})
    with pytest.raises(PluginError):
        registered(plugins, "broken", {"m": twin, "bad": untyped, "alone": twin})
    assert plugins.component("model", "m").origin.distribution == "sound"
    assert plugins.component("model", "broken/m").origin.distribution == "broken"
    assert plugins.component("model", "alone").origin.distribution == "broken", "nobody else gives it"
    assert plugins.namesakes(plugins.component("model", "m")) == ""


def test_a_component_that_cannot_be_loaded_claims_no_name_that_another_gives() -> None:
    plugins = registered(registered(shipped(), "sound", {"m": twin}), "lost", {"m": "nowhere_to_be_found:model"})
    assert plugins.component("model", "m").origin.distribution == "sound"
    with pytest.raises(PluginError, match=r"model 'm' from lost 1\.0 cannot be imported"):
        plugins.part("model", "lost/m")


def test_a_part_registered_in_code_is_written_as_it_was_asked_for() -> None:
    plugins = shipped()
    plugins.register(offering(textforge_models={"mlp": twin, "own": twin}))
    assert plugins.part("model", "own").as_recipe()["use"] == "own"
    assert plugins.component("model", "mlp").origin.distribution == "textforge"
    part = plugins.part("model", "this-program/mlp")
    assert part.component.factory is twin
    assert part.as_recipe()["use"] == "this-program/mlp"


def test_a_command_and_a_model_of_one_name_are_no_clash() -> None:
    import click

    plugins = registered(
        PluginManager(entry_points=False), "d", {"x": twin}, textforge_commands={"x": click.Command("x")}
    )
    assert plugins.names("command") == plugins.names("model") == ["x"]


# -- names of what is not installed ----------------------------------------------------------------


def test_a_part_of_a_distribution_that_is_not_installed_gets_what_to_install(with_twin: PluginManager) -> None:
    with pytest.raises(PluginError) as error:
        with_twin.component("model", "textforge-away/linaer")
    assert str(error.value).endswith(
        "If it comes from 'textforge-away', and you trust that: pip install 'textforge-away'"
    )
    assert "Did you mean" not in str(error.value), "another distribution's part of a similar name"


def test_a_misspelt_distribution_gets_the_part_of_that_name(with_twin: PluginManager) -> None:
    with pytest.raises(PluginError, match="Did you mean 'textforge-twin/mlp'"):
        with_twin.component("model", "textforge-twn/mlp")
