"""Options: a factory's signature read as facts, options, defaults, documentation and checks."""

import math
import pickle
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pytest
from annotated_types import Ge, Gt, Lt
from hypothesis import HealthCheck, given, settings, strategies as st
from pydantic import BaseModel, Field

from textforge.components.facts import call_with_facts
from textforge.components.options import Options
from textforge.errors import PluginError, RecipeError

many = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def mistakes(factory, **values):
    """What is wrong with `values`, as (dotted path, message)."""
    _, wrong = Options(factory, "model 'm'").check(values)
    return wrong


def only_mistake(factory, **values):
    ((path, message),) = mistakes(factory, **values)
    return path, message


def checked(factory, **values):
    found, wrong = Options(factory, "model 'm'").check(values)
    assert not wrong, wrong
    return found


# -- the signature ---------------------------------------------------------------------------------


def test_positional_only_parameters_are_facts_and_keyword_only_ones_options():
    def factory(n_features, n_classes=3, /, *, dim: int, dropout: float = 0.5): ...

    options = Options(factory, "model 'm'")
    assert options.facts == ("n_features", "n_classes")
    assert options.fact_defaults == {"n_classes": 3}
    assert list(options.fields) == ["dim", "dropout"]
    assert options.fields["dim"].required
    assert not options.fields["dropout"].required
    assert options.defaults() == {"dropout": 0.5}


def ordinary(n_features, *, dim: int = 1): ...
def star(*args, dim: int = 1): ...
def keywords(*, dim: int = 1, **rest): ...
def named_use(*, use: str = "x"): ...
def untyped(*, dim=1): ...
def unreadable(*, dim: "nowhere" = 1): ...  # noqa: F821


@pytest.mark.parametrize(
    ("factory", "says"),
    [
        (ordinary, "parameter 'n_features' is neither a fact"),
        (star, "parameter '*args' is neither a fact"),
        (keywords, "parameter '**rest' is neither a fact"),
        (named_use, "an option cannot be named 'use'"),
        (untyped, "option 'dim' has no type. Annotate it, as in 'dim: float = 0.1'."),
        (unreadable, "its signature cannot be read: NameError"),
        (dict, "its signature cannot be read"),
    ],
)
def test_a_signature_that_breaks_the_contract_is_refused_saying_which_parameter(factory, says):
    with pytest.raises(PluginError) as error:
        Options(factory, "model 'm'")
    assert str(error.value).startswith("model 'm': ")
    assert says in str(error.value)


def test_a_type_that_no_recipe_can_hold_is_refused():
    class Thing: ...

    def factory(*, thing: Thing): ...

    with pytest.raises(PluginError, match="model 'm': its options have a type that cannot be read from a recipe"):
        Options(factory, "model 'm'").check({})


@pytest.mark.parametrize("name", ["copy", "schema", "json", "model_x", "model_config", "dict", "items", "self_"])
def test_an_option_may_have_a_name_that_pydantic_uses_itself(name):
    space: dict[str, Any] = {}
    exec(f"def factory(*, {name}: int = 1): ...", space)
    assert checked(space["factory"], **{name: 2}) == {name: 2}
    schema, _ = Options(space["factory"], "m").json_schema("m")
    assert schema["properties"][name] == {"type": "integer", "default": 1}


def test_a_class_is_a_factory():
    class Factory:
        """Does.

        Options:
            dim: how wide.
        """

        def __init__(self, seed, /, *, dim: int = 1): ...

    options = Options(Factory, "m")
    assert (options.facts, list(options.fields), options.fields["dim"].doc) == (("seed",), ["dim"], "how wide.")


@dataclass(kw_only=True)
class Settings:
    """Does.

    Options:
        dims: how wide.
    """

    dims: list[int] = field(default_factory=lambda: [1, 2])
    rate: Annotated[float, Gt(0)] = 0.5


def test_a_dataclass_is_a_factory_also_with_defaults_that_a_function_makes():
    one, other = checked(Settings), checked(Settings, dims=[3])
    assert Settings(**one) == Settings()
    assert Settings(**other).dims == [3]
    assert only_mistake(Settings, rate=0)[1] == "model 'm': rate must be a number greater than 0, not 0."
    schema, _ = Options(Settings, "m").json_schema("m")
    assert schema["properties"]["dims"]["default"] == [1, 2]


def test_defaults_are_copied_for_each_use():
    def factory(*, dims: list[int] = [1]): ...  # noqa: B006

    options = Options(factory, "m")
    options.check({})[0]["dims"].append(2)
    options.defaults()["dims"].append(3)
    assert options.check({})[0] == {"dims": [1]}


