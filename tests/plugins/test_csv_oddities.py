"""Tables that other programs wrote oddly: what is read, what is refused, and what is said of it."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given, settings, strategies as st

from textforge import DataError
from textforge_standard.datasets.csv_files import csv_files
from textforge_standard.datasets.csv_reader import read_separated, separated_blocks
from textforge_standard.datasets.jsonl import jsonl
from textforge_standard.datasets.tsv import tsv

WANTED = {"text": "text", "label": "label"}


def both(path, wanted=WANTED, **options):
    """Columns and warnings, found alike in memory and in blocks."""
    whole = read_separated(path, wanted, **options)
    columns, warnings = {name: [] for name in wanted}, []
    for table in separated_blocks(path, wanted, **options):
        for name in wanted:
            columns[name] += table.columns[name]
        warnings += table.warnings
    assert (columns, warnings) == (whole.columns, whole.warnings)
    return columns, warnings


def refused(path, wanted=WANTED, **options):
    told = []
    for read in (read_separated, lambda *a, **o: list(separated_blocks(*a, **o))):
        with pytest.raises(DataError) as error:
            read(path, wanted, **options)
        told.append(str(error.value))
    assert told[0] == told[1] and "\n" not in told[0]
    return told[0]


# -- quotes that pair up with those of other rows ----------------------------------------------


@pytest.mark.parametrize("separator", ["\t", ",", ";"])
def test_rows_that_a_stray_quote_joins_are_reported_with_their_lines(file, separator):
    lines = [
        "text\tlabel",
        "the moon rises\tspace",
        '"so it goes\tspace',
        "a home run\tball",
        'and ends"\tball',
        "bat\tball",
    ]
    columns, (warning,) = both(file("\n".join(lines).replace("\t", separator)), separator=separator)
    assert columns["label"] == ["space", "ball", "ball"]
    assert "lines 3 to 5: 3 lines are read as one row" in warning and "dataset.quotes: false" in warning


def test_they_are_reported_whichever_column_has_the_quote_and_however_many_there_are(file):
    lines = ["label\ttext\tid"] + ['x\t"open\t1', 'y\tclosed"\t2', "x\tplain\t3"] * 12
    columns, (warning,) = both(file("\n".join(lines)), separator="\t")
    assert len(columns["text"]) == 24
    assert "lines 2 to 3, 5 to 6, 8 to 9" in warning and "and 4 more: 24 lines are read as 12 rows" in warning


def test_a_run_warns_of_them(file):
    path = file('text\tlabel\n"open\tx\nclosed"\ty\n' + "plain\tx\nother\ty\n" * 9, "d.tsv")
    (warning,) = tsv(0, train=path, test_fraction=0.0).warnings
    assert warning.startswith(f"{path}: lines 2 to 3: 2 lines are read as one row")
    assert tsv(0, train=path, test_fraction=0.0, quotes=False).warnings == ()


def test_texts_of_several_lines_that_a_writer_quoted_are_not_suspected(file):
    for text in (
        '"Dear John,\nthe moon rises,\nyours",x\n"Hi, all\nbye, you",y\n',
        '"a ""quoted"", word\nand, another",x\n',
        '"one\n\ntwo",x\n"1, 2\n3, 4",y\n',
    ):
        assert both(file("text,label\n" + text + "plain,x\nplain,y\n"))[1] == []
    assert both(file('text\tlabel\n"one\ntwo"\tx\n"a\t""b""\nc"\ty\n'), separator="\t")[1] == []


LINES = st.lists(st.text(st.sampled_from('ab "'), max_size=5), min_size=1, max_size=4).map("\n".join)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(LINES, st.sampled_from(["x", "y"])), max_size=8))
def test_texts_of_several_lines_without_separators_are_never_suspected(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "lines.tsv"
    with path.open("w", newline="") as opened:
        csv.writer(opened, dialect="excel-tab").writerows([("text", "label"), *rows])
    columns, warnings = both(path, separator="\t")
    assert warnings == [] and [value or "" for value in columns["text"]] == [text for text, _ in rows]


def test_a_quote_in_the_header_that_closes_rows_later_is_reported(file):
    told = refused(file('"text\tlabel\nred\tx\ngreen"\ty\n'), separator="\t")
    assert "line 1: a quote opens in the header, so it ends on line 3" in told and "dataset.quotes: false" in told


# -- lines that are no rows --------------------------------------------------------------------


@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;", "\ufeffsep=;"])
def test_a_separator_line_is_no_header(file, line):
    path = file(f"{line}\r\ntext;label\r\nred, green;x\r\nblue;y\r\n")
    assert both(path, separator=";") == ({"text": ["red, green", "blue"], "label": ["x", "y"]}, [])
    told = refused(path)
    assert "line 1 declares ';' as the separator" in told and 'dataset.separator: ";"' in told
    assert "dataset.use: csv" in refused(path, separator="\t")


def test_lines_are_counted_from_the_separator_line_on(file):
    path = file("sep=,\ntext,label\nred,x\ngreen\n")
    assert "line 4: 1 column, but the header has 2" in refused(path)
    assert "is empty" in refused(file("sep=,\n"))
    assert both(file("sep=;\nred;x\n"), separator=";", names=["text", "label"])[0]["label"] == ["x"]


@pytest.mark.parametrize(
    ("content", "line", "n"),
    [
        ("Feedback of 2023\ntext,label\nred,x\n", 2, 2),
        ("Feedback,,\ntext,label,id\nred,x,1\n", 2, 3),
        ("Feedback\n\nof 2023\n\ntext,label\nred,x\n", 5, 2),
        ('"Feedback, all of it"\ntext,label\nred,x\n', 2, 2),
        ("# from a tool\ntext,label\nred,x\n", 2, 2),
        ("\n\r\ntext,label\nred,x\n", 3, 2),
        ("# it's \"so, from a tool\n// version: 2\n\ntext,label\nred,x\n", 4, 2),
    ],
)
def test_lines_above_the_header_are_left_out_with_a_warning(file, content, line, n):
    path = file(content)
    columns, (warning,) = both(path)
    assert columns == {"text": ["red"], "label": ["x"]}
    above = (
        "line 1 is above the header and was" if line == 2 else f"lines 1 to {line - 1} are above the header and were"
    )
    assert warning == f"{path}: {above} skipped."
    assert len(read_separated(path, None).columns) == n


def test_a_header_that_begins_as_a_comment_does_is_a_header(file):
    assert both(file("#id,text,label\n0,red,x\n1,green,y\n"))[1] == []
    assert list(read_separated(file("#id,text,label\n0,red,x\n"), None).columns) == ["#id", "text", "label"]


def test_comments_above_rows_without_a_header_are_left_out(file):
    columns, (warning,) = both(file("# from a tool\nred,x\n# 2,y\n"), names=["text", "label"])
    assert columns == {"text": ["red", "# 2"], "label": ["x", "y"]}
    assert "line 1 is above the rows and was skipped." in warning


def test_a_title_above_a_header_that_lacks_a_column_is_diagnosed(file):
    told = refused(file("Feedback of 2023\nbody,label\nred,x\n"))
    assert "line 1 seems to be a title" in told and "line 2 has 2 columns: body, label." in told


def test_a_header_with_an_unnamed_column_is_no_title(file):
    assert both(file(",text,label\n0,red,x\n1,green,y\n"))[0]["text"] == ["red", "green"]
    assert both(file("text,\nred,x\n"), {"text": "text"})[0] == {"text": ["red"]}


def test_headers_that_stand_among_the_rows_are_left_out_and_reported(file):
    path = file('text,label\nred,x\ntext,label\ngreen,y\n"text","label"\n\ufefftext,label\nblue,x\n')
    columns, warnings = both(path)
    assert columns == {"text": ["red", "green", "blue"], "label": ["x", "y", "x"]}
    assert warnings == [f"{path}: lines 3, 5, 6 repeat the header and were skipped. Were several files concatenated?"]


def test_a_row_is_left_out_as_header_whatever_columns_are_read_and_no_other(file):
    path = file("text,label,id\ntext,x,1\ntext,label,id\ntext,label,date\nred,label,2\n")
    assert both(path)[0] == {"text": ["text", "red"], "label": ["x", "label"]}
    assert both(path, {"text": "text"})[0]["text"] == ["text", "text", "red"]
    assert both(file("text\ntext\n"), {"text": "text"}) == ({"text": ["text"]}, [])


def test_a_header_in_a_file_whose_columns_are_named_is_no_row(file):
    columns, (warning,) = both(file("text,label\nred,x\n"), names=["text", "label"])
    assert columns["text"] == ["red"]
    assert "line 1 repeats dataset.names and was skipped. If the file has a header, leave out names." in warning


def test_the_numbers_of_rows_count_those_that_were_left_out(file):
    path = file("text,label\nred,x\ntext,label\ngreen,\n")
    with pytest.raises(DataError, match=r"1 no label \(rows 3 after the header\)"):
        csv_files(0, train=path)


def test_a_separator_is_recognised_behind_a_title(file):
    assert 'dataset.separator: ";"' in refused(file("Feedback;;\n\ntext;label;id\nred;x;1\n"))
    assert 'dataset.separator: ";"' in refused(file("review;stars\nred, green;x\n"))


# -- what init finds ---------------------------------------------------------------------------

ROWS = [("red and green", "x"), ("green or blue", "y"), ("blue, mostly", "x"), ("nothing at all", "y")] * 5


def looked_at(file, lines, name="data.csv"):
    path = file("\n".join(lines) + "\n", name)
    found = {"data.csv": csv_files, "data.tsv": tsv}[name].look_at(path)
    dataset = {"data.csv": csv_files, "data.tsv": tsv}[name](0, **{**found["options"], "test_fraction": 0.0})
    return found["options"], found["why"], dataset.train


def test_init_takes_quotes_as_text_where_they_would_join_rows(file):
    rows = [*ROWS, ('"open', "x"), ('closed"', "y")]
    options, why, train = looked_at(file, ["text\tlabel", *map("\t".join, rows)], "data.tsv")
    assert options["quotes"] is False and "pair with one in another" in why["quotes"]
    assert train[0] == [text for text, _ in rows]


def test_init_keeps_quotes_around_texts_of_several_lines(file):
    options, _, train = looked_at(file, ["text\tlabel", '"red\nand ""green"""\tx', *map("\t".join, ROWS)], "data.tsv")
    assert "quotes" not in options and train[0][0] == 'red\nand "green"'


