"""Texts and columns stay aligned, whatever is done with a dataset."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import textforge
from textforge import DataError, Dataset, Row, Stream
from textforge.components.manager import PluginManager
from textforge.components.settings import TrainerSettings
from textforge.data import values_of
from textforge.data.training_splits import split_for_training

PLUGINS = PluginManager()
KINDS = {"number": "number", "name": "category", "second": "text"}
OPTIONS = {"columns": KINDS, "missing": "drop", "valid_fraction": 0.2}


def row(n, lacks=0):
    """A row whose values say which text it belongs to."""
    return {"text": f"text {n}", "label": "ab"[n % 2], "number": n + 0.5, "name": None if lacks == 1 else f"name {n}",
            "second": f"second {n}"}  # fmt: skip


def aligned(texts):
    """Check that every text has its own values, and return the numbers of the texts."""
    for text in texts:
        assert isinstance(text, Row)
        n = int(text.split()[1])
        own = text.columns
        assert own["number"] == n + 0.5
        assert own["name"] in (f"name {n}", None)
        assert own["second"] == f"second {n}"
    return [int(text.split()[1]) for text in texts]


def written(path, rows):
    """A file of the rows, in the format of its suffix."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".parquet":
        import polars as pl

        pl.DataFrame(rows).write_parquet(path)
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    return path


@pytest.mark.parametrize("suffix", ["csv", "tsv", "json", "jsonl", "parquet"])
@pytest.mark.parametrize("stream", [False, True], ids=["in memory", "stream"])
def test_a_table_gives_each_text_its_own_values(suffix, stream, tmp_path):
    rows = [row(n, lacks=n % 5) for n in range(60)]
    rows[7]["text"] = rows[9]["label"] = ""  # dropped
    file = written(tmp_path / f"t.{suffix}", rows)
    dataset = PLUGINS.part("dataset", suffix, train=str(file), stream=stream, **OPTIONS).build({"seed": 3})
    assert dataset.columns == KINDS
    train = [text for chunk in dataset.train_chunks() for text in chunk]
    found = [*aligned(train), *aligned(dataset.valid[0]), *aligned(dataset.test[0])]
    assert sorted(found) == [n for n in range(60) if n not in (7, 9)]
    assert {text.columns["name"] for text in train} >= {None}


def test_an_excel_sheet_and_a_database_give_each_text_its_own_values(tmp_path):
    import sqlite3

    from written_tables import write_xlsx

    rows = [row(n) for n in range(20)]
    names = list(rows[0])
    write_xlsx(tmp_path / "t.xlsx", [names, *([one[name] for name in names] for one in rows)])
    with sqlite3.connect(tmp_path / "t.db") as database:
        database.execute(f"create table t ({', '.join(names)})")
        database.executemany(f"insert into t values ({', '.join('?' * len(names))})", [[*one.values()] for one in rows])
    excel = PLUGINS.part("dataset", "excel", train=str(tmp_path / "t.xlsx"), **OPTIONS).build({"seed": 0})
    url = f"sqlite:///{tmp_path / 't.db'}"
    sql = PLUGINS.part("dataset", "sql", connection=url, query="select * from t", **OPTIONS).build({"seed": 0})
    for dataset in (excel, sql):
        found = [n for texts, _ in dataset.splits().values() for n in aligned(texts)]
        assert sorted(found) == [*range(20)]


@settings(deadline=None, max_examples=25)
@given(n=st.integers(12, 60), seed=st.integers(0, 99), share=st.floats(0.1, 0.5), grouped=st.booleans())
def test_hold_outs_keep_texts_and_columns_together(n, seed, share, grouped):
    rows = [row(number) for number in range(n)]
    columns = {name: [one[name] for one in rows] for name in KINDS}
    groups = [f"g{number // 2}" for number in range(n)] if grouped else None
    dataset = Dataset(
        train=([one["text"] for one in rows], [one["label"] for one in rows]),
        columns={"train": columns}, column_kinds={"second": "text"}, groups=groups, weights=[1.0 + k for k in range(n)],
    )  # fmt: skip
    assert dataset.columns == KINDS
    found = split_for_training(dataset, ("a", "b"), TrainerSettings(validation=share), seed)
    held = [*aligned(found.train.texts), *aligned(found.valid.texts)]
    assert sorted(held) == [*range(n)]
    for encoded in (found.train, found.valid):
        assert encoded.weights.tolist() == [1.0 + int(text.split()[1]) for text in encoded.texts]
    assert replace(dataset, groups=None).columns == KINDS


@pytest.mark.parametrize(("seed", "shuffle"), [(0, True), (1, False), (2, True)])
def test_features_and_targets_of_an_epoch_belong_to_the_same_row(seed, shuffle):
    """The label is the sign of the number, so a machine that sees other rows' numbers cannot learn it."""
    draw = np.random.default_rng(seed)
    numbers = draw.normal(size=60)
    labels = ["plus" if number > 0 else "minus" for number in numbers]
    dataset = Dataset(
        train=(["same text"] * 40, labels[:40]), test=(["same text"] * 20, labels[40:]),
        columns={"train": {"n": numbers[:40]}, "test": {"n": numbers[40:]}},
    )  # fmt: skip
    adam = PLUGINS.part("optimizer", "adam", lr=0.3)
    trainer = textforge.Trainer(dataset, "numbers", "linear", adam, epochs=5, batch_size=8, shuffle=shuffle, seed=seed)
    classifier = trainer.fit()
    assert classifier.columns == {"n": "number"}
    assert classifier.evaluate(*dataset.test)["accuracy"] >= 0.85