def test_checked_options_stand_in_the_order_of_the_signature():
    def factory(*, a: int = 1, b: int, c: int = 3): ...

    assert list(checked(factory, c=1, b=2)) == ["a", "b", "c"]


# -- documentation ---------------------------------------------------------------------------------


def test_documentation_is_read_from_the_options_section_over_several_lines():
    def factory(*, a: int = 1, b: str = "", c: float = 0.0):
        """Does.

        Options:
            a: first line
                and second.
            b: has a colon: here.

        Raises:
            c: not this.
        """

    docs = {name: option.doc for name, option in Options(factory, "m").fields.items()}
    assert docs == {"a": "first line and second.", "b": "has a colon: here.", "c": ""}


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"),
        (Path, "path"),
        (int | None, "int | null"),
        (Annotated[float, Gt(0), Lt(1)], "float > 0, < 1"),
        (Annotated[float, Field(gt=0, le=1)], "float > 0, <= 1"),
        (list[Annotated[int, Ge(1)]], "list[int >= 1]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (Literal["a", "b"], "'a' | 'b'"),
        (dict[str, float] | None, "dict[str, float] | null"),
    ],
)
def test_a_type_is_reported_in_a_readers_words(annotation, text):
    def factory(*, x: annotation): ...

    assert Options(factory, "m").fields["x"].type_text == text


# -- values ----------------------------------------------------------------------------------------


def typed(
    *,
    whole: int = 1,
    number: float = 1.0,
    flag: bool = False,
    text: str = "",
    some: list[Annotated[int, Ge(1)]] = [1],  # noqa: B006
    pair: tuple[float, float] = (0.0, 1.0),
    kind: Literal["relu", "tanh"] = "relu",
    maybe: Annotated[int, Ge(1)] | None = None,
    weights: Literal["balanced"] | dict[str, Annotated[float, Gt(0)]] | None = None,
    where: Path = Path("a"),
    share: Annotated[float, Ge(0), Lt(1)] = 0.0,
): ...


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("whole", 1.5, "whole must be a whole number, not 1.5."),
        ("whole", 1.0, "whole must be a whole number, not 1.0."),
        ("whole", True, "whole must be a whole number, not true."),
        ("whole", "1", "whole must be a whole number, not the text '1'. Write it without quotes."),
        ("whole", "one", "whole must be a whole number, not the text 'one'."),
        ("whole", None, "whole must be a whole number, not nothing (null)."),
        ("number", "0.1", "number must be a number, not the text '0.1'. Write it without quotes."),
        ("number", False, "number must be a number, not false."),
        ("number", math.nan, "number must be a finite number, not nan."),
        ("number", math.inf, "number must be a finite number, not inf."),
        ("flag", 1, "flag must be true or false, not 1."),
        ("flag", "no", "flag must be true or false, not the text 'no'. Write false."),
        ("flag", "on", "flag must be true or false, not the text 'on'. Write true."),
        ("text", 5, "text must be text, not 5. Put it in quotes: '5'."),
        ("text", ["a"], "text must be text, not a list of 1."),
        ("some", 5, "some must be a list, not 5. Write [5]."),
        ("some", {}, "some must be a list, not a mapping."),
        ("kind", "rellu", "kind must be 'relu' or 'tanh', not the text 'rellu'. Did you mean 'relu'?"),
        ("kind", 3, "kind must be 'relu' or 'tanh', not 3."),
        ("maybe", 0, "maybe must be a number of at least 1, not 0."),
        ("share", 1, "share must be a number less than 1, not 1."),
        ("share", -0.1, "share must be a number of at least 0, not -0.1."),
        ("where", 1, "where must be text, not 1. Put it in quotes: '1'."),
    ],
)
def test_a_wrong_value_is_reported_in_one_sentence(option, value, message):
    assert only_mistake(typed, **{option: value}) == ((option,), f"model 'm': {message}")


@pytest.mark.parametrize(
    ("option", "value", "becomes"),
    [
        ("number", 1, 1.0),
        ("pair", [1, 2], (1.0, 2.0)),
        ("maybe", None, None),
        ("maybe", 3, 3),
        ("weights", "balanced", "balanced"),
        ("weights", {"a": 2}, {"a": 2.0}),
        ("where", "b/c", Path("b/c")),
        ("where", Path("b"), Path("b")),
        ("text", "1e-3", "1e-3"),
    ],
)
def test_a_right_value_has_the_type_that_the_factory_asked_for(option, value, becomes):
    found = checked(typed, **{option: value})[option]
    assert found == becomes
    assert type(found) is type(becomes) or isinstance(found, Path)


