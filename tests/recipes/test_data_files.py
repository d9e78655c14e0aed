"""Data given in place of a recipe: the message says so and names the command to type."""

import gzip

import pytest

from textforge import load_recipe
from textforge.errors import RecipeError

RECIPE = "dataset: {use: csv, train: no.csv}\nvectorizer: bow\nmodel: mlp\noptimizer: adam\n"


def refused(path):
    with pytest.raises(RecipeError) as error:
        load_recipe(path)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data.csv", b"text,label\nhello,a\n"),
        ("data.csv", b'text,label\n"it is: fine",b\n'),
        ("data.csv", b"text,label\nmodel: good,a\n"),
        ("data.csv", b"model: a,b\n"),
        ("data.csv", b""),
        ("data.csv", "text,label\nça,a\n".encode("cp1252")),
        ("data.csv", b"text,label\n" + b"hello,a\n" * 200_000),
        ("DATA.CSV", b"text,label\nhello,a\n"),
        ("data.v2.tsv", b"text\tlabel\nhello\ta\n"),
        ("data.jsonl", b'{"text": "a"}\n{"text": "b"}\n'),
        ("data.ndjson", b'{"text": "a"}\n'),
        ("data.parquet", b"PAR1\0\1"),
        ("data.txt", b"__label__a hello\n"),
        ("data.txt", b"plain words\n"),
        ("data.csv.gz", gzip.compress(b"text,label\n", mtime=0)),
        ("data.gz", gzip.compress(b"text,label\n", mtime=0)),
        ("data.jsonl.zst", b"\x28\xb5\x2f\xfd\0"),
        ("train", b"text,label\nhello,a\n"),
        ("train", b"\xef\xbb\xbftext;label\r\nhello;a\r\n"),
        ("train", b'{"text": "a"}\n{"text": "b"}\n'),
        ("train.data", b"__label__a hello\n"),
        ("train", b"PAR1\0\1"),
    ],
)
def test_data_in_place_of_a_recipe_is_named_with_the_command_to_type(tmp_path, monkeypatch, name, content):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)
    command = f"textforge init {name}"
    assert refused(name) == f"{name}: this is data, not a recipe. Write a recipe for it first ({command})."


@pytest.mark.parametrize(
    ("name", "typed"), [("my data.csv", "'my data.csv'"), ("it's.csv", "'it'\"'\"'s.csv'"), ("-x.csv", "./-x.csv")]
)
def test_the_command_is_quoted_for_a_shell(tmp_path, monkeypatch, name, typed):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(b"text,label\n")
    assert refused(name).endswith(f"(textforge init {typed}).")


@pytest.mark.parametrize("name", ["r.yaml", "r.yml", "r.txt", "r.json", "r", "r.conf", "r.v1.yaml", "csv"])
def test_a_recipe_is_read_whatever_its_suffix(tmp_path, name):
    (tmp_path / name).write_text(RECIPE)
    assert "no file or folder" in refused(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("r.yaml", "text,label\nhello,a\n"),
        ("r.yaml", '{"text": "a"}\n'),
        ("settings.json", '{\n "host": "a",\n "port": 1\n}\n'),
        ("key", "-----BEGIN KEY-----\nabc\n"),
        ("train.py", "import os, sys\nimport re, csv\n"),
        ("r.yaml.gz", "text,label\nhello,a\n"),
        ("r", "modle: mlp\n"),
        ("r", ""),
    ],
)
def test_other_files_are_not_called_data(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    assert "this is data" not in refused(tmp_path / name)


def test_a_recipe_that_extends_data_is_refused(tmp_path):
    (tmp_path / "data.csv").write_text("text,label\nhello,a\n")
    (tmp_path / "r.yaml").write_text("extends: data.csv\n")
    assert refused(tmp_path / "r.yaml").endswith(f"(textforge init {tmp_path}/data.csv).")


def test_a_folder_in_place_of_a_recipe_is_named_with_the_command_to_type(tmp_path):
    assert refused(tmp_path) == (
        f"{tmp_path}: cannot be read: Is a directory. If this folder holds data, write a recipe for it first "
        f"(textforge init {tmp_path})."
    )
