"""Dataset `fasttext`: labels among the words of each line."""

from functools import partial

import pytest
from conftest import refusal
from hypothesis import given, strategies as st

from textforge import PluginManager
from textforge_standard.datasets.fasttext import fasttext


@pytest.fixture
def file(tmp_path):
    def write(content, name="data.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def read(path, **options):
    return fasttext(0, train=path, **{"test_fraction": 0.0, **options}).train


refused = partial(refusal, read)


def test_one_label_a_line(file):
    path = file("__label__x the red one\r\n\n__label__y\tgreen  one \n  __label__x blue late \n")
    assert read(path) == (["the red one", "green  one", "blue late"], ["x", "y", "x"])


def test_labels_are_read_wherever_they_stand_in_a_line(file):
    path = file("red one __label__x\ngreen __label__y  one\n__label__x blue\tsea\t__label__z\t\r\n")
    assert read(path) == (["red one", "green one", "blue\tsea"], [("x",), ("y",), ("x", "z")])


def test_only_a_word_that_begins_with_the_prefix_is_a_label(file):
    path = file("__label__x my__label__a is no label\n__label__y nor is\u00a0__label__b one\n")
    assert read(path) == (["my__label__a is no label", "nor is\u00a0__label__b one"], ["x", "y"])


def test_several_labels_on_any_line_make_all_lines_have_lists(file):
    path = file("__label__x red\n__label__x __label__y  __label__x both\nnothing\n")
    assert read(path) == (["red", "both", "nothing"], [("x",), ("x", "y"), ()])


def test_another_prefix(file):
    path = file("#x red\n#y #z green\n")
    assert read(path, prefix="#") == (["red", "green"], [("x",), ("y", "z")])
    assert refused(path).startswith("no line has a label")


def test_lists_may_be_asked_for_or_refused(file):
    path = file("__label__x red\n__label__y green\n")
    assert read(path, multi_label=True)[1] == [("x",), ("y",)]
    assert refused(file("__label__x red\n__label__x __label__y b\n"), multi_label=False) == (
        "line 2 has several labels, but dataset.multi_label is false."
    )


def test_several_labels_in_one_split_make_lists_of_all_splits(file):
    train, test = file("__label__x red\n__label__y a\n"), file("__label__x __label__y both\n", "test.txt")
    dataset = fasttext(0, train=train, test=test)
    assert dataset.train[1] == [("x",), ("y",)] and dataset.test[1] == [("x", "y")]


def test_labels_that_look_alike_are_joined_by_an_option(file):
    path = file("__label__caf\u00e9 red\n__label__cafe\u0301 green\n__label__Caf\u00e9 __label__caf\u00e9 blue\n")
    assert {*read(path, similar_labels="join")[1]} == {("caf\u00e9",), ("Caf\u00e9", "caf\u00e9")}
    assert {*read(path, similar_labels="ignore_case")[1]} == {("caf\u00e9",)}


def test_lines_without_text_or_label_are_reported_or_dropped(file):
    path = file("__label__x red\n\nno label\n__label__y\n__label__ empty label\n__label__y green\n")
    assert refused(path).startswith("1 of 5 rows have no text, 2 no label (lines 3, 4, 5). Fill them in")
    dataset = fasttext(0, train=path, test_fraction=0.0, missing="drop")
    assert dataset.train == (["red", "green"], ["x", "y"])
    assert "(lines 3, 4, 5); they were dropped" in dataset.warnings[0]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("", "no row has both a text and a label"),
        ("just a text\nanother\n", "no line has a label"),
        ("__label__x\n", "no row has both a text and a label"),
        ("__label__x caf\xe9".encode("latin-1"), "byte 0xe9 is not utf-8"),
        ("__label__x a\0b", "a NUL byte"),
    ],
)
def test_a_file_that_is_none_is_reported(file, content, part):
    assert part in refused(file(content), missing="drop")


def test_look_at_knows_its_own(file, tmp_path):
    look_at = PluginManager().component("dataset", "fasttext").factory.look_at
    path = file("__label__x red\n__label__y\n", "train.txt")
    assert look_at(path)["options"] == {"train": path, "missing": "drop"}
    several = look_at(file("__label__x __label__y red\n__label__y\n", "test.txt"))
    assert several["multi_label"] is True
    assert set(look_at(tmp_path)["options"]) == {"train", "test", "missing"}
    assert look_at(file("red\n__label__y b\n", "other.txt")) is None
    assert look_at(file("__label__x red\n", "data.csv")) is None
    assert look_at(file(b"\xff\0", "binary.txt")) is None


WORD = st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), min_size=1, max_size=6).filter(
    lambda word: len(word.split()) == 1 and word == word.strip() and not word.startswith("__label__")
)


@given(
    lines=st.lists(
        st.tuples(st.lists(WORD, min_size=1), st.lists(st.tuples(st.integers(0, 9), WORD), min_size=1, max_size=3)),
        min_size=1,
    ),
    space=st.text(" \t\v\f\r", min_size=1, max_size=2),
)
def test_labels_anywhere_among_the_words_are_read_back_exactly(tmp_path_factory, lines, space):
    path, written, expected = tmp_path_factory.getbasetemp() / "property.txt", [], []
    for words, places in lines:
        line = list(words)
        for place, label in places:
            line.insert(min(place, len(line)), f"__label__{label}")
        written.append(space.join(line))
        labels = (word.removeprefix("__label__") for word in line if word.startswith("__label__"))
        expected.append((space.join(words), tuple(dict.fromkeys(labels))))
    path.write_text("\n".join(written), encoding="utf-8", newline="")
    assert read(path, multi_label=True) == ([text for text, _ in expected], [labels for _, labels in expected])
