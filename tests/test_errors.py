"""Errors: exit codes, places with carets, and the name that was meant."""

import pytest

from textforge import errors
from textforge.errors import Mistake, Place, RecipeError, alternatives, listed, nearest


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("TextforgeError", 1),
        ("ComponentError", 1),
        ("TrainingError", 1),
        ("StorageError", 1),
        ("RecipeError", 2),
        ("PluginError", 2),
        ("DataError", 2),
        ("BundleError", 2),
        ("DataUnavailable", 3),
    ],
)
def test_each_error_ends_the_command_line_with_its_code(name, code):
    kind = getattr(errors, name)
    assert issubclass(kind, errors.TextforgeError)
    assert kind("what went wrong").exit_code == code


def test_a_recipe_error_holds_every_mistake_and_tells_them_line_by_line():
    error = RecipeError([Mistake("first", Place("a.yaml", 1, 2)), Mistake("second")])
    assert [mistake.message for mistake in error.mistakes] == ["first", "second"]
    assert str(error) == "a.yaml:1:2: first\nsecond"


def test_a_recipe_error_made_of_text_holds_one_mistake():
    assert RecipeError("oh").mistakes == (Mistake("oh"),)


def test_carets_stand_under_the_value():
    place = Place("r.yaml", 7, 14, "model: {use: mpl, hidden: [100]}", 3)
    assert str(Mistake("no.", place)).split("\n") == [
        "r.yaml:7:14: no.",
        "    model: {use: mpl, hidden: [100]}",
        "                 ^^^",
    ]


@pytest.mark.parametrize("column", [1, 100, 5_000, 9_990])
def test_a_long_line_is_cut_around_the_value(column):
    line = "".join(chr(ord("a") + n % 26) for n in range(10_000))
    _, shown, carets = str(Mistake("no.", Place("r.yaml", 1, column, line, 5))).split("\n")
    assert len(shown) <= 124
    start = carets.index("^")
    assert shown[start : start + 5] == line[column - 1 : column + 4]
    assert carets.count("^") == 5


def test_the_shown_line_cannot_steer_the_terminal_nor_shift_the_carets():
    _, shown, carets = str(Mistake("no.", Place("r.yaml", 1, 5, "a\t\x1b[ b", 1))).split("\n")
    assert shown == "    a  [ b"
    assert carets == "        ^"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("mpl", "mlp"),
        ("MLP", "mlp"),
        ("learning_rate", "lr"),
        ("max_epochs", "epochs"),
        ("batch", "batch_size"),
        ("mean-pol", "mean_pool"),
        ("zzz", None),
        ("", None),
    ],
)
def test_the_name_that_was_meant_is_found(written, meant):
    assert nearest(written, ["mlp", "lr", "epochs", "batch_size", "mean_pool"]) == meant


def test_names_in_a_sentence():
    assert listed([]) == "none"
    assert listed(["a", "b"]) == "a, b"
    assert listed(map(str, range(22))) == ", ".join(map(str, range(20))) + " and 2 more"
    assert alternatives([]) == ""
    assert alternatives("a") == "'a'"
    assert alternatives("abc") == "'a', 'b' or 'c'"