def test_a_stream_brings_rows_chunk_by_chunk():
    rows = [Row(f"text {n}", (n + 0.5, f"name {n}", f"second {n}"), KINDS) for n in range(20)]
    stream = Stream(2, lambda n: (rows[n::2], ["a", "b"] * 5), columns=KINDS)
    dataset = Dataset(train=stream)
    assert dataset.columns == KINDS
    assert sorted(n for chunk in dataset.train_chunks() for n in aligned(chunk)) == [*range(20)]
    with pytest.raises(DataError, match="chunk 0: the text at index 0 has the columns number, name, second"):
        Stream(1, lambda n: (rows, ["a", "b"] * 10)).chunk(0)
    with pytest.raises(DataError, match="chunk 0: the text at index 0 has no columns, but others have number"):
        Stream(1, lambda n: (["plain"], ["a"]), columns=KINDS).chunk(0)


def test_columns_are_part_of_the_fingerprint_and_texts_with_other_columns_are_no_repeats():
    texts, labels = ["same", "same", "other"], ["a", "b", "a"]
    alike, different = ({"train": {"price": prices}} for prices in ([1.0, 1.0, 2.0], [1.0, 3.0, 2.0]))
    one, two = (Dataset(train=(texts, labels), columns=columns) for columns in (alike, different))
    plain = Dataset(train=(texts, labels))
    assert len({one.fingerprint(), two.fingerprint(), plain.fingerprint()}) == 3
    assert len(one.repeated_texts()) == len(plain.repeated_texts()) == 1
    assert two.repeated_texts() == []


@pytest.mark.parametrize(
    ("columns", "kinds", "says"),
    [
        ({"train": {"price": [1]}}, None, "train: 2 texts but 1 values in the column 'price'"),
        ({"train": {"price": [1, "x"]}}, None, "the column 'price' holds both numbers and text"),
        ({"train": {"price": [1, "x"]}}, {"price": "number"}, "train: the column 'price' at index 1 holds 'x'"),
        ({"train": {"price": [1, 2]}}, {"prize": "number"}, "no column 'prize'.* Did you mean 'price'"),
        ({"train": {"price": [1, 2]}}, {"price": "numbr"}, "is 'numbr'; it must be one of.* Did you mean 'number'"),
        ({"trian": {"price": [1, 2]}}, None, "no split 'trian'"),
        ({"train": {"price": [1, np.inf]}}, None, "index 1 holds inf, which is not a finite number"),
        ({"train": {"price": "12"}}, None, "must be a list of values, not a str"),
        ({"train": [1, 2]}, None, "expected a mapping of splits to columns"),
    ],
)
def test_wrong_columns_are_refused(columns, kinds, says):
    with pytest.raises(DataError, match=says):
        Dataset(train=(["a", "b"], ["x", "y"]), columns=columns, column_kinds=kinds)


def test_each_split_has_the_same_columns():
    with pytest.raises(DataError, match="columns: test must have the same columns as the others: price"):
        Dataset(train=(["a"], ["x"]), test=(["b"], ["x"]), columns={"train": {"price": [1]}})
    with pytest.raises(DataError, match="train: the text at index 1 has no columns, but others have price"):
        Dataset(train=([Row("a", (1.0,), {"price": "number"}), "b"], ["x", "y"]))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "text,label,price\na,x,1\nb,y,cheap\n",
            "rows 2 after the header: column 'price' holds 'cheap', which is not a",
        ),
        ("text,label,price\na,x,inf\nb,y,1\n", "rows 1 after the header: column 'price' holds 'inf'"),
        ('text,label,price\na,x,"1,5"\nb,y,1\n', "Write 1.5"),
        (
            "text,label,prise\na,x,1\nb,y,1\n",
            "no column 'price'. Its columns: text, label, prise. Did you mean 'prise'?",
        ),
    ],
)
def test_a_file_with_wrong_columns_is_refused_with_its_line(text, says, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    options = {"train": str(tmp_path / "t.csv"), "columns": {"price": "number"}}
    with pytest.raises(DataError) as caught:
        PLUGINS.part("dataset", "csv", **options).build({"seed": 0})
    assert str(caught.value).startswith(str(tmp_path / "t.csv"))
    assert says in str(caught.value)


def test_the_label_cannot_be_a_column(tmp_path):
    with pytest.raises(textforge.RecipeError, match="would give the answer away"):
        PLUGINS.part("dataset", "csv", train="t.csv", columns={"label": "category"})


def test_values_are_those_of_the_rows():
    dataset = Dataset(train=(["a", "b"], ["x", "y"]), columns={"train": {"price": [1, None], "name": ["u", None]}})
    assert values_of(dataset.train[0], "price") == [1.0, None]
    assert values_of(dataset.train[0], "name") == ["u", None]
