"""Errors: exit codes, places with carets, and the name that was meant."""

import pytest

from textforge import errors
from textforge.errors import (
    LONGEST_MESSAGE,
    SHOWN,
    Mistake,
    Place,
    RecipeError,
    alternatives,
    cut,
    listed,
    names,
    nearest,
)


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


# -- bounds ----------------------------------------------------------------------------------------


def test_of_thousands_of_mistakes_the_first_are_spelt_out_and_the_others_counted():
    error = RecipeError([Mistake(f"mistake {n}") for n in range(9000)])
    assert str(error).split("\n") == [*(f"mistake {n}" for n in range(SHOWN)), "and 8,990 more mistakes."]
    assert len(error.mistakes) == 9000
    assert str(RecipeError([Mistake("a")] * SHOWN)).count("\n") == SHOWN - 1, "as many as are shown: none is left out"
    assert str(RecipeError([Mistake("a")] * (SHOWN + 1))).endswith("\nand 1 more mistake.")


def test_long_text_is_cut_in_its_middle():
    assert cut("a" * 60) == "a" * 60
    assert cut("a" * 50 + "b" * 50) == "a" * 39 + "…" + "b" * 20
    assert [len(cut("x" * n, 30)) for n in (29, 30, 31, 1000)] == [29, 30, 30, 30]


def test_a_message_is_bounded_whatever_it_quotes():
    place = Place("r.yaml", 1, 500_000, "x" * 1_000_000, 1_000_000)
    assert len(str(Mistake("y" * 1_000_000, place))) < LONGEST_MESSAGE + 300
    assert len(listed(["z" * 1_000_000] * 1000)) < 3000


def test_only_the_shown_piece_of_a_line_is_looked_at():
    class Line(str):
        def rstrip(self):
            return self

        def __iter__(self):
            raise AssertionError("the whole line is walked through")

    assert Place("r.yaml", 1, 7, Line("a" * 1_000_000)).pointer()


@pytest.mark.parametrize("n", [60, 10_000])
def test_among_many_candidates_the_nearest_is_found(n):
    names = [f"column{k:05d}" for k in range(n)]
    assert nearest("colunm00042", names) == "column00042"
    assert nearest("heading", [*names, "headings"]) == "headings"


def test_few_candidates_are_compared_in_full_and_none_for_a_very_long_name(monkeypatch):
    import difflib

    compared = []
    ratio = difflib.SequenceMatcher.ratio
    monkeypatch.setattr(difflib.SequenceMatcher, "ratio", lambda self: compared.append(1) or ratio(self))
    alike = [("ab" * 45)[k % 7 :] + str(k) for k in range(5000)]
    assert nearest("ab" * 45, alike)
    assert len(compared) <= 2 * names.COMPARED, "difflib asks twice for a ratio"
    assert nearest("ab" * 500_000, alike) is None
    assert nearest("ab", ["ab" * 500_000]) is None
