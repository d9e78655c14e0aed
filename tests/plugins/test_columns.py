"""Columns as texts, labels and groups, whatever format they come from."""

import contextlib
import json
import sqlite3

import polars as pl
import pytest
from hypothesis import given, strategies as st

import textforge
from textforge import DataError
from textforge.runs.evaluation import evaluate
from textforge_standard.datasets.columns import Columns, Table, examples
from textforge_standard.datasets.csv_files import csv_files
from textforge_standard.datasets.jsonl import jsonl
from textforge_standard.datasets.parquet import parquet


def taken(columns, **options):
    """The examples of a table that is called 'table'."""
    return examples(Table("table", columns), Columns(**options))


def refused(columns, **options):
    with pytest.raises(DataError) as told:
        taken(columns, **options)
    assert "\n" not in str(told.value)
    return str(told.value)


# -- texts -------------------------------------------------------------------------------------


def test_columns_are_joined_and_empty_ones_left_out():
    table = {"title": ["A", "", None, "D"], "body": ["one", "two", "three", " "], "label": ["x"] * 4}
    assert taken(table, text=["title", "body"]).texts == ["A\none", "two", "three", "D"]
    assert taken(table, text=["body", "title"], join=" | ").texts == ["one | A", "two", "three", "D"]


def test_a_row_whose_columns_are_all_empty_has_no_text():
    table = {"title": ["A", "", None], "body": ["", " ", None], "label": ["x", "y", "z"]}
    assert "table: 2 of 3 rows have no text, 0 no label (rows 2, 3)" in refused(table, text=["title", "body"])


def test_numbers_are_read_as_text():
    assert taken({"text": [1, 2.5, True, "x"], "label": ["a"] * 4}).texts == ["1", "2.5", "true", "x"]


@pytest.mark.parametrize("value", [["a", "b"], b"bytes"])
def test_what_is_no_text_is_reported_with_its_row(value):
    told = refused({"text": ["red", value], "label": ["x", "y"]})
    assert told == f"table: rows 2: column 'text' holds {type(value).__name__}, which is not text."


def test_nested_fields_are_reported_with_what_to_write():
    told = refused({"text": ["red", {"de": "rot"}], "label": ["x", "y"]})
    assert told == "table: rows 2: column 'text' holds nested fields. Name one of them with a dot, such as 'text.de'."


# -- labels ------------------------------------------------------------------------------------


def test_labels_that_are_numbers_become_text():
    table = {"text": ["a"] * 5, "label": [0, 1, True, False, 3.0]}
    assert taken(table).labels == ["0", "1", "true", "false", "3"]


@pytest.mark.parametrize(("value", "shown"), [(0.73, "0.73"), ([0.5], "list"), ([["a"]], "list"), ({"a": 1}, "nested")])
def test_what_is_no_label_is_reported_with_its_row(value, shown):
    told = refused({"text": ["a", "b"], "label": ["x", value]})
    assert told.startswith(f"table: rows 2: column 'label' holds {shown}")


@pytest.mark.parametrize("nothing", [None, "", "  ", float("nan")])
def test_a_missing_label_is_reported_or_dropped(nothing):
    table = {"text": ["a", "b", "c"], "label": ["x", nothing, "y"]}
    assert refused(table) == (
        "table: 0 of 3 rows have no text, 1 no label (rows 2). Fill them in, or drop these rows with "
        "dataset.missing: drop."
    )
    found = taken(table, missing="drop")
    assert (found.texts, found.labels) == (["a", "c"], ["x", "y"])
    assert found.warnings == ["table: 0 of 3 rows have no text, 1 no label (rows 2); they were dropped."]


def test_lists_of_labels_make_several_labels_a_text():
    found = taken({"text": ["a", "b", "c"], "label": [["x", "y", "x"], [], [3]]})
    assert found.labels == [["x", "y"], [], ["3"]]
    assert found.warnings == ["table: 1 of 3 rows have none of the labels."]


