"""Lines of a text and its label, and which text files are such lines."""

from __future__ import annotations

import pytest
from conftest import make_texts
from hypothesis import given, strategies as st

from textforge import DataError
from textforge_standard.datasets.csv_files import csv_files
from textforge_standard.datasets.lines import line_blocks, lines

ROWS = list(zip(*make_texts(60), strict=True))


def test_a_text_may_hold_the_separator_and_quotes(file):
    path = file('i feel fine; really;joy\n"so what;sadness\n\n  \nno;joy', "d.txt")
    dataset = lines(0, train=path, separator=";", test_fraction=0.0)
    assert dataset.train == (["i feel fine; really", '"so what', "no"], ["joy", "sadness", "joy"])


def test_the_label_may_come_first(file):
    path = file("ham\tso\twhat\r\nspam\tbuy\r\n", "d.txt")
    assert lines(0, train=path, label="first", test_fraction=0.0).train == (["so\twhat", "buy"], ["ham", "spam"])


def test_a_line_without_text_or_label_is_refused_or_dropped(file):
    path = file("a b;x\nno label\n;y\nc;y\n", "d.txt")
    with pytest.raises(DataError, match=r"1 of 4 rows have no text, 1 no label \(lines 2, 3\)"):
        lines(0, train=path, separator=";")
    dataset = lines(0, train=path, separator=";", missing="drop", test_fraction=0.0)
    assert dataset.train == (["a b", "c"], ["x", "y"])


@pytest.mark.parametrize("stream", [False, True])
def test_a_file_without_the_separator_is_refused(file, tmp_path, monkeypatch, stream):
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DataError, match="no line has the separator"):
        lines(0, train=file("a;x\nb;y\n", "d.txt"), separator="|", stream=stream)


@given(content=st.text(st.sampled_from("ab;\n "), max_size=30), size=st.integers(1, 20))
def test_blocks_of_any_size_have_the_rows_of_the_whole_file(tmp_path_factory, content, size):
    path = tmp_path_factory.getbasetemp() / "lines.txt"
    path.write_text("a;b\n" + content)
    own = {"separator": ";", "label": "last"}
    blocks = list(line_blocks(path, {}, size=size, **own))
    (whole,) = line_blocks(path, {}, **own)
    for name in ("text", "label"):
        assert [value for block in blocks for value in block.columns[name]] == whole.columns[name]
    assert [number for block in blocks for number in block.numbers] == whole.numbers


def written(file, first, separator, name="d.txt", header=None):
    rows = [(label, text) if first else (text, label) for text, label in ROWS]
    return file("".join(f"{separator.join(row)}\n" for row in ([header] if header else []) + rows), name)


@pytest.mark.parametrize("name", ["d.txt", "d.data", "SMSCollection"])
@pytest.mark.parametrize("separator", ["\t", ";", "|", ","])
@pytest.mark.parametrize("first", [True, False])
def test_the_separator_and_the_place_of_the_label_are_found(file, first, separator, name):
    path = written(file, first, separator, name)
    found = lines.look_at(path)
    assert found["options"] == {"train": path, "separator": separator, "label": "first" if first else "last"}
    assert csv_files.look_at(path) is None


@pytest.mark.parametrize(
    ("separator", "line"), [(" ", "{label} {text}"), (":", "{label}: {text}"), (" ", "{label}:fine What {text}")]
)
def test_frequent_labels_may_end_with_a_space_or_a_colon(file, separator, line):
    path = file("".join(f"{line.format(text=f'the text {n}', label='xyz'[n % 3])}\n" for n in range(90)), "d.txt")
    assert lines.look_at(path)["options"] == {"train": path, "separator": separator, "label": "first"}


@pytest.mark.parametrize(
    "texts",
    [
        [f"{'the a this that it'.split()[n % 5]} text {n}" for n in range(40)],
        [*(f"{'the this it'.split()[n % 3]} text {n}" for n in range(90)), "Once only"],
    ],
)
def test_the_first_words_of_texts_are_no_labels(file, texts):
    with pytest.raises(DataError, match="its lines are not labelled texts"):
        lines.look_at(file("".join(f"{text}\n" for text in texts), "d.txt"))


def test_a_text_file_with_a_header_is_a_table(file):
    path = written(file, False, "\t", header=("text", "label"))
    assert lines.look_at(path) is None
    assert csv_files.look_at(path)["options"] == {"train": path, "separator": "\t", "text": "text", "label": "label"}


def test_a_text_file_of_three_columns_is_a_table(file):
    path = file("".join(f"{n}\t{text}\t{label}\n" for n, (text, label) in enumerate(ROWS)), "d.txt")
    assert lines.look_at(path) is None
    options = csv_files.look_at(path)["options"]
    assert (options["text"], options["label"], options["separator"]) == ("column_2", "column_3", "\t")


def test_lines_in_another_encoding_are_read(tmp_path):
    path = tmp_path / "d.txt"
    words = "как это было вчера на большой реке".split()
    rows = [f"{words[n % 7]} {words[n % 5]} {words[n % 3]} {text};{label}\n" for n, (text, label) in enumerate(ROWS)]
    path.write_bytes("".join(rows).encode("cp1251"))
    assert lines.look_at(path)["options"]["encoding"] == "cp1251"


def test_lines_in_the_format_of_fasttext_are_not_these(file):
    assert lines.look_at(file("__label__a b;c\n" * 9, "d.txt")) is None