def test_in_a_list_the_wrong_item_is_named():
    assert only_mistake(typed, some=[1, 0, 2]) == (
        ("some", 1),
        "model 'm': some[1] must be a number of at least 1, not 0.",
    )


def test_a_list_that_is_too_short_says_what_is_missing():
    _, message = only_mistake(typed, pair=[1.0])
    assert message == "model 'm': pair has too few items: pair[1] is missing."


def test_of_a_union_the_innermost_value_is_complained_about():
    assert only_mistake(typed, weights={"a": 1.0, "b": -1}) == (
        ("weights", "b"),
        "model 'm': weights.b must be a number greater than 0, not -1.",
    )


def test_a_value_that_fits_no_member_of_a_union_is_reported_all_of_them():
    _, message = only_mistake(typed, weights=3)
    assert message == "model 'm': weights must be 'balanced' or a mapping, not 3."


def test_every_mistake_is_reported_at_once():
    def factory(*, dim: int, lr: float = 0.1): ...

    assert mistakes(factory, lr="x", learning_rate=1) == [
        (("dim",), "model 'm': the option 'dim' is missing; it has no default."),
        (("lr",), "model 'm': lr must be a number, not the text 'x'."),
        (
            ("learning_rate",),
            "model 'm': unknown option 'learning_rate'. Its options: dim, lr. Did you mean 'lr'?",
        ),
    ]


def test_values_that_no_recipe_could_hold_are_mistakes_not_crashes():
    endless: list[Any] = []
    endless.append(endless)
    for value in (object(), {1}, endless, "\ud800", 10**5000):
        ((path, message),) = mistakes(typed, text=value)
        assert path == ()
        assert message.startswith("model 'm': ")


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@many
@given(st.dictionaries(st.sampled_from([*Options(typed, "m").fields, "other"]), PLAIN, max_size=4))
def test_any_plain_values_are_either_right_or_reported_as_wrong_at_their_place(values):
    found, wrong = Options(typed, "m").check(values)
    assert bool(found) != bool(wrong)
    for path, message in wrong:
        assert message.startswith("m: ")
        assert path[0] in values
    if found:
        assert Options(typed, "m").check({**found, "where": str(found["where"])})[0] == found


@many
@given(st.text())
def test_text_never_becomes_a_number_or_a_truth_value(text):
    for option in ("whole", "number", "flag"):
        assert only_mistake(typed, **{option: text})[0] == (option,)


@many
@given(st.floats())
def test_a_fraction_never_becomes_a_whole_number(number):
    assert mistakes(typed, whole=number)


@many
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_finite_number_arrives_unchanged(number):
    found = checked(typed, number=number)["number"]
    assert found == number
    assert math.copysign(1, found) == math.copysign(1, number)


# -- defaults that a recipe cannot state -----------------------------------------------------------


def none_for_int(*, dim: int = None): ...  # noqa: RUF013
def infinite(*, dim: float = math.inf): ...
def out_of_range(*, needed: str, dim: Annotated[int, Ge(1)] = 0): ...
def a_function(*, dim: Any = len): ...


@pytest.mark.parametrize("factory", [none_for_int, infinite, out_of_range, a_function])
def test_a_default_that_would_not_read_back_is_the_plugins_mistake(factory):
    with pytest.raises(PluginError, match=r"m: .*dim"):
        Options(factory, "m").refuse_unusable_defaults()


def test_usable_defaults_pass():
    Options(typed, "m").refuse_unusable_defaults()


# -- JSON Schema -----------------------------------------------------------------------------------


def test_the_schema_tells_types_ranges_defaults_and_documentation():
    def factory(*, dims: list[Annotated[int, Ge(1)]] = [2], kind: Literal["a", "b"]):  # noqa: B006
        """Does.

        Options:
            dims: how wide.
        """

    schema, definitions = Options(factory, "m").json_schema("m")
    assert definitions == {}
    assert schema == {
        "type": "object",
        "properties": {
            "dims": {
                "type": "array",
                "items": {"type": "integer", "minimum": 1},
                "default": [2],
                "description": "how wide.",
            },
            "kind": {"type": "string", "enum": ["a", "b"]},
        },
        "required": ["kind"],
        "additionalProperties": False,
    }


def test_an_option_without_a_json_schema_is_the_plugins_mistake():
    from collections.abc import Callable

    def factory(*, call: Callable[..., Any]): ...

    with pytest.raises(PluginError, match="m: its options have a type without JSON Schema"):
        Options(factory, "m").json_schema("m")


# -- calling plain functions -----------------------------------------------------------------------