def test_a_list_that_is_missing_is_no_empty_list():
    table = {"text": ["a", "b"], "label": [["x"], None]}
    assert "1 no label (rows 2)" in refused(table)
    assert taken(table, missing="drop").labels == [["x"]]


def test_a_separator_divides_labels():
    table = {"text": ["a", "b", "c", "d"], "label": ["x|y", " y | x|", "", "x|x"]}
    found = taken(table, label_separator="|")
    assert found.labels == [["x", "y"], ["y", "x"], [], ["x"]]
    assert found.warnings == ["table: 1 of 4 rows have none of the labels."]


@pytest.mark.parametrize("nothing", [None, "", "  ", "|", " | ", float("nan")])
@pytest.mark.parametrize("missing", ["error", "drop"])
def test_an_empty_field_of_divided_labels_is_the_empty_set(nothing, missing):
    found = taken({"text": ["a", "b"], "label": ["x|y", nothing]}, label_separator="|", missing=missing)
    assert found.labels == [["x", "y"], []]
    assert found.warnings == ["table: 1 of 2 rows have none of the labels."]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_texts_without_a_label_are_trained_on_and_evaluated(tmp_path, kind, stream):
    frame = pl.DataFrame({"text": ["red", "blue", "green", "grey"] * 6, "label": ["x|y", "x", "y", None] * 6})
    path = tmp_path / f"data.{kind}"
    {"csv": frame.write_csv, "tsv": lambda path: frame.write_csv(path, separator="\t"), "jsonl": frame.write_ndjson,
     "parquet": frame.write_parquet}[kind](path)  # fmt: skip
    run = textforge.run(
        {"dataset": {"use": kind, "train": str(path), "test": str(path), "label_separator": "|", "stream": stream},
         "vectorizer": "bow", "model": "linear", "optimizer": {"use": "adam", "lr": 0.5}, "trainer": {"epochs": 9}},
        out=tmp_path / "run",
    )  # fmt: skip
    assert (run.result["n_train"], run.test["n"], run.test["accuracy"]) == (24, 24, 1.0)
    assert any("6 of 24 rows have none of the labels." in warning for warning in run.result["warnings"])
    assert evaluate(run.path, data=path)["accuracy"] == 1.0
    assert json.loads((run.path / "predictions.jsonl").read_text().splitlines()[3])["gold"] == []


def test_columns_of_0_and_1_are_a_label_each():
    on = ["1", 1, True, "1.0", "true", "True", 1.0, "TRUE", " tRUe ", "yes", "Yes", "YES"]
    off = ["0", 0, False, "0.0", "false", "False", 0.0, "FALSE", " fALSe", "no", "No", "NO"]
    table = {"text": ["t"] * 12, "good": on, "bad": off, "long": off[:3] + on[3:]}
    found = taken(table, label=["long", "bad", "good"])
    assert found.labels == [["good"]] * 3 + [["long", "good"]] * 9
    assert taken(table, label=["bad"]).labels == [[]] * 12


@pytest.mark.parametrize("mark", ["-1", -1, -1.0, "-1.0"])
def test_minus_1_in_a_column_of_0_and_1_is_a_label_not_given(mark):
    table = {"text": ["a", "b", "c"], "x": [1, mark, 0], "y": [0, mark, 1]}
    told = refused(table, label=["x", "y"])
    assert "1 no label (rows 2; -1 marks a withheld label). Fill" in told and "missing: drop" in told
    found = taken(table, label=["x", "y"], missing="drop")
    assert found.labels == [["x"], ["y"]] and "they were dropped" in found.warnings[0]
    told = refused({**table, "x": [mark] * 3}, label=["x", "y"])
    assert "0 of 3 rows have no text, 3 no label" in told and "set dataset.test to null" in told


