"""Rows of separated values: fields are counted in every row, whatever columns are read."""

from __future__ import annotations

import csv
import io

import pytest
from conftest import make_texts, only_json, small_recipe, write_csv
from hypothesis import given, settings, strategies as st
from in_process import invoke

from textforge import DataError
from textforge.runs.evaluation import evaluate
from textforge_standard.datasets.csv_files import csv_files
from textforge_standard.datasets.csv_reader import read_separated, separated_blocks
from textforge_standard.datasets.csv_rows import Rows, parsed
from textforge_standard.datasets.tsv import tsv

HEADER = "text,label,id\n"
GOOD = HEADER + "the moon rises,space,1\na home run,ball,2\n"


def refused(call, *arguments, **options):
    with pytest.raises(DataError) as told:
        call(*arguments, **options)
    assert "\n" not in str(told.value)
    return str(told.value)


def in_blocks(path, wanted, **options):
    """The columns of all blocks together, and the warnings."""
    found, warnings = {name: [] for name in wanted}, []
    for table in separated_blocks(path, wanted, **options):
        for name, values in table.columns.items():
            found[name] += values
        warnings += table.warnings
    return found, warnings


# -- rows of another width ---------------------------------------------------------------------

TOO_MANY, TOO_FEW = "moon, planets and stars,space,3", "only a text,space"


@pytest.mark.parametrize(("row", "n"), [(TOO_MANY, 4), (TOO_FEW, 2), ("one", 1)])
@pytest.mark.parametrize("quotes", [True, False])
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_a_row_of_another_width_is_refused_with_its_line(
    file, tmp_path, monkeypatch, row, n, quotes, named, stream, kind
):
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "cache"))
    content = (GOOD.removeprefix(HEADER) if named else GOOD) + row + "\n" + "the pitcher throws,ball,4\n" * 9
    content = content.replace(",", "\t") if kind == "tsv" else content
    path = file(content)
    options = {"quotes": quotes, "stream": stream, **({"names": ["text", "label", "id"]} if named else {})}
    told = refused({"csv": csv_files, "tsv": tsv}[kind], 0, train=path, **options)
    where = "dataset.names has 3" if named else "the header has 3"
    assert f"{path}: line {3 if named else 4}: {n} column{'s' * (n > 1)}, but {where}." in told


def test_a_ragged_test_file_is_refused_in_evaluate(tmp_path):
    import textforge as library

    train = write_csv(tmp_path / "train.csv", *make_texts(60))
    run = library.run(small_recipe(train), out=tmp_path / "run")
    bad = tmp_path / "bad.csv"
    bad.write_text(GOOD.replace("space", "ball") + TOO_MANY.replace("space", "ball") + "\n")
    assert f"{bad}: line 4: 4 columns, but the header has 3." in refused(evaluate, run.path, data=bad)


def test_further_rows_of_another_width_are_named_too(file):
    path = file(GOOD + (TOO_MANY + "\n") * 3 + "one\n" * 12)
    told = refused(csv_files, 0, train=path)
    assert "line 4: 4 columns, but the header has 3." in told
    assert told.endswith("Lines with the same error: 5, 6, 7, 8, 9, 10, 11, 12 and 6 more.")
    assert refused(in_blocks, path, {"text": "text"}, size=1) == told


def test_a_row_that_a_quote_continues_over_lines_says_so(file):
    told = refused(csv_files, 0, train=file(GOOD + '"open,ball,1\nclosed",x\n'))
    assert "line 4: 2 columns, but the header has 3. A quote opens in this row, which ends on line 5" in told
    assert "dataset.quotes: false" in told


# A lone \r is in no field: where lines end with \n, the csv module leaves it without quotes.
CELL = st.lists(st.sampled_from([*'ab,"\n ;\té', "\r\n"]), max_size=6).map("".join)


@st.composite
def tables(draw, min_columns=1, min_rows=0):
    width = draw(st.integers(min_columns, 4))
    header = [f"c{number}" for number in range(width)]
    rows = draw(st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=min_rows, max_size=8))
    return header, [row for row in rows if row != header]


