"""Dataset `tsv`: tabs, with quotes or without, with a header or without."""

import csv

import pytest
from hypothesis import given, strategies as st

from textforge import DataError, RecipeError
from textforge_standard.datasets.csv_files import csv_files
from textforge_standard.datasets.tsv import tsv


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "data.tsv"
        path.write_text(content, newline="")
        return path

    return write


def read(path, **options):
    return tsv(0, train=path, **{"test_fraction": 0.0, **options}).train


def refused(path, **options):
    with pytest.raises(DataError) as told:
        read(path, **options)
    return str(told.value)


def test_tabs_divide_columns(file):
    assert read(file("id\ttext\tlabel\n1\ta, b; c\tx\n2\td\ty\n")) == (["a, b; c", "d"], ["x", "y"])


def test_quotes_are_read_as_a_spreadsheet_writes_them(file):
    assert read(file('text\tlabel\n"a\t""b""\nc"\tx\n')) == (['a\t"b"\nc'], ["x"])


def test_quotes_that_mean_nothing_are_kept_where_that_is_asked_for(file):
    path = file('text\tlabel\n"so it goes\tx\n5" wide\ty\n"all"\tx\n')
    assert read(path) == (['"so it goes', '5" wide', "all"], ["x", "y", "x"])
    assert read(path, quotes=False) == (['"so it goes', '5" wide', '"all"'], ["x", "y", "x"])


def test_too_many_columns_are_reported_with_or_without_quotes(file):
    path = file("text\tlabel\na\tx\nb\tc\ty\n")
    for quotes in (True, False):
        assert "line 3: 3 columns, but the header has 2." in refused(path, quotes=quotes)


def test_columns_of_a_file_without_a_header_are_named(file):
    path = file("x\tred\ny\tgreen\n")
    assert read(path, names=["label", "text"]) == (["red", "green"], ["x", "y"])
    assert "line 1 has 2 columns, but dataset.names has 3 names." in refused(path, names=["label", "text", "id"])
    assert "no column 'text'. Its columns: label, body." in refused(path, names=["label", "body"])
    assert "rows 2)" in refused(file("x\tred\ny\t\n"), names=["label", "text"])  # not "after the header"
    assert "is empty" in refused(file(""), names=["label", "text"])


def test_windows_line_ends_without_quotes(file):
    assert read(file('text\tlabel\r\n"a\tx\r\nb\ty\r\n'), quotes=False) == (['"a', "b"], ["x", "y"])


def test_a_name_twice_is_reported_before_anything_is_read(file):
    from textforge import PluginManager

    for name in ("tsv", "csv"):
        with pytest.raises(RecipeError, match=f"dataset '{name}': names has 'text' twice"):
            PluginManager().part("dataset", name, train=str(file("")), names=["text", "label", "text"])


def test_csv_takes_the_same_options(file):
    path = file('x,"red\ny,5" wide\n')
    dataset = csv_files(0, train=path, names=["label", "text"], quotes=False, test_fraction=0.0)
    assert dataset.train == (['"red', '5" wide'], ["x", "y"])


def test_an_encoding_that_is_not_there_is_reported_before_anything_is_read(file):
    from textforge import PluginManager

    with pytest.raises(RecipeError, match="dataset 'tsv': unknown encoding 'klingon'"):
        PluginManager().part("dataset", "tsv", train=str(file("")), encoding="klingon")


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n\t"), min_size=1, max_size=9).filter(str.strip)


@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5), header=st.booleans())
def test_plain_lines_of_tabs_are_read_back_exactly(tmp_path_factory, rows, header):
    path = tmp_path_factory.getbasetemp() / "property.tsv"
    lines = [("text", "label"), *rows] if header else rows
    path.write_text("".join(f"{a}\t{b}\n" for a, b in lines), encoding="utf-8", newline="")
    if not header and rows[0][0].startswith("\ufeff"):
        return  # at the beginning of a file it is a byte-order mark
    found = read(path, quotes=False, names=None if header else ["text", "label"])
    assert found == ([text for text, _ in rows], [label for _, label in rows])


@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5))
def test_what_the_standard_library_writes_is_read_back_exactly(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "quoted.tsv"
    with path.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened, dialect="excel-tab").writerows([("text", "label"), *((f"{a}\t\n", b) for a, b in rows)])
    assert read(path) == ([f"{text}\t\n" for text, _ in rows], [label for _, label in rows])