def test_facts_are_given_by_the_names_of_the_parameters():
    def factory(n_classes, /, n_features, *, dim: int = 7):
        return n_classes, n_features, dim

    assert call_with_facts(factory, {"n_features": 5, "n_classes": 3, "seed": 0}) == (3, 5, 7)


def test_parameters_with_a_default_keep_it_where_the_fact_is_unknown():
    def factory(a=1, /, b=2, *rest, **more):
        return a, b, rest, more

    assert call_with_facts(factory, {}) == (1, 2, (), {})
    assert call_with_facts(factory, {"b": 5}) == (1, 5, (), {})


def test_asking_for_an_unknown_fact_names_it_and_the_nearest():
    def factory(n_feature): ...

    with pytest.raises(PluginError, match=r"'factory' asks for 'n_feature'.*Did you mean 'n_features'\?"):
        call_with_facts(factory, {"n_features": 1})


# -- options that must fit each other, and nested ones ----------------------------------------------


def between(*, low: int = 0, high: int = 9): ...


between.check_options = lambda *, low, high: None if low < high else f"low ({low}) must be below high ({high})."


def test_options_that_do_not_fit_each_other_are_reported_once_each_is_valid():
    assert checked(between, low=3) == {"low": 3, "high": 9}
    assert only_mistake(between, low=9) == ((), "model 'm': low (9) must be below high (9).")
    assert only_mistake(between, low="x", high=-1)[0] == ("low",)


def test_a_check_of_options_that_raises_is_reported_as_the_factorys_fault():
    def factory(*, x: int): ...

    factory.check_options = lambda *, x: "too small." if 1 // x > 1 else None
    assert checked(factory, x=2) == {"x": 2}
    says = "model 'm': its check_options failed: ZeroDivisionError: integer division or modulo by zero."
    assert only_mistake(factory, x=0) == ((), says)


class Inner(BaseModel):
    dim: int = 3


@dataclass
class Plain:
    dim: int = 3


@pytest.mark.parametrize("kind", [Inner, Plain])
def test_nested_options_are_as_strict_as_others(kind):
    def factory(*, inner: kind): ...

    factory.__annotations__["inner"] = kind
    assert checked(factory, inner={"dim": 4})["inner"].dim == 4
    assert only_mistake(factory, inner={"dmi": 4})[1] == "model 'm': unknown key 'inner.dmi'."
    assert only_mistake(factory, inner={"dim": "4"})[0] == ("inner", "dim")


def test_numpy_values_are_numbers_and_lists():
    def factory(*, rate: float, sizes: list[int], on: bool = False): ...

    given = checked(factory, rate=np.float32(0.5), sizes=np.array([1, 2]), on=np.bool_(True))
    assert given == {"rate": 0.5, "sizes": [1, 2], "on": True}
    assert [type(value) for value in given["sizes"]] == [int, int]


def test_options_can_be_pickled_once_used():
    options = Options(between_importable, "model 'm'")
    options.check({})
    again = pickle.loads(pickle.dumps(options))
    assert again.check({"low": 2}) == options.check({"low": 2})


def between_importable(*, low: int = 0): ...


def test_exactly_one_of_two_options_can_be_asked_for():
    def factory(*, path: str | None = None, url: str | None = None): ...

    factory.check_options = lambda *, path, url: None if (path is None) != (url is None) else "give path or url."
    Options(factory, "dataset 'd'").refuse_unusable_defaults()
    assert checked(factory, path="x") == {"path": "x", "url": None}
    assert only_mistake(factory) == ((), "model 'm': give path or url.")


@pytest.mark.parametrize(
    ("check", "says"),
    [
        (lambda **_: sys.exit(0), "its check_options failed: SystemExit: 0."),
        (lambda **_: {"x": 1}, "its check_options returned a dict, neither None nor a sentence."),
    ],
)
def test_a_check_of_options_that_breaks_its_contract_is_reported(check, says):
    def factory(*, x: int = 1): ...

    factory.check_options = check
    assert only_mistake(factory) == ((), f"model 'm': {says}")


def test_a_check_of_options_cannot_change_them():
    def factory(*, x: list[int]): ...

    factory.check_options = lambda *, x: x.append(99)
    assert checked(factory, x=[1]) == {"x": [1]}


@pytest.mark.parametrize("values", ["f1", 5, ["abstain"], [("abstain", 0.5)]])
def test_what_is_no_mapping_is_reported(values):
    with pytest.raises(RecipeError, match=r"decision must be a mapping of options to values, not a (str|int|list)\."):
        Options(_abstaining, "decision").accepted(values)


def _abstaining(*, abstain: float = 0.5): ...
