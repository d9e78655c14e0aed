"""Dataset `csv`: what it reads, and the one sentence that each kind of bad file gets."""

import csv
import io
import json
from collections import Counter

import pytest
import yaml
from conftest import make_texts, only_json, small_recipe, write_csv
from hypothesis import given, settings, strategies as st
from in_process import invoke

from textforge import DataError, PluginManager, RecipeError
from textforge_standard.datasets.csv_files import csv_files

HEADER = "text,label\n"
GOOD = HEADER + "red,x\ngreen,y\n"


def read(path, **options):
    """The training split, nothing held out."""
    dataset = csv_files(0, train=path, **{"test_fraction": 0.0, **options})
    assert dataset.test is None
    return dataset.train


def refused(path, error=DataError, **options):
    """The one sentence by which a file is refused."""
    with pytest.raises(error) as caught:
        read(path, **options)
    told = str(caught.value)
    assert "\n" not in told
    return told


# -- what is read ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "texts", "labels"),
    [
        (GOOD, ["red", "green"], ["x", "y"]),
        (GOOD.rstrip(), ["red", "green"], ["x", "y"]),
        (GOOD + "\n\r\n", ["red", "green"], ["x", "y"]),
        (GOOD.replace("\n", "\r\n"), ["red", "green"], ["x", "y"]),
        (GOOD.replace("\n", "\r"), ["red", "green"], ["x", "y"]),
        ("\ufeff" + GOOD, ["red", "green"], ["x", "y"]),
        ('\ufeff"text","label"\r\n"red","x"\r\n', ["red"], ["x"]),
        ("label,id,text\nx,1,red\ny,2,green\n", ["red", "green"], ["x", "y"]),
        (HEADER + '"red, green",x\n', ["red, green"], ["x"]),
        (HEADER + '"a ""quoted"" word",x\n', ['a "quoted" word'], ["x"]),
        (HEADER + '"two\nlines",x\n"three\r\n\r\nlines",y\n', ["two\nlines", "three\r\n\r\nlines"], ["x", "y"]),
        (HEADER + " red ,x\n", [" red "], ["x"]),
        (HEADER + "#red,x\n", ["#red"], ["x"]),
        (HEADER + 'a "quoted" word,x\nred,"y"\n', ['a "quoted" word', "red"], ["x", "y"]),
        (HEADER + "a\x0bb\x0cc\x85d\u2028e,x\n", ["a\x0bb\x0cc\x85d\u2028e"], ["x"]),
        (HEADER + "🚀 中文 e\u0301,x\n", ["🚀 中文 e\u0301"], ["x"]),
        (HEADER + "\nred,x\n\n  \r\ngreen,y\n \t\n", ["red", "green"], ["x", "y"]),
    ],
    ids=[
        "plain",
        "no final line end",
        "blank lines at the end",
        "Windows line ends",
        "old Mac line ends",
        "byte-order mark",
        "byte-order mark before quotes",
        "columns in another order and one too many",
        "separator in quotes",
        "quotes in quotes",
        "newlines in quotes",
        "spaces are kept",
        "no comments",
        "a pair of quotes in a text without",
        "only newlines end a line",
        "Unicode",
        "blank lines are skipped",
    ],
)
def test_a_file_is_read_as_it_stands(file, content, texts, labels):
    assert read(file(content)) == (texts, labels)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " ", "^", "\\", "]", "-"])
def test_separators(file, separator):
    content = f'text{separator}label\n"a{separator}b"{separator}x\nred{separator}y\n'
    assert read(file(content), separator=separator) == ([f"a{separator}b", "red"], ["x", "y"])


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_encodings(file, encoding):
    content = (HEADER + "café naïve,x\nred,y\n").encode(encoding)
    assert read(file(content), encoding=encoding) == (["café naïve", "red"], ["x", "y"])


def test_labels_stay_the_text_that_they_are(file):
    labels = ["yes", "no", "null", "NA", "NaN", "None", "1", "1.0", "01", "1e3", "True", "2020-01-01", " x", "x"]
    path = write_csv(file("").parent / "labels.csv", [f"text {n}" for n in range(len(labels))], labels)
    assert read(path)[1] == labels


