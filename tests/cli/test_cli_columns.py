"""Columns beside the text, from the recipe to every command that reads a run."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
from conftest import only_json
from in_process import invoke
from order_rows import orders

import textforge
from textforge import BundleError, DataError

RECIPE = """\
seed: 1
dataset:
  use: csv
  train: orders.csv
  columns: {price: number, country: category, title: text}
vectorizer:
  use: union
  of:
    - bow
    - numbers
    - {use: categories, column: country}
    - {use: tfidf, column: title}
model: {use: linear, init: zeros}
optimizer: {use: adam, lr: 0.1}
trainer: {epochs: 4, batch_size: 20}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("columns")
    rows = [*orders()]
    with (folder / "orders.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (folder / "r.yaml").write_text(RECIPE.replace(", init: zeros", ""))
    (folder / "orders.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def run(place):
    done = invoke("run", place / "r.yaml", "--out", place / "run", "--json", "--quiet")
    assert done.returncode == 0, done.stderr
    assert only_json(done.stdout)["test"]["accuracy"] > 0.9
    return place / "run"


def test_a_bundle_names_the_columns_that_its_classifier_reads(run, place):
    described = json.loads((run / "model" / "bundle.json").read_text())
    assert described["format"] == 4
    assert described["columns"] == {"price": "number", "country": "category", "title": "text"}
    assert [*described["golden"][0]["columns"]] == ["price", "country", "title"]
    resolved = (run / "resolved.yaml").read_text()
    done = invoke("run", run / "resolved.yaml", "--out", place / "again", "--quiet")
    assert done.returncode == 0, done.stderr
    assert (place / "again" / "resolved.yaml").read_text() == resolved
    weights = [(folder / "model" / "model.safetensors").read_bytes() for folder in (run, place / "again")]
    assert weights[0] == weights[1]


def test_a_bundle_whose_columns_contradict_it_is_refused(run, tmp_path):
    from textforge.classifiers.bundles.description import checked

    described = json.loads((run / "model" / "bundle.json").read_text())
    for change, says in (
        ({"columns": {}}, "a bundle of format 4 has columns"), ({"columns": {"price": "number"}}, "other columns"),
        ({"columns": {"price": "numbr"}}, "columns.price"), ({"format": 2}, "format 2 has no columns"),
    ):  # fmt: skip
        with pytest.raises(BundleError, match=says):
            checked({**described, **change})


FIELDS = {"text": "send it", "price": 90.0, "country": "US", "title": None}


def test_predict_in_code_takes_dicts_tables_and_texts_with_columns(run):
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    classifier = textforge.load(run)
    fields = [FIELDS, {**FIELDS, "price": 3.5, "country": None, "other": 1}]
    table = {name: [one[name] for one in fields] for name in FIELDS}
    columns = {name: values for name, values in table.items() if name != "text"}
    expected = classifier.predict_proba(fields)
    assert classifier.predict(fields) == ["dear", "cheap"]
    for given in (pd.DataFrame(table), pl.DataFrame(table), pa.table(table)):
        np.testing.assert_array_equal(classifier.predict_proba(given), expected)
    np.testing.assert_array_equal(classifier.predict_proba(table["text"], columns=columns), expected)
    assert classifier.evaluate(pd.DataFrame(table), ["dear", "cheap"])["accuracy"] == 1
    assert classifier.predict([]) == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["send it"], r"the text at index 0 has no columns\. This classifier reads columns beside the text: price \("),
        ([FIELDS, {"text": "a", "prise": 1}], "dict at index 1 lacks columns 'price', 'country', 'title'; it has text"),
        ([{**FIELDS, "price": "dear"}], "dict at index 0 does not fit: 'price' holds 'dear', which is not"),
        ([{"price": 1}], "the dict at index 0 has the fields price"),
        ("send it", '"text": "…", "price": 1.5, "country": "…"'),
    ],
)  # fmt: skip
def test_predict_in_code_says_what_is_missing(run, given, says):
    with pytest.raises(DataError, match=says):
        textforge.load(run).predict(given)


def test_a_classifier_of_texts_takes_no_columns(finished_run):
    with pytest.raises(DataError, match=r"reads texts alone, and no columns\. Leave price out"):
        textforge.load(finished_run).predict(["a"], columns={"price": [1]})