@pytest.mark.parametrize("missing", ["error", "drop"])
def test_a_test_split_whose_flags_are_all_minus_1_is_reported_with_what_to_do(tmp_path, missing):
    paths = {split: tmp_path / f"{split}.csv" for split in ("train", "test")}
    paths["train"].write_text("text,x,y\n" + "a,1,0\nb,0,1\nc,1,1\nd,0,0\n" * 2)
    paths["test"].write_text("text,x,y\na,-1,-1\nb,-1,-1\n")
    with pytest.raises(DataError, match=r"0 of 2 rows have no text, 2 no label .*set dataset\.test to null\.$"):
        csv_files(0, **paths, label=["x", "y"], missing=missing)
    assert csv_files(0, train=paths["train"], test=None, label=["x", "y"], missing=missing).test


def test_a_file_of_several_may_have_no_complete_row_where_those_are_dropped(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\nred,x\nblue,y\n")
    (tmp_path / "b.csv").write_text("text,label\nred,\n")
    found = csv_files(0, train=tmp_path / "*.csv", missing="drop", test_fraction=0)
    assert found.train == (["red", "blue"], ["x", "y"]) and "0 of 1 rows have no text, 1 no label" in found.warnings[0]
    with pytest.raises(DataError, match=r"b\.csv: 0 of 1 rows .* train: no row has both a text and a label\."):
        csv_files(0, train=tmp_path / "b.csv", missing="drop")


@pytest.fixture
def splits(tmp_path):
    """Write train and test with these labels, as CSV and as Parquet with whole numbers."""

    def write(train, test):
        paths = {}
        for split, labels in (("train", train), ("test", test)):
            frame = pl.DataFrame({"text": [f"text {n}" for n in range(len(labels))], "label": labels})
            frame.write_csv(tmp_path / f"{split}.csv")
            frame.write_parquet(tmp_path / f"{split}.parquet")
            paths[split] = tmp_path / split
        return [(factory, {split: path.with_suffix(kind) for split, path in paths.items()})
                for factory, kind in ((csv_files, ".csv"), (parquet, ".parquet"))]  # fmt: skip

    return write


@pytest.mark.parametrize("stream", [False, True])
def test_minus_1_that_only_test_has_is_a_label_not_given(splits, stream):
    for factory, paths in splits([0, 1] * 4, [0, -1, 1, -1]):
        with pytest.raises(DataError) as told:
            factory(0, **paths, stream=stream)
        assert str(told.value).startswith("test: 2 of 4 rows have the label -1, which train lacks")
        assert str(told.value).endswith("Drop them with dataset.missing: drop.")
        found = factory(0, **paths, stream=stream, missing="drop")
        assert found.test == (["text 0", "text 2"], ["0", "1"])
        assert any("2 of 4 rows have the label -1" in warning for warning in found.warnings)


@pytest.mark.parametrize("missing", ["error", "drop"])
def test_a_test_split_of_minus_1_alone_is_reported_with_what_to_do(splits, missing):
    for factory, paths in splits([0, 1] * 4, [-1] * 4):
        with pytest.raises(DataError, match=r"test: 4 of 4 rows .* set dataset\.test to null\."):
            factory(0, **paths, missing=missing)
        assert len(factory(0, **{**paths, "test": None}).test[0]) == 2


def test_minus_1_that_train_has_too_is_a_label_like_any_other(splits):
    for factory, paths in splits([0, -1] * 4, [0, -1, 0, -1]):
        assert factory(0, **paths).test[1] == ["0", "-1", "0", "-1"]


def test_anything_else_in_a_column_of_0_and_1_is_reported():
    told = refused({"text": ["a", "b"], "good": ["1", "0"], "bad": ["0", "2"]}, label=["good", "bad"])
    assert told.startswith("table: rows 2: column 'bad' holds '2'; in a list of label columns, values are 0 or 1")
    assert "1 no label (rows 1)" in refused({"text": ["a", "b"], "x": [1, 0], "y": ["", 1]}, label=["x", "y"])


# -- labels that look alike --------------------------------------------------------------------

FORMS = {"keep": ["ball", "ball ", "Ball", "ｂａｌｌ", "café", "cafe\u0301"], "join": ["Ball", "ball", "café"],
         "ignore_case": ["ball", "café"]}  # fmt: skip


@pytest.mark.parametrize("similar", FORMS)
def test_labels_that_look_alike_are_joined_by_an_option(similar):
    labels = FORMS["keep"]
    table = {"text": ["t"] * len(labels), "label": labels}
    assert sorted({*taken(table, similar_labels=similar).labels}) == sorted(FORMS[similar])
    lists = {"text": ["t"], "label": [labels]}
    assert sorted(taken(lists, similar_labels=similar).labels[0]) == sorted(FORMS[similar])
    flags = {"text": ["t", "t"], **{label: ["1", "0"] for label in labels}}
    first, second = taken(flags, label=labels, similar_labels=similar).labels
    assert sorted(first) == sorted(FORMS[similar]) and second == []


def test_a_label_that_shows_nothing_is_missing_where_labels_are_joined():
    table = {"text": ["a", "b"], "label": ["x", "\u200b"]}
    assert taken(table).labels == ["x", "\u200b"]
    assert "1 no label (rows 2)" in refused(table, similar_labels="join")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_every_split_and_what_is_evaluated_later_is_joined_alike(tmp_path, kind, stream):
    texts, labels = ["red", "blue"] * 4, ["ball ", "space", "ball", " space"] * 2
    paths = {split: tmp_path / f"{split}.{kind}" for split in ("train", "test")}
    for split, path in paths.items():
        frame = pl.DataFrame({"text": texts, "label": labels if split == "train" else labels[::-1]})
        {"csv": frame.write_csv, "jsonl": frame.write_ndjson, "parquet": frame.write_parquet}[kind](path)
    factory = {"csv": csv_files, "jsonl": jsonl, "parquet": parquet}[kind]
    found = factory(0, **paths, similar_labels="join", stream=stream)
    assert found.labels() == ("ball", "space") and {*found.test[1]} == {"ball", "space"}
    assert found.similar_labels() == []
    assert len(factory(0, **paths, stream=stream).similar_labels()) == 1


# -- groups ------------------------------------------------------------------------------------


def test_groups_go_with_their_rows():
    table = {"text": ["a", "", "c"], "label": ["x", "y", "z"], "by": [7, 8, "Eve"]}
    found = taken(table, group="by", missing="drop")
    assert (found.texts, found.groups) == (["a", "c"], ["7", "Eve"])


def test_a_row_without_a_group_is_missing_something():
    table = {"text": ["a", "b"], "label": ["x", "y"], "by": [None, "Eve"]}
    assert "0 no label, 1 no group (rows 1)" in refused(table, group="by")


# -- the same in every format ------------------------------------------------------------------

NAME = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=8).filter(str.strip)
ROWS = st.lists(st.tuples(NAME, NAME, st.booleans(), st.booleans()), min_size=1, max_size=8)


