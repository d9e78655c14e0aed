"""Rows of a database."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from types import ModuleType, SimpleNamespace

import pytest
from conftest import make_texts
from written_tables import write_database

import textforge
from textforge import DataError, DataUnavailable, PluginError, RecipeError, load_recipe
from textforge_standard.datasets.sql import sql

ROWS = list(zip(*make_texts(60), strict=True))


@pytest.fixture
def database(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTFORGE_CACHE", str(tmp_path / "cache"))
    return write_database(tmp_path / "d.db", ("body", "label"), ROWS)


def read(path, query="select body, label from texts", **options):
    return sql(0, connection=f"sqlite:///{path}", query=query, text="body", **{"test_fraction": 0.0, **options})


def test_the_rows_of_a_query_are_texts_and_labels(database):
    texts, labels = zip(*ROWS, strict=True)
    assert read(database).train == ([*texts], [*labels])
    dataset = read(database, "select * from texts limit 40", test="select * from texts limit 9", valid_fraction=0.25)
    assert {name: len(texts) for name, (texts, _) in dataset.splits().items()} == {"train": 30, "valid": 10, "test": 9}


def test_a_stream_has_the_same_rows_and_follows_the_database(database):
    stream = read(database, stream=True).train
    rows = [row for texts, labels in stream.chunks() for row in zip(texts, labels, strict=True)]
    assert sorted(rows) == sorted(ROWS)
    with closing(sqlite3.connect(database)) as opened:
        opened.execute("insert into texts values ('one more text', 'ball')")
        opened.commit()
        assert read(database, stream=True).train.survey().n_texts == len(ROWS) + 1


def test_numbers_bytes_and_nulls_are_read_as_in_other_tables(tmp_path):
    path = write_database(tmp_path / "d.db", ("body", "label"), [(b"caf\xc3\xa9", 1), (2.5, 0), ("x", None)])
    assert read(path, missing="drop").train == (["caf\u00e9", "2.5"], ["1", "0"])
    with pytest.raises(DataError, match=r"0 of 3 rows have no text, 1 no label \(rows 3\)"):
        read(path)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("select body from texts", "no column 'label'"),
        ("select body, label from text", "no such table: text, in the query: select body, label from text"),
        ("selct", "syntax error"),
        ("delete from texts", "readonly database"),
        ("select body, label from texts where 0", "no row has both a text and a label"),
    ],
)
def test_a_query_that_gives_no_rows_of_texts_is_refused_in_one_sentence(database, query, told, stream):
    with pytest.raises(DataError) as error:
        read(database, query, stream=stream)
    assert told in str(error.value) and "\n" not in str(error.value)
    assert len(read(database).train[0]) == len(ROWS)  # nothing was changed


def test_a_path_is_relative_to_the_recipe(database, monkeypatch):
    recipe = database.with_name("recipe.yaml")
    recipe.write_text(
        'dataset: {use: sql, connection: "sqlite:///d.db", query: "select body, label from texts", text: body}\n'
        "vectorizer: tfidf\nmodel: linear\noptimizer: adam\ntrainer: {epochs: 1}\n"
    )
    monkeypatch.chdir("/")
    assert load_recipe(recipe).dataset.options["connection"] == f"sqlite:///{database}"
    assert textforge.run(recipe, out=database.with_name("run")).test["n"] == 12
    recipe.write_text(recipe.read_text().replace("d.db", "nowhere.db"))
    with pytest.raises(RecipeError, match=r"no file or folder .*nowhere\.db"):
        load_recipe(recipe)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "d.db").write_text("just text, and no database")
    with pytest.raises(DataError, match="is not an SQLite database"):
        read(tmp_path / "d.db")


def test_the_error_for_a_missing_driver_has_the_command_that_installs_it():
    with pytest.raises(PluginError) as told:
        sql(0, connection="postgresql://eve:secret@host/shop", query="select 1")
    assert "pip install 'textforge[sql]' adbc-driver-postgresql" in str(told.value)
    assert "secret" not in str(told.value)


def test_another_database_is_read_through_its_adbc_driver(database, monkeypatch):
    """The driver is a module with the interface of PEP 249; here, SQLite's behind another name."""
    urls = []

    def connect(url):
        urls.append(url)
        if "down" in url:
            raise sqlite3.OperationalError("connection refused")
        return sqlite3.connect(database)

    module = ModuleType("adbc_driver_postgresql.dbapi")
    vars(module).update(connect=connect, Error=sqlite3.Error)
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", SimpleNamespace(dbapi=module))
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql.dbapi", module)
    monkeypatch.setenv("SHOP_PASSWORD", "secret")
    options = {"query": "select body, label from texts", "text": "body", "test_fraction": 0.0}
    dataset = sql(0, connection="postgresql://eve:${SHOP_PASSWORD}@host/shop", **options)
    assert len(dataset.train[0]) == len(ROWS) and urls == ["postgresql://eve:secret@host/shop"]
    with pytest.raises(DataUnavailable, match=r"^postgresql://host/down: cannot be opened: connection refused\.$"):
        sql(0, connection="postgresql://eve:secret@host/down", **options)


def test_a_connection_without_a_scheme_is_refused_when_the_recipe_is_checked():
    told = sql.check_options(connection="reviews.db", query="", stream=False, group=None)
    assert "sqlite:///reviews.db" in told


def test_init_reads_the_largest_table_that_has_texts_and_labels(database):
    with closing(sqlite3.connect(database)) as opened:
        opened.execute('create table "empty one" (a)')
        opened.execute("create table numbers as select rowid as n from texts")
        opened.commit()
    found = sql.look_at(database)
    assert found["options"] == {
        "connection": f"sqlite:///{database}", "query": 'select "body", "label" from "texts"',
        "text": "body", "label": "label",
    }  # fmt: skip
    assert "The query reads 'texts', one of the tables" in found["remarks"][-1]