def test_init_takes_the_separator_from_a_separator_line(file):
    options, why, train = looked_at(file, ["sep=;", "text;label", *map(";".join, ROWS)])
    assert options["separator"] == ";" and why["separator"] == "as its first line, sep=;, declares"
    assert train[0] == [text for text, _ in ROWS]


def test_init_loses_no_first_row_where_there_is_no_header(file):
    options, _, train = looked_at(file, map(";".join, ROWS))
    assert options["names"] == ["column_1", "column_2"] and len(train[0]) == len(ROWS)
    options, _, train = looked_at(file, ["text;x", *map(";".join, ROWS)])
    assert "names" not in options and len(train[0]) == len(ROWS)


# -- secrets -----------------------------------------------------------------------------------

SECRETS = {
    "key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq8xPzQ9m2\n",
    "environment": "DB_PASSWORD=hunter2-and-more\nAPI=x\n",
    "token": "ghp_16C7e42F292c6912E7710c838347Ae178B4a\n",
    "two columns": "user,AKIAIOSFODNN7EXAMPLE1\nx,y\n",
    "password": "hunter2\n",
    "address": "root:x:0:0:secret words:/root:/bin/bash\nbin:x:1:1::/:\n",
    "long": "a secret sentence that is no name at all because of its length, and more\nx,y\n",
}
SECRET = {
    "key": "RSA", "environment": "hunter2", "token": "16C7", "two columns": "AKIA", "password": "hunter2",
    "address": "secret", "long": "sentence",
}  # fmt: skip


