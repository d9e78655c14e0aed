"""Dataset `fasttext`: labels in front of each line."""

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
    path = file("__label__x the red one\r\n\n__label__y\tgreen  one \n  __label__x blue __label__late\n")
    assert read(path) == (["the red one", "green  one", "blue __label__late"], ["x", "y", "x"])


def test_several_labels_on_any_line_make_all_lines_have_lists(file):
    path = file("__label__x red\n__label__x __label__y  __label__x both\nnothing\n")
    assert read(path) == (["red", "both", "nothing"], [("x",), ("x", "y"), ()])


def test_another_prefix(file):
    path = file("#x red\n#y #z green\n")
    assert read(path, prefix="#") == (["red", "green"], [("x",), ("y", "z")])
    assert refused(path).startswith("no line begins with a label")


def test_lists_may_be_asked_for_or_refused(file):
    path = file("__label__x red\n__label__y green\n")
    assert read(path, multi_label=True)[1] == [("x",), ("y",)]
    assert refused(file("__label__x red\n__label__x __label__y b\n"), multi_label=False) == (
        "line 2: several labels, but dataset.multi_label is false."
    )


def test_several_labels_in_one_split_make_lists_of_all_splits(file):
    train, test = file("__label__x red\n__label__y a\n"), file("__label__x __label__y both\n", "test.txt")
    dataset = fasttext(0, train=train, test=test)
    assert dataset.train[1] == [("x",), ("y",)] and dataset.test[1] == [("x", "y")]


def test_lines_without_text_or_label_are_told_or_dropped(file):
    path = file("__label__x red\n\nno label\n__label__y\n__label__ empty label\n__label__y green\n")
    assert refused(path).startswith("1 of 5 rows have no text, 2 no label (lines 3, 4, 5). Fill them in")
    dataset = fasttext(0, train=path, test_fraction=0.0, missing="drop")
    assert dataset.train == (["red", "green"], ["x", "y"])
    assert "(lines 3, 4, 5); they were left out" in dataset.warnings[0]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("", "has no row with a text and a label"),
        ("just a text\nanother\n", "no line begins with a label"),
        ("__label__x\n", "has no row with a text and a label"),
        ("__label__x caf\xe9".encode("latin-1"), "byte 0xe9 is not utf-8"),
        ("__label__x a\0b", "a NUL byte"),
    ],
)
def test_a_file_that_is_none_is_told(file, content, part):
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
        st.tuples(st.lists(WORD, min_size=1, max_size=3, unique=True), st.lists(WORD, min_size=1)), min_size=1
    )
)
def test_lines_of_words_are_read_back_exactly(tmp_path_factory, lines):
    path = tmp_path_factory.getbasetemp() / "property.txt"
    rows = [([*labels], " ".join(words)) for labels, words in lines]
    written = [" ".join([*(f"__label__{label}" for label in labels), text]) for labels, text in rows]
    path.write_text("\n".join(written), encoding="utf-8", newline="")
    assert read(path, multi_label=True) == ([text for _, text in rows], [tuple(labels) for labels, _ in rows])