def test_texts_stay_the_text_that_they_are(file):
    texts = ["1", "1.50", "null", "NA", "true", "2020-01-01", "0x10", "-", "+1"]
    path = write_csv(file("").parent / "texts.csv", texts, ["x"] * len(texts))
    assert read(path)[0] == texts


def test_a_huge_field_is_read_whole(file):
    text = "word, " * 2_000_000  # 12 MB; the standard library's reader stops at 131,072 characters
    path = write_csv(file("").parent / "huge.csv", [text, "red"], ["x", "y"])
    assert read(path) == ([text, "red"], ["x", "y"])


# NUL is refused, and a text or label of nothing but spaces counts as missing: both are tested below.
FIELD = st.text(
    st.characters(exclude_characters="\0", exclude_categories=("Cs",)) | st.sampled_from(',"\n\r; \t\ufeff'),
    min_size=1,
    max_size=20,
).filter(str.strip)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(st.tuples(FIELD, FIELD), min_size=1, max_size=6),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    separator=st.sampled_from(",;\t"),
)
def test_what_the_standard_library_writes_is_read_back_exactly(tmp_path_factory, rows, quoting, separator):
    path = tmp_path_factory.getbasetemp() / "property.csv"
    with path.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.writer(opened, quoting=quoting, delimiter=separator)
        writer.writerow(["text", "label"])
        writer.writerows(rows)
    assert read(path, separator=separator) == ([text for text, _ in rows], [label for _, label in rows])


@settings(max_examples=300, deadline=None)
@given(body=st.text(st.sampled_from('ab",\n'), max_size=24))
def test_a_damaged_file_is_read_as_the_standard_library_reads_it_or_with_a_warning_or_is_refused(
    tmp_path_factory, body
):
    path = tmp_path_factory.getbasetemp() / "damaged.csv"
    path.write_text(HEADER + body, newline="")
    try:
        dataset = csv_files(0, train=path, test_fraction=0.0, missing="drop")
    except DataError:
        return
    found = list(zip(*dataset.train, strict=True))
    try:
        rows = list(csv.reader(io.StringIO(body), strict=True))
    except csv.Error:
        assert any("a misplaced quote" in warning for warning in dataset.warnings)
        return
    assert all(len(row) <= 2 for row in rows)
    assert found == [tuple(row) for row in rows if len(row) == 2 and all(map(str.strip, row))]


def test_quotes_that_do_not_fit_never_make_one_row_of_two(file):
    # polars alone reads the first as one row with the text 'a\na'
    assert "line 3: a quote" in refused(file(HEADER + 'red,x\n""a"\na",x\n'))
    for texts in (['"5" wide', '"6" wide'], ['"5\\" wide"', '"6\\" wide"']):
        assert read(file(HEADER + f"{texts[0]},x\n{texts[1]},y\n")) == (texts, ["x", "y"])


# -- what is refused ---------------------------------------------------------------------------