@given(rows=ROWS)
def test_random_tables_are_read_back_alike_from_csv_jsonl_and_parquet(tmp_path_factory, rows):
    import polars as pl

    frame = pl.DataFrame(rows, schema=["text", "label", "p", "q"], orient="row")
    base = tmp_path_factory.getbasetemp()
    frame.write_csv(base / "same.csv")
    frame.write_parquet(base / "same.parquet")
    lines = [json.dumps(row, ensure_ascii=len(row["text"]) % 2 == 0) for row in frame.to_dicts()]
    (base / "same.jsonl").write_text("\n".join(lines), encoding="utf-8")
    readers = [(csv_files, base / "same.csv"), (jsonl, base / "same.jsonl"), (parquet, base / "same.parquet")]
    texts, labels = [row[0] for row in rows], [row[1] for row in rows]
    several = [tuple(name for name, value in zip("pq", row[2:], strict=True) if value) for row in rows]
    for factory, path in readers:
        assert factory(0, train=path, test_fraction=0.0).train == (texts, labels), path
        assert factory(0, train=path, test_fraction=0.0, label=["p", "q"]).train == (texts, several), path


# -- weights -----------------------------------------------------------------------------------


def test_weights_are_numbers_or_numbers_written_as_text():
    table = {"text": ["a", "b", "c", "d", "e"], "label": ["x", "y"] * 2 + ["x"], "w": [1, 0.5, "2", " 3e-1 ", "0"]}
    assert taken(table, weight="w").weights == [1, 0.5, 2, 0.3, 0]
    assert taken(table).weights is None


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-1, "-1"), ("-0.5", "'-0.5'"), ("heavy", "'heavy'"), ("1_000", "'1_000'"), ("inf", "'inf'"), ("nan", "'nan'"),
        (float("inf"), "inf"), (True, "bool"), ([1], "list"), ("0x1", "'0x1'"),
    ],
)  # fmt: skip
def test_what_is_no_weight_is_reported_with_file_and_row(value, shown):
    told = refused({"text": ["a", "b"], "label": ["x", "y"], "w": [1, value]}, weight="w")
    assert told == (
        f"table: rows 2: column 'w' holds {shown}, which is not a weight. A weight is a finite number from 0, such as "
        "0.5."
    )


