"""Dataset `parquet`: types, nested fields, and files that are none."""

from datetime import date
from functools import partial

import polars as pl
import pytest
from conftest import refusal
from hypothesis import given, strategies as st

from textforge_standard.datasets.parquet import parquet


@pytest.fixture
def file(tmp_path):
    def write(frame, **options):
        path = tmp_path / "data.parquet"
        pl.DataFrame(frame, **options).write_parquet(path)
        return path

    return write


def read(path, **options):
    return parquet(0, train=path, **{"test_fraction": 0.0, **options}).train


refused = partial(refusal, read)


@pytest.mark.parametrize(
    ("labels", "kind", "found"),
    [
        (["x", "y"], pl.String, ["x", "y"]),
        (["x", "y"], pl.Categorical, ["x", "y"]),
        (["x", "y"], pl.Enum(["y", "x"]), ["x", "y"]),
        ([0, 1], pl.Int8, ["0", "1"]),
        ([0, 2**64 - 1], pl.UInt64, ["0", str(2**64 - 1)]),
        ([True, False], pl.Boolean, ["true", "false"]),
        ([1.0, 2.0], pl.Float32, ["1", "2"]),
        ([["x", "y"], []], pl.List(pl.String), [("x", "y"), ()]),
        ([[1, 2], [2, 1]], pl.Array(pl.Int64, 2), [("1", "2"), ("2", "1")]),
    ],
)
def test_labels_of_many_types_become_text(file, labels, kind, found):
    path = file({"text": ["red", "green"], "label": labels}, schema={"text": pl.String, "label": kind})
    assert read(path) == (["red", "green"], found)


@pytest.mark.parametrize("labels", [[date(2020, 1, 1), None], [0.5, 1.5], [b"x", b"y"], [["x"], [None]]])
def test_what_is_no_label_is_told(file, labels):
    told = refused(file({"text": ["red", "green"], "label": labels}))
    assert "column 'label' holds" in told and "which is not a label" in told


def test_nulls_and_nans_are_missing(file):
    path = file({"text": ["a", None, "c", "d"], "label": [1.0, 2.0, None, float("nan")]})
    assert refused(path).startswith("1 of 4 rows have no text, 2 no label (rows 2, 3, 4).")
    assert read(path, missing="drop") == (["a"], ["1"])


def test_fields_of_structs_are_named_with_dots(file):
    path = file({"post": [{"body": "red", "meta": {"topic": "x"}}, {"body": "green", "meta": {"topic": "y"}}]})
    assert read(path, text="post.body", label="post.meta.topic") == (["red", "green"], ["x", "y"])
    told = refused(path, text="post", label="post.meta.topic")
    assert told == "rows 1: column 'post' holds nested fields. Name one of them with a dot, as in 'post.body'."
    assert "Its columns: post.body, post.meta.topic." in refused(path, text="body")


def test_a_struct_that_is_null_has_no_fields(file):
    path = file({"text": ["a", "b"], "meta": [{"label": "x"}, None]})
    assert "1 no label (rows 2)" in refused(path, label="meta.label")


def test_only_the_columns_wanted_are_read(file, monkeypatch):
    asked = []
    whole = pl.read_parquet
    monkeypatch.setattr(
        pl, "read_parquet", lambda *a, columns, **k: asked.append(columns) or whole(*a, columns=columns, **k)
    )
    read(file({"text": ["a"], "label": ["x"], "big": ["…"]}))
    assert asked == [["label", "text"]]


@pytest.mark.parametrize("damage", ["empty", "text", "broken off"])
def test_what_is_no_parquet_file_is_told(file, damage):
    path = file({"text": ["red"] * 99, "label": ["x"] * 99})
    data = path.read_bytes()
    path.write_bytes({"empty": b"", "text": b"text,label\nred,x\n" * 9, "broken off": data[: len(data) // 2]}[damage])
    assert "is no Parquet file, or damaged" in refused(path)


@pytest.mark.parametrize(("name", "why"), [("nowhere.parquet", "No such file"), ("", "Is a directory")])
def test_a_file_that_cannot_be_read_is_told(tmp_path, name, why):
    told = refused(tmp_path / name)
    assert told.startswith("cannot be read: ") and why in told


def test_a_file_without_rows_is_told(file):
    path = file({"text": [], "label": []}, schema={"text": pl.String, "label": pl.String})
    assert "has no row" in refused(path)


TEXT = st.text(min_size=1, max_size=12).filter(str.strip)


@given(rows=st.lists(st.tuples(TEXT, TEXT, st.lists(TEXT, max_size=3)), min_size=1, max_size=6))
def test_what_polars_writes_is_read_back_exactly(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "property.parquet"
    schema = {"text": pl.String, "label": pl.String, "tags": pl.List(pl.String)}
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(path)
    texts = [text for text, *_ in rows]
    assert read(path) == (texts, [label for _, label, _ in rows])
    assert read(path, label="tags") == (texts, [tuple(dict.fromkeys(tags)) for *_, tags in rows])