BAD = {
    "no such column": (
        "text,lable\nred,x\n",
        ["no column 'label'", "Its columns: text, lable.", "Did you mean 'lable'?", "dataset.label"],
    ),
    "empty file": ("", ["is empty", "header"]),
    "only a byte-order mark": ("\ufeff", ["is empty", "header"]),
    "header only": (HEADER, ["no row has both"]),
    "header without line end": (HEADER.rstrip(), ["no row has both"]),
    "a column twice": ("text,label,text\nred,x,green\n", ["2 columns are named 'text'"]),
    "NUL byte": (HEADER + "red,x\ngre\0en,y\n", ["line 3", "NUL"]),
    "UTF-16 without a mark": (GOOD.encode("utf-16-le"), ["line 1", "NUL", "UTF-16", "dataset.encoding"]),
    "broken encoding": (
        (HEADER + "red,x\ncafé,y\n").encode("latin-1"),
        ["line 3", "byte 0xe9 is not utf-8", "dataset.encoding", "latin-1"],
    ),
    "broken off inside a character": ((HEADER + "red,x\ncafé").encode()[:-1], ["line 3", "byte 0xc3 is not utf-8"]),
    "too many columns": (
        HEADER + 'red,x\n"two\nlines",y\nred, green,x\nblue,y\n',
        ["line 5", "3 columns, but the header has 2", "in quotes"],
    ),
    "too many columns far down": (HEADER + "red,x\n" * 5_000 + "a,b,c\n", ["line 5002", "3 columns"]),
    "too many columns after a huge field": (HEADER + "a" * 200_000 + ",x\na,b,c\n", ["line 3", "3 columns"]),
    "separator at the end of each line": (HEADER + "red,x,\ngreen,y,\n", ["line 2", "3 columns"]),
    "unclosed quote": (HEADER + 'red,x\n"green\nblue,x\n', ["line 3", "quote", "never closed", "malformed: drop"]),
    "unclosed quote in the header": ('"text,label\n' + "red,x\n" * 50_000, ["line 1", "quote", "never closed"]),
    "inch marks and a comma": (HEADER + 'red,x\n5" wide, 6" high,x\nblue,y\n', ["line 3", "quote", "double"]),
    "empty text": (
        HEADER + "red,x\n,y\n   ,y\n",
        ["2 of 3 rows have no text, 0 no label", "rows 2, 3", "missing: drop"],
    ),
    "missing label": (HEADER + "red,x\ngreen,\nblue,\n", ["0 of 3 rows have no text, 2 no label", "rows 2, 3"]),
    "too few columns": (
        HEADER + 'red,x\n"two\nlines",y\nblue\n\nred,x\ngrey\n',
        ["line 5: 1 column, but the header has 2", "If a text spans several lines", "Lines with the same error: 8."],
    ),
    "empty quotes alone": (HEADER + 'red,x\n""\n', ["line 3: 1 column, but the header has 2"]),
    "empty quotes": (HEADER + '"",x\nred,""\n', ["1 of 2 rows have no text, 1 no label", "rows 1, 2"]),
    "a separator alone is a row": (
        HEADER + "red,x\n\n,\ngreen,y\n", ["1 of 3 rows have no text, 1 no label", "rows 2 "],
    ),
    "one class only": (HEADER + "red,x\n" * 10, ["all 8 training texts have the label 'x'", "at least two classes"]),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in BAD if name != "one class only"])  # which the trainer finds
def test_a_bad_file_is_refused_in_one_sentence(file, name):
    content, parts = BAD[name]
    path = file(content)
    told = refused(path)
    assert told.startswith(f"{path}: ")
    assert [part for part in parts if part not in told] == []


# One of each kind of check, through the command line.
@pytest.mark.parametrize(
    "name",
    [
        "no such column",
        "broken encoding",
        "inch marks and a comma",
        "too many columns",
        "missing label",
        "one class only",
    ],
)
def test_the_command_line_tells_a_bad_file_with_exit_code_2_and_leaves_nothing(file, tmp_path, name):
    content, parts = BAD[name]
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(small_recipe(file(content))))
    done = invoke("run", recipe, "--out", tmp_path / "run", "--quiet")
    assert done.returncode == 2
    assert done.stdout == ""
    last = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(last) == 1
    assert [part for part in parts if part not in last[0]] == []
    assert not (tmp_path / "run").exists()


STRAY = {
    "inch marks": ('5" wide,x\n', '5" wide'),
    "unclosed": ('"green,x\n', '"green'),
    "text after a closing quote": ('"green" one,x\n', '"green" one'),
    "backslash": ('"a \\" b",x\n', '"a \\" b"'),
    "label in quotes": ('a "b,"x"\n', 'a "b'),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", STRAY)
def test_a_stray_quote_is_text_and_is_warned_about_with_its_line(file, tmp_path, monkeypatch, kind, stream):
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "cache"))
    row, text = STRAY[kind]
    path = file(HEADER + 'red,x\n"in, quotes",y\n' + row + '"two\nlines",y\n"blue ""green""",x\n')
    dataset = csv_files(0, train=path, test_fraction=0.0, stream=stream)
    texts, labels = next(iter(dataset.train.chunks())) if stream else dataset.train
    assert sorted(zip(texts, labels, strict=True)) == sorted(
        [("red", "x"), ("in, quotes", "y"), (text, "x"), ("two\nlines", "y"), ('blue "green"', "x")]
    )
    (warning,) = dataset.warnings
    assert f"{path}: line 4 has a misplaced quote, which is read as text." in warning
    assert "dataset.quotes: false" in warning