def test_predict_answers_tables_and_json_lines_and_says_what_it_leaves_out(run, place):
    table = invoke("predict", run, "-i", place / "orders.csv", "--prefix", "predicted_")
    assert table.returncode == 0
    assert table.stderr == "the classifier does not read these columns of the table: id, label.\n"
    rows = [*csv.DictReader(table.stdout.splitlines())]
    assert np.mean([row["label"] == row["predicted_label"] for row in rows]) > 0.9


def test_predict_reads_columns_of_every_format_alike(run, place, tmp_path):
    rows = [{name: one for name, one in row.items() if name not in ("id", "label")} for row in orders(30)]
    with (tmp_path / "t.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "t.json").write_text(json.dumps([{**row, "price": float(row["price"] or "nan")} for row in rows])
                                     .replace("NaN", "null"))  # fmt: skip
    expected = textforge.load(run).predict(rows)
    for options in (["-i", tmp_path / "t.csv"], ["-i", tmp_path / "t.json", "--text", "text"],
                    ["-i", tmp_path / "t.jsonl"], ["-i", tmp_path / "t.jsonl", "--text", "text"]):  # fmt: skip
        done = invoke("predict", run, *options, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        assert [one["label"] for one in only_json(done.stdout)["predictions"]] == expected
    done = invoke("predict", run, *[json.dumps(row) for row in rows[:3]])
    assert [line.split("\t")[0] for line in done.stdout.splitlines()] == expected[:3]
    streamed = invoke("predict", run, "--input-format", "csv", "--json", stdin=(tmp_path / "t.csv").read_text())
    assert [one["label"] for one in only_json(streamed.stdout)["predictions"]] == expected


def test_a_column_may_be_a_field_of_a_nested_object(tmp_path):
    rows = [{**row, "meta": {"price": row["price"], "id": row["id"]}} for row in orders(60)]
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "r.yaml").write_text(
        "dataset: {use: jsonl, train: t.jsonl, columns: {meta.price: number}}\n"
        "vectorizer: {use: union, of: [bow, numbers]}\nmodel: logistic-regression\n"
    )
    assert invoke("run", tmp_path / "r.yaml", "--out", tmp_path / "run", "--quiet").returncode == 0
    lines = invoke("predict", tmp_path / "run", "-i", tmp_path / "t.jsonl", "--json")
    table = invoke("predict", tmp_path / "run", "-i", tmp_path / "t.jsonl", "--json", "--text", "text")
    assert only_json(lines.stdout) == only_json(table.stdout)
    others = "id, label, price, country, title"
    assert lines.stderr == f"the classifier does not read these fields of the lines: {others}.\n"
    assert "meta.id" in table.stderr
    assert "meta." not in table.stderr.replace("meta.id", "")
    done = invoke("evaluate", tmp_path / "run", "--data", tmp_path / "t.jsonl", "--json")
    assert only_json(done.stdout)["accuracy"] > 0.9
    (tmp_path / "t.jsonl").write_text('{"text": "a", "meta": {"prise": 1}}\n')
    assert "lacks 'meta.price'" in invoke("predict", tmp_path / "run", "-i", tmp_path / "t.jsonl").stderr


def test_predict_says_which_column_is_missing_and_what_to_give(run, tmp_path):
    (tmp_path / "t.csv").write_text("text,prise,country,title\nsend it,1,US,gift\n")
    done = invoke("predict", run, "-i", tmp_path / "t.csv")
    assert done.returncode == 2
    assert f"{tmp_path / 't.csv'}: the table lacks 'price'; it has text, prise, country, title." in done.stderr
    assert "Did you mean 'prise'?" in done.stderr
    (tmp_path / "t.jsonl").write_text(json.dumps(FIELDS) + '\n{"text": "a", "price": 1, "title": ""}\n')
    done = invoke("predict", run, "-i", tmp_path / "t.jsonl")
    assert (done.returncode, "line 2 lacks 'country'; it has text, price, title." in done.stderr) == (2, True)
    for arguments, stdin, says in (
        (["send it"], "", "argument 1 has no columns."), ([], "send it\n", "lines of text have no columns."),
        (["-i", tmp_path / "t.txt"], "", "lines of text have no columns."),
    ):  # fmt: skip
        (tmp_path / "t.txt").write_text("send it\n")
        done = invoke("predict", run, *arguments, stdin=stdin)
        assert done.returncode == 2
        assert says in done.stderr
        assert '{"text": "…", "price": 1.5, "country": "…", "title": "…"}' in done.stderr


