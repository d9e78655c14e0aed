"""Options that are parts: found at any depth, looked up, checked, described, built."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
import torch
from hypothesis import given, strategies as st

from textforge import Loss, Model, Optimizer, PluginManager, RecipeError, Vectorizer, hookimpl
from textforge.components.nested import part_places, parts_within, value_at, with_value
from textforge.components.options import Options
from textforge.errors import PluginError

PLUGINS = PluginManager()
NAMES = st.sampled_from(["bow", {"use": "tfidf", "ngrams": [1, 2]}, "tokens"])


@given(
    st.lists(NAMES, max_size=4), st.dictionaries(st.text(max_size=3), st.lists(NAMES, max_size=3), max_size=3), NAMES
)
def test_every_part_in_lists_and_mappings_is_found_with_its_place(
    flat: list[Any], deep: dict[str, list[Any]], single: Any
) -> None:
    for annotation, value, places in (
        (list[Vectorizer], flat, [(n,) for n in range(len(flat))]),
        (dict[str, list[Vectorizer]], deep, [(key, n) for key, row in deep.items() for n in range(len(row))]),
        (Vectorizer | None, single, [()]),
        (Annotated[list[Vectorizer] | None, "documented"], flat, [(n,) for n in range(len(flat))]),
        (int | Vectorizer | list[Vectorizer], flat, [(n,) for n in range(len(flat))]),
        (tuple[Vectorizer, ...], flat, [(n,) for n in range(len(flat))]),
    ):
        found = list(part_places(annotation, value))
        assert found == [(place, "vectorizer") for place in places]
        for place, _ in found:
            assert value_at(with_value(value, place, "new"), place) == "new"


def test_a_part_is_looked_up_by_a_plugin_manager_only() -> None:
    def wraps(*, of: Vectorizer): ...

    with pytest.raises(PluginError, match="model 'wraps': resolving the part at of needs a PluginManager"):
        Options(wraps, "model 'wraps'").accepted({"of": "bow"})


def test_values_that_are_no_parts_are_left_alone() -> None:
    assert list(part_places(int | Vectorizer, 5)) == []
    assert list(part_places(Vectorizer | None, None)) == []
    assert list(part_places(list[int], [1, 2])) == []
    assert list(part_places(dict[str, Any], {"use": "bow"})) == []


def several(
    facts,
    /,
    *,
    one: Vectorizer = "bow",
    many: dict[str, Model] = {},  # noqa: B006
    maybe: Loss | None = None,
    rate: float | Optimizer = 0.1,
):
    """Holds parts of several kinds in several ways.

    Options:
        one: a vectorizer.
        many: models by name.
        maybe: a loss or none.
        rate: a number, or an optimizer.
    """
    return facts, one, many, maybe, rate


class Plugin:
    @hookimpl
    def textforge_models(self) -> dict[str, Any]:
        return {"several": several}


@pytest.fixture(scope="module")
def plugins() -> PluginManager:
    manager = PluginManager()
    manager.register(Plugin(), "several")
    return manager


def test_parts_are_looked_up_with_their_defaults_filled_in(plugins: PluginManager) -> None:
    part = plugins.part("model", "several", many={"a": "linear", "b": {"use": "mlp", "hidden": [3]}}, rate="adam")
    assert [(place, inner.component.name) for place, inner in part.parts] == [
        (("one",), "bow"),
        (("many", "a"), "linear"),
        (("many", "b"), "mlp"),
        (("rate",), "adam"),
    ]
    assert part.options["many"]["b"].options["dropout"] == 0.0
    assert part.as_recipe()["many"]["b"]["hidden"] == [3]
    again = part.as_recipe()
    assert plugins.part("model", again.pop("use"), **again).as_recipe() == part.as_recipe()


def test_a_part_given_in_code_is_taken_as_it_is(plugins: PluginManager) -> None:
    inner = plugins.part("vectorizer", "tfidf", ngrams=[1, 3])
    assert plugins.part("model", "several", one=inner).options["one"] is inner
    with pytest.raises(RecipeError, match="one: model 'linear' cannot be used as vectorizer"):
        plugins.part("model", "several", one=plugins.part("model", "linear"))


def test_every_mistake_within_is_collected_with_its_place(plugins: PluginManager) -> None:
    options = plugins.component("model", "several").options
    _, mistakes = options.check(
        {"one": {"use": "tfidf", "ngrms": 1}, "many": {"a": "mpl", "b": 7}, "maybe": {"us": "hinge"}, "rate": []},
        plugins.resolve,
    )
    found = {place: str(message) for place, message in mistakes}
    assert "unknown option 'ngrms'" in found["one", "ngrms"]
    assert "Did you mean 'mlp'?" in found["many", "a"]
    assert "must be the name of a model" in found["many", "b"]
    assert "must be the name of a part" in found["maybe",]
    assert "rate must be a number or the name of a part" in found["rate",]


def test_a_factory_gets_every_fact_and_builds_its_parts(plugins: PluginManager) -> None:
    part = plugins.part("model", "several", many={"a": "linear"})
    facts, one, many, maybe, rate = part.build({"n_features": 4, "n_classes": 2, "seed": 0, "multi_label": False})
    assert many["a"].build(facts)(torch.ones(1, 4)).shape == (1, 2)
    assert (maybe, rate) == (None, 0.1)
    assert one.build(facts).fit(["two words"]).n_features == 2


def test_types_of_parts_are_shown_by_their_kind(plugins: PluginManager) -> None:
    fields = plugins.component("model", "several").options.fields
    assert fields["one"].type_text == "vectorizer"
    assert fields["many"].type_text == "dict[str, model]"
    assert fields["maybe"].type_text == "loss | null"


def test_a_json_schema_refers_to_the_kinds(plugins: PluginManager) -> None:
    schema, _ = plugins.component("model", "several").options.json_schema("model.several")
    assert schema["properties"]["one"]["$ref"] == "#/$defs/vectorizer"
    assert schema["properties"]["many"]["additionalProperties"] == {"$ref": "#/$defs/model"}
    json.dumps(schema)


def test_an_unusable_default_is_refused_when_the_plugin_is_read() -> None:
    def broken(*, of: Model = 3):  # type: ignore[assignment]
        """Has a default that is no section.

        Options:
            of: a model.
        """

    class Broken:
        @hookimpl
        def textforge_models(self) -> dict[str, Any]:
            return {"broken": broken}

    with pytest.raises(PluginError, match="of must be the name of a model"):
        PluginManager(entry_points=False).register(Broken())


def test_parts_within_parts_are_found_at_any_depth() -> None:
    tfidf = {"use": "tfidf"}
    part = PLUGINS.part("vectorizer", "union", of=[{"use": "union", "of": [tfidf, "bow"]}, "hashing"])
    (_, first), (_, second) = part.parts
    assert [inner.component.name for _, inner in first.parts] == ["tfidf", "bow"]
    assert second.component.name == "hashing"
    assert [place for place, _ in parts_within(part.options)] == [("of", 0), ("of", 1)]