def test_malformed_rows_are_dropped_on_request_and_warned_about_with_their_lines(file):
    path = file(HEADER + 'red,x\na broken\n,y\nred, green,x\n"a" b, c,y\nblue,y\n')
    dataset = csv_files(0, train=path, test_fraction=0.0, malformed="drop", missing="drop")
    assert dataset.train == (["red", "blue"], ["x", "y"])
    assert f"{path}: 3 rows have more or fewer columns than the header and were dropped (lines 3, 5, 6)." in (
        dataset.warnings
    )
    assert any("rows 3 after the header" in warning for warning in dataset.warnings)  # ",y"
    assert "malformed: drop" in refused(path)


def test_a_long_list_of_rows_is_cut(file):
    told = refused(file(HEADER + "red,x\n" + ",y\n" * 1_000))
    assert "1000 of 1001 rows have no text" in told
    assert "rows 2, 3, 4, 5, 6, 7, 8, 9 and 992 more" in told


@pytest.mark.parametrize(("name", "why"), [("nowhere.csv", "No such file"), ("", "Is a directory")])
def test_a_file_that_cannot_be_read_is_reported(tmp_path, name, why):
    told = refused(tmp_path / name)
    assert told.startswith(f"{tmp_path / name}: cannot be read: ")
    assert why in told


@pytest.mark.parametrize("encoding", ["utf8x", "klingon", "hex", "", "a\0b", "unicode_escape"])
def test_an_encoding_that_is_none_for_files_is_reported(file, encoding):
    told = refused(file(GOOD + r"half \ud800 a character,x"), encoding=encoding)
    assert f"cannot be read with the encoding {encoding!r}" in told
    assert "utf-8" in told


@pytest.mark.parametrize("separator", ["", ";;", "§", '"', "\n", "\r", "\0"])
def test_a_separator_that_cannot_be_one_is_reported_before_anything_is_read(file, separator):
    with pytest.raises(RecipeError) as told:
        PluginManager().part("dataset", "csv", train=file(GOOD), separator=separator)
    assert str(told.value).startswith(f"dataset 'csv': separator {separator!r} must be one ASCII character")


def test_one_column_for_both_text_and_label_is_a_mistake(file):
    with pytest.raises(RecipeError, match="dataset 'csv': text and label both name the column 'label'"):
        PluginManager().part("dataset", "csv", train=file(GOOD), text="label")


def test_an_encoding_that_is_not_there_is_reported_before_anything_is_read(file):
    with pytest.raises(RecipeError, match=r"unknown encoding 'klingon'\. Common ones: utf-8"):
        PluginManager().part("dataset", "csv", train=file(GOOD), encoding="klingon")


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_another_separator_is_recognised_in_the_header(file, separator):
    told = refused(file(GOOD.replace(",", separator)))
    assert f"Are the columns separated by {separator!r}? Then set dataset.separator: {json.dumps(separator)}." in told


def test_a_column_may_have_quotes_in_its_name(file):
    path = file('"la""b",text\nx,red\ny,blue\n')
    assert csv_files(0, train=path, label='la"b', test_fraction=0.0).train == (["red", "blue"], ["x", "y"])


def test_utf_16_is_recognised_by_its_mark(file):
    assert "dataset.encoding: utf-16. It begins with the BOM of UTF-16." in refused(file(GOOD.encode("utf-16")))


# -- missing: drop -----------------------------------------------------------------------------


def test_rows_without_text_or_label_are_dropped_and_counted_where_that_is_asked_for(file):
    path = file(HEADER + "red,x\n,y\ngreen,\n \t,x\nblue,y\n,\n")
    dataset = csv_files(0, train=path, test_fraction=0.0, missing="drop")
    assert dataset.train == (["red", "blue"], ["x", "y"])
    (warning,) = dataset.warnings
    assert "3 of 6 rows have no text, 2 no label (rows 2, 3, 4, 6 after the header)" in warning
    assert str(path) in warning


def test_nothing_left_after_dropping_is_an_error(file):
    assert "no row has both a text and a label" in refused(file(HEADER + ",x\nred,\n"), missing="drop")


def test_a_whole_file_warns_of_nothing(file):
    assert csv_files(0, train=file(GOOD), test_fraction=0.0).warnings == ()


# -- splits ------------------------------------------------------------------------------------