def test_a_value_that_does_not_fit_stops_predict_or_is_marked(run, tmp_path):
    (tmp_path / "t.csv").write_text("text,price,country,title\nsend it,1,US,\nsend it,cheap,US,\n,2,US,\n")
    done = invoke("predict", run, "-i", tmp_path / "t.csv")
    assert done.returncode == 2
    assert (
        f"{tmp_path / 't.csv'}: row 2 does not fit: 'price' holds 'cheap', which is not a finite number" in done.stderr
    )
    done = invoke("predict", run, "-i", tmp_path / "t.csv", "--on-error", "mark")
    rows = [*csv.DictReader(done.stdout.splitlines())]
    assert [bool(row["label"]) for row in rows] == [True, False, False]
    assert [bool(row["error"]) for row in rows] == [False, True, False]
    assert "1 of 3 rows have no text" in done.stderr
    assert "1 of 3 rows could not be read" in done.stderr


def test_evaluate_reads_columns_and_says_what_it_leaves_out(run, place):
    for name in ("orders.csv", "orders.jsonl"):
        done = invoke("evaluate", run, "--data", place / name, "--json")
        assert done.stderr == "the classifier does not read these columns of the data: id.\n"
        found = only_json(done.stdout)
        assert (found["n"], found["left_out"]) == (120, ["id"])
        assert found["accuracy"] > 0.9
    assert "left_out" not in only_json(invoke("evaluate", run, "--json").stdout)
    bundle = invoke("evaluate", run / "model", "--data", place / "orders.jsonl")
    assert bundle.returncode == 0
    assert "accuracy" in bundle.stdout


def test_evaluate_says_which_column_is_missing(run, tmp_path):
    (tmp_path / "t.csv").write_text("text,label,price,contry,title\na,dear,1,US,\n")
    done = invoke("evaluate", run, "--data", tmp_path / "t.csv")
    assert done.returncode == 2
    assert "no column 'country'. Its columns: text, label, price, contry, title. Did you mean 'contry'?" in done.stderr


def test_json_packed_into_text_is_no_longer_the_way_and_other_fields_are_named(finished_run, tmp_path):
    lines = ['{"text": "rocket", "price": 3, "label": "space"}\n', '{"text": "moon", "size": 1}\n']
    (tmp_path / "t.jsonl").write_text("".join(lines))
    done = invoke("predict", finished_run, "-i", tmp_path / "t.jsonl")
    assert done.stderr == "the classifier does not read these fields of the lines: price, label, size.\n"
    assert len(done.stdout.splitlines()) == 2


def test_explain_shows_what_columns_gave_and_the_scores_add_up(run):
    (found,) = textforge.explain(run, [FIELDS])
    assert found.method == "exact"
    assert found.columns[0].text == "price"
    assert {one.text for one in found.columns} == {"price", "country=US"}
    scores = found.bias + found.rest + found.contributions.sum(axis=0)
    scores = scores + np.sum([one.contributions for one in found.columns], axis=0)
    softmax = np.exp(scores) / np.exp(scores).sum()
    np.testing.assert_allclose(softmax, found.probabilities, atol=1e-5)
    np.testing.assert_allclose([one["score"] for one in found.as_json()["classes"]], scores)
    done = invoke("explain", run, json.dumps(FIELDS))
    assert "  columns  price +" in done.stdout
    assert "the words, the columns and a constant add up" in done.stdout
    assert invoke("explain", run, "send it").returncode == 2
    learnt = invoke("explain", run, "--class", "dear")
    assert learnt.returncode == 0
    assert "price" in learnt.stdout


def test_explain_by_deletion_takes_columns_away_one_by_one(place, tmp_path):
    """A sequence of a column has no place in the text, so nothing but deletion can explain it."""
    recipe = {
        "dataset": {"use": "csv", "train": str(place / "orders.csv"), "columns": {"title": "text"}},
        "vectorizer": {"use": "tokens", "column": "title"}, "model": {"use": "fasttext", "dim": 4}, "optimizer": "adam",
        "trainer": {"epochs": 1, "batch_size": 50},
    }  # fmt: skip
    done = textforge.run(recipe, out=tmp_path / "run")
    (found,) = textforge.explain(done.path, [{"text": "send it", "title": "gift"}])
    assert [one.text for one in found.columns] == ["title=gift"]