def test_a_decimal_comma_is_reported_with_what_to_write():
    told = refused({"text": ["a", "b"], "label": ["x", "y"], "w": ["1,5", "2"]}, weight="w")
    assert told.endswith("such as 0.5. Write 1.5.")


def test_rows_without_a_weight_are_reported_or_dropped():
    table = {"text": list("abcd"), "label": ["x", "y"] * 2, "w": [1, None, "", float("nan")]}
    assert "table: 0 of 4 rows have no text, 0 no label, 3 no weight (rows 2, 3, 4)" in refused(table, weight="w")
    found = taken(table, weight="w", missing="drop")
    assert (found.texts, found.weights) == (["a"], [1])
    both = {**table, "g": ["p", "q", "", "s"]}
    told = refused(both, weight="w", group="g")
    assert "0 of 4 rows have no text, 0 no label, 1 no group, 3 no weight (rows 2, 3, 4)" in told


@pytest.mark.parametrize("role", ["text", "label", "group"])
def test_a_column_cannot_be_the_weight_and_something_else(role):
    told = Columns(**{"group": "g", role: "w"}, weight="w").wrong()
    assert told == f"{role} and weight both name the column 'w'; name two different columns."


def weighted_file(path, n=40):
    """A table of texts that say their weight, in the format of the file's suffix."""
    frame = pl.DataFrame({
        "text": [f"text {row}" for row in range(n)],
        "label": ["x", "y"] * (n // 2),
        "weight": [row / 2 for row in range(n)],
    })  # fmt: skip
    write = {".csv": frame.write_csv, ".jsonl": frame.write_ndjson, ".parquet": frame.write_parquet,
             ".json": frame.write_json, ".tsv": lambda file: frame.write_csv(file, separator="\t")}  # fmt: skip
    write[path.suffix](path)
    return path


def says_its_weight(texts, weights):
    return [f"text {round(weight * 2)}" for weight in weights] == list(texts)


FORMATS = ["csv", "tsv", "jsonl", "json", "parquet"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_table_gives_the_weights_of_its_splits(tmp_path, name):
    train, test = (weighted_file(tmp_path / f"{split}.{name}") for split in ("train", "test"))
    part = textforge.PluginManager().part("dataset", name, train=str(train), test=str(test), weight="weight",
                                          valid_fraction=0.2)  # fmt: skip
    data = part.build({"seed": 0})
    assert set(data.weights) == {"train", "valid", "test"}
    for split, (texts, _) in data.splits().items():
        assert says_its_weight(texts, data.weights_of(split))


@pytest.mark.parametrize("name", FORMATS)
def test_a_streamed_table_gives_the_weights_of_its_rows(tmp_path, monkeypatch, name):
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("textforge_standard.datasets.row_store.BUCKET", 200)
    part = textforge.PluginManager().part(
        "dataset", name, train=str(weighted_file(tmp_path / f"train.{name}")), weight="weight", stream=True,
        test_fraction=0.2, valid_fraction=0.1,
    )  # fmt: skip
    data = part.build({"seed": 0})
    chunks = [data.train.weighted_chunk(number) for number in range(data.train.n_chunks)]
    assert len(chunks) > 1
    texts = [text for chunk in chunks for text in chunk[0]]
    weights = [weight for chunk in chunks for weight in chunk[2] or ()]  # None if all rows are held out
    assert len(texts) == data.n_train == 28
    assert says_its_weight(texts, weights)
    assert data.train.survey().weight == pytest.approx(sum(weights))
    for split in ("valid", "test"):
        assert says_its_weight(data.splits()[split][0], data.weights_of(split))


def test_a_bad_weight_in_a_stream_is_reported_with_file_and_row(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "train.csv"
    path.write_text("text,label,w\na,x,1\nb,y,one\n")
    part = textforge.PluginManager().part("dataset", "csv", train=str(path), weight="w", stream=True)
    with pytest.raises(DataError, match=r"train\.csv: rows 2 after the header: column 'w' holds 'one', which"):
        part.build({"seed": 0})


def test_a_file_without_the_weight_column_is_reported(tmp_path):
    path = tmp_path / "train.csv"
    path.write_text("text,label,wieght\na,x,1\nb,y,2\n")
    part = textforge.PluginManager().part("dataset", "csv", train=str(path), weight="weight")
    with pytest.raises(DataError, match=r"no column 'weight'.*Did you mean 'wieght'\? Name it with dataset\.weight\."):
        part.build({"seed": 0})


def test_init_does_not_take_a_column_for_weights(tmp_path):
    path = weighted_file(tmp_path / "train.csv")
    found = textforge.PluginManager().component("dataset", "csv").factory.look_at(path)
    assert "weight" not in found["options"]


def test_a_store_of_rows_without_weights_is_found_again(tmp_path, monkeypatch):
    """The option is no part of the key of a store that was written without it."""
    import textforge.data

    keys = []
    entry = textforge.data.CacheEntry
    monkeypatch.setattr(entry, "of", lambda kind, key: keys.append(key) or entry(tmp_path / "store"))
    path = weighted_file(tmp_path / "train.csv")
    textforge.PluginManager().part("dataset", "csv", train=str(path), stream=True).build({"seed": 0})
    assert "weight" not in next(part for part in keys[0] if isinstance(part, dict) and "text" in part)


def test_a_query_gives_the_weights_of_its_rows(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "cache"))
    with contextlib.closing(sqlite3.connect(tmp_path / "rows.db")) as database:
        database.execute("create table t (text, label, weight)")
        rows = [(f"text {row}", "xy"[row % 2], row / 2) for row in range(40)]
        database.executemany("insert into t values (?, ?, ?)", rows)
        database.commit()
    for stream in (False, True):
        part = textforge.PluginManager().part(
            "dataset", "sql", connection=f"sqlite:///{tmp_path / 'rows.db'}", query="select * from t", weight="weight",
            stream=stream,
        )  # fmt: skip
        data = part.build({"seed": 0})
        if stream:
            chunks = [data.train.weighted_chunk(number) for number in range(data.train.n_chunks)]
            rows = [row for texts, _, weights in chunks for row in zip(texts, weights or (), strict=True)]
        else:
            rows = list(zip(data.train[0], data.weights_of("train"), strict=True))
        assert len(rows) == 32 and says_its_weight(*zip(*rows, strict=True))
        assert says_its_weight(data.test[0], data.weights_of("test"))