def test_separate_files_become_their_splits(tmp_path):
    paths = {
        name: write_csv(tmp_path / f"{name}.csv", [f"{name} one", f"{name} two"], ["x", "y"])
        for name in ("train", "valid", "test")
    }
    dataset = csv_files(0, **paths)
    assert {name: split[0] for name, split in dataset.splits().items()} == {
        name: [f"{name} one", f"{name} two"] for name in paths
    }
    assert dataset.warnings == ()


def test_a_mistake_names_the_file_that_has_it(tmp_path):
    good = write_csv(tmp_path / "train.csv", ["red", "green"], ["x", "y"])
    bad = tmp_path / "test.csv"
    bad.write_text(HEADER + "red,\n")
    with pytest.raises(DataError) as caught:
        csv_files(0, train=good, test=bad)
    assert str(caught.value).startswith(f"{bad}: ")


def test_the_held_out_test_is_stratified_and_loses_no_row(tmp_path):
    labels = ["rare"] * 10 + ["often"] * 90 + ["common"] * 50
    texts = [f"text {n}" for n in range(150)]
    dataset = csv_files(0, train=write_csv(tmp_path / "all.csv", texts, labels), test_fraction=0.2)
    assert Counter(dataset.test[1]) == {"rare": 2, "often": 18, "common": 10}
    assert sorted(dataset.train[0] + dataset.test[0]) == sorted(texts)
    of = dict(zip(texts, labels, strict=True))
    for split in (dataset.train, dataset.test):
        assert [of[text] for text in split[0]] == split[1]
    (warning,) = dataset.warnings
    assert "30 of 150 rows" in warning


def test_the_held_out_test_follows_from_the_seed(tmp_path):
    path = write_csv(tmp_path / "all.csv", *make_texts(200))
    first, again, other = (csv_files(seed, train=path) for seed in (1, 1, 2))
    assert first == again
    assert first.test[0] != other.test[0]


def test_of_a_few_rows_one_is_held_out_and_is_reported_to_be_too_few(file):
    dataset = csv_files(0, train=file(HEADER + "a b,x\nc d,x\ne f,y\ng h,y\n"))
    assert len(dataset.test[0]) == 1 and "test has 1 text: " in dataset.remarks()[0]


def test_labels_that_are_all_different_are_reported(file):
    with pytest.raises(DataError, match=r"each of the 2 texts has a different label\. Is this the right label column"):
        csv_files(0, train=file(GOOD))


def test_a_test_file_leaves_train_whole(tmp_path):
    train = write_csv(tmp_path / "train.csv", *make_texts(50))
    test = write_csv(tmp_path / "test.csv", *make_texts(20, seed=1))
    dataset = csv_files(0, train=train, test=test, test_fraction=0.5)
    assert (len(dataset.train[0]), len(dataset.test[0])) == (50, 20)


def test_a_label_that_train_lacks_is_reported_with_exit_code_2(tmp_path):
    train = write_csv(tmp_path / "train.csv", *make_texts(30))
    test = write_csv(tmp_path / "test.csv", ["red", "green"], ["ball", "bull"])
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        yaml.safe_dump(small_recipe(train, dataset={"use": "csv", "train": str(train), "test": str(test)}))
    )
    done = invoke("run", recipe, "--out", tmp_path / "run", "--quiet")
    assert done.returncode == 2
    assert "'bull' (1 times, first in row 2)" in done.stderr
    assert "Known labels: ball, paint, space" in done.stderr


def test_a_recipe_trains_on_a_file_with_everything_odd_about_it(tmp_path):
    texts, labels = make_texts(120)
    path = tmp_path / "odd.csv"
    with path.open("w", newline="", encoding="utf-16") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(["no", "Größe", "text\nof it"])
        writer.writerows((n, label, f'"{text}"\r\n') for n, (text, label) in enumerate(zip(texts, labels, strict=True)))
        writer.writerow(["120", "", "no label"])
    options = {"text": "text\nof it", "label": "Größe", "separator": "\t", "encoding": "utf-16", "missing": "drop"}
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(small_recipe(path, dataset={"use": "csv", "train": path.name, **options})))
    done = invoke("run", recipe, "--out", tmp_path / "run", "--json")
    assert done.returncode == 0, done.stderr
    assert only_json(done.stdout)["test"]["n"] == 24  # a fifth
    assert "0 of 121 rows have no text, 1 no label" in done.stderr
    assert len(json.loads((tmp_path / "run" / "result.json").read_text())["warnings"]) == 3