def test_every_other_command_takes_a_run_with_columns(run, place, tmp_path):
    assert invoke("mistakes", run).returncode == 0
    report = invoke("report", run, "-o", tmp_path / "r.html")
    assert report.returncode == 0, report.stderr
    other = invoke("run", place / "r.yaml", "--out", tmp_path / "b", "-s", "vectorizer=bow")
    assert "no vectorizer reads these columns of the data: price, country, title." in other.stderr
    assert invoke("compare", run, tmp_path / "b").returncode == 0
    folds = invoke("cross-validate", place / "r.yaml", "--folds", 2, "--out", tmp_path / "cv", "--json", "--quiet")
    assert only_json(folds.stdout)["figures"]["accuracy"]["mean"] > 0.8
    streamed = invoke(
        "run", place / "r.yaml", "--out", tmp_path / "s", "--json", "--quiet", "-s", "dataset.stream=true"
    )
    assert only_json(streamed.stdout)["test"]["accuracy"] > 0.8


def test_the_doctor_keeps_columns_and_does_not_take_rows_with_other_columns_for_repeats(tmp_path):
    (tmp_path / "t.csv").write_text(
        "text,label,price,country\n<b>good</b> thing,a,1.5,US\ngood thing,a,2.25,US\nGood thing,a,2.25,US\nbad,b,,\n"
    )
    (tmp_path / "r.yaml").write_text(
        "dataset: {use: csv, train: t.csv, columns: {price: number, country: category}, test_fraction: 0}\n"
        "vectorizer: {use: union, of: [bow, numbers, categories]}\nmodel: linear\noptimizer: adam\n"
    )
    done = invoke("doctor", tmp_path / "r.yaml", "--fix", tmp_path / "clean")
    assert "removed a repeat: 1 text" in done.stdout
    found = [*csv.DictReader((tmp_path / "clean" / "train.csv").read_text().splitlines())]
    assert [(row["text"].strip(), row["price"], row["country"]) for row in found] == [
        ("good  thing", "1.5", "US"), ("good thing", "2.25", "US"), ("bad", "", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (
            "column: country", "column: contry",
            "r.yaml:11:33: vectorizer 'categories': the dataset brings no column 'contry'. It brings price, country, "
            "title; name others in dataset.columns. Did you mean 'country'?",
        ),
        (
            "column: title", "column: price",
            "r.yaml:12:28: vectorizer 'tfidf' reads columns of the kind text, category, but 'price' is of the kind "
            "number.",
        ),
        (
            "price: number, ", "",
            "r.yaml:10:7: vectorizer 'numbers' reads columns of the kind number, but the dataset brings none of this "
            "kind. It brings country, title",
        ),
        (
            "price: number", "price: numbr",
            "r.yaml:5:20: dataset 'csv': columns.price must be 'number', 'category' or 'text'",
        ),
    ],
)  # fmt: skip
def test_a_recipe_that_names_a_column_that_is_not_there_is_refused_with_its_place(place, tmp_path, before, after, says):
    shutil.copy(place / "orders.csv", tmp_path)
    (tmp_path / "r.yaml").write_text((place / "r.yaml").read_text().replace(before, after))
    done = invoke("check", tmp_path / "r.yaml")
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())


def test_data_that_bring_no_columns_are_refused_where_the_vectorizer_is_named(tmp_path):
    recipe = {"vectorizer": "numbers", "model": "linear", "optimizer": "adam"}
    data = textforge.Dataset(train=(["a", "b"], ["x", "y"]))
    with pytest.raises(textforge.TextforgeError, match=r"'numbers' reads columns of the kind number.* It brings none"):
        textforge.run(recipe, dataset=data, out=tmp_path / "run")
    with pytest.raises(DataError, match="'numbers' reads columns of the kind number"):
        textforge.Trainer(data, "numbers", "linear", "adam")


def test_init_suggests_columns_and_chooses_none(place, tmp_path):
    done = invoke("init", place / "orders.csv", "-o", tmp_path / "r.yaml", "--json")
    found = only_json(done.stdout)
    assert "columns" not in found["dataset"]
    (remark,) = [one for one in found["remarks"] if "Columns may help" in one]
    assert "columns: {price: number, country: category" in remark
    assert "'- numbers' and '- categories'" in remark