def written(header, rows, separator, end, quoting=csv.QUOTE_MINIMAL):
    """The text that Python's csv module writes for the rows, and the line on which each begins."""
    text, lines = io.StringIO(), []
    writer = csv.writer(text, delimiter=separator, lineterminator=end, quoting=quoting)
    for row in [header, *rows]:
        lines.append(text.getvalue().count("\n") + 1)
        writer.writerow(row)
    return text.getvalue(), lines[1:]


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    table=tables(),
    separator=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    size=st.integers(1, 60),
    data=st.data(),
)
def test_a_table_is_read_back_exactly_for_any_columns(tmp_path_factory, table, separator, end, quoting, size, data):
    header, rows = table
    wanted = data.draw(st.lists(st.sampled_from(header), min_size=1, unique=True))
    path = tmp_path_factory.getbasetemp() / "table.csv"
    path.write_text(written(header, rows, separator, end, quoting)[0], newline="", encoding="utf-8")
    expected = {name: [row[header.index(name)] for row in rows] for name in wanted}
    options = dict.fromkeys(wanted, "text")
    whole = read_separated(path, options, separator=separator)
    blocks, warnings = in_blocks(path, options, separator=separator, size=size)
    for found in (whole.columns, blocks):
        assert {name: [value or "" for value in values] for name, values in found.items()} == expected
    assert whole.warnings or not warnings


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    table=tables(min_columns=2, min_rows=1),
    separator=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
    size=st.integers(1, 60),
    data=st.data(),
)
def test_a_ragged_row_is_refused_with_its_line_for_any_columns(tmp_path_factory, table, separator, end, size, data):
    header, rows = table
    if not rows:
        return
    at = data.draw(st.integers(0, len(rows) - 1))
    wanted = data.draw(st.lists(st.sampled_from(header), min_size=1, unique=True))
    n = data.draw(st.sampled_from([n for n in range(1, len(header) + 3) if n != len(header)]))
    rows[at] = [*rows[at], "x", "y"][:n] if n > 1 else ["x"]  # alone, an empty field is a blank line
    text, lines = written(header, rows, separator, end)
    path = tmp_path_factory.getbasetemp() / "ragged.csv"
    path.write_text(text, newline="", encoding="utf-8")
    options = dict.fromkeys(wanted, "text")
    told = refused(read_separated, path, options, separator=separator)
    assert f"line {lines[at]}: {n} column{'s' * (n > 1)}, but the header has {len(header)}." in told
    assert refused(in_blocks, path, options, separator=separator, size=size) == told


@settings(max_examples=500, deadline=None)
@given(body=st.text(st.sampled_from('ab,"\n\r '), max_size=20), quotes=st.booleans())
def test_rows_are_found_where_the_reader_of_single_fields_finds_them(body, quotes):
    text = "a,b\n" + body + "\n"
    rows = Rows(text.encode(), ",", quotes)
    try:
        every = list(parsed(text, ",", quotes))
    except ValueError:
        assert not rows.quotes_fit()
        return
    assert rows.quotes_fit()
    found = [(rows.line_of(row), rows.fields(row)) for row in range(len(rows))]
    assert [one for one in found if any(map(str.strip, one[1]))] == [
        one for one in every if any(map(str.strip, one[1]))
    ]
    assert rows.widths.tolist() == [len(fields) for _, fields in found]


# -- blank lines -------------------------------------------------------------------------------


def test_blank_lines_are_no_rows_and_do_not_shift_the_lines_of_messages(file):
    path = file(HEADER + "\nred,x,1\n\n  \n\r\ngreen,y,2\n\n")
    wanted = {"text": "text", "label": "label"}
    assert read_separated(path, wanted).columns == {"text": ["red", "green"], "label": ["x", "y"]}
    assert in_blocks(path, wanted, size=1)[0] == read_separated(path, wanted).columns
    assert "line 9: 1 column" in refused(read_separated, file(path.read_text() + "blue\n"), wanted)


def test_in_a_table_of_one_column_spaces_and_empty_quotes_are_values_and_blank_lines_are_not(file):
    path = file('text\n\nred\n  \n""\n\n')
    assert [value or "" for value in read_separated(path, {"text": "text"}).columns["text"]] == ["red", "  ", ""]


def test_lines_within_quotes_may_be_blank(file):
    path = file(HEADER + '"red\n\n\ngreen",x,1\n')
    assert read_separated(path, {"text": "text"}).columns["text"] == ["red\n\n\ngreen"]


# -- the command line --------------------------------------------------------------------------


def test_a_run_and_init_on_a_ragged_file_end_with_code_2_and_the_line(tmp_path, monkeypatch):
    import yaml

    monkeypatch.chdir(tmp_path)
    bad = tmp_path / "bad.csv"
    bad.write_text(GOOD + TOO_MANY + "\n")
    (tmp_path / "bad.yaml").write_text(yaml.safe_dump(small_recipe(bad)))
    for arguments in (("run", "bad.yaml", "--out", "run"), ("init", "bad.csv", "-o", "new.yaml")):
        done = invoke(*arguments)
        assert done.returncode == 2 and "line 4: 4 columns, but the header has 3." in done.stderr, done.stderr
    good = write_csv(tmp_path / "good.csv", *make_texts(60))
    (tmp_path / "good.yaml").write_text(yaml.safe_dump(small_recipe(good)))
    trained = invoke("run", "good.yaml", "--out", "run", "--json")
    assert only_json(trained.stdout)["test"]["n"], trained.stderr