@pytest.mark.parametrize("kind", SECRETS)
@pytest.mark.parametrize("name", ["d.csv", "d.tsv", "d.jsonl"])
def test_a_message_does_not_show_the_first_line_of_a_file_that_is_no_data(file, kind, name):
    path = file(SECRETS[kind], name)
    read = {"d.csv": csv_files, "d.tsv": tsv, "d.jsonl": jsonl}[name]
    with pytest.raises(DataError) as told:
        read(0, train=path)
    messages = [str(told.value)]
    try:
        read.look_at(path)
    except DataError as error:
        messages.append(str(error))
    assert not [message for message in messages if SECRET[kind] in message]


def test_columns_that_look_like_names_are_shown(file):
    told = refused(file("review_text,Größe (cm),meta.label-2,n°\na,b,c,d\n"))
    assert "Its columns: review_text, Größe (cm), meta.label-2, " in told
    assert "Its columns: review." in refused(file("review\na\n"))


def test_columns_of_one_name_are_left_out_with_a_warning(file):
    table = read_separated(file("text,text,label,,\nred,green,x,,\n"), None)
    assert list(table.columns) == ["label"]
    assert [warning.split(": ", 1)[1] for warning in table.warnings] == [
        "2 columns are named 'text' and are left out. Rename all but one."
    ]
