"""`textforge predict` on tables: which column is read, what is written where, and what stops it."""

from __future__ import annotations

import csv
import io
import json
import shutil
import signal
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import warm_processes
from conftest import make_sets, make_texts, only_json, small_recipe, textforge
from in_process import invoke
from written_tables import write_database, write_ods, write_xlsx

import textforge as library

BODIES = ["the rocket reached orbit", 'the "pitcher", and\nthe catcher', "", "pixel shader texture"]
TABLE = (
    'id,body,note\r\n01,the rocket reached orbit, spaces \r\n02,"the ""pitcher"", and\nthe catcher","quoted"\r\n'
    "\r\n03,,\r\n1e3,pixel shader texture,é"
)
"""Four rows, one without text, with a blank line and without a line end at the end."""


@pytest.fixture(scope="module")
def labels(finished_run: Path) -> list[str]:
    """The labels of the BODIES; an empty one where there is no text."""
    found = library.load(finished_run).predict(BODIES)
    return [label if body else "" for label, body in zip(found, BODIES, strict=True)]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    path.write_bytes(TABLE.encode())
    return path


def parsed(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


# -- files and pipes ------------------------------------------------------------------------------


def test_a_table_comes_back_with_its_answers(finished_run: Path, table: Path, labels: list[str]) -> None:
    out = table.with_name("answered.csv")
    done = textforge("predict", finished_run, "-i", table, "--text", "body", "-o", out)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (
        "warning: 1 of 4 rows have no text; their label is empty.\n"
        "the classifier does not read these columns of the table: id, note.\n"
    )
    found = out.read_bytes().decode()
    rows = parsed(found)
    assert [row["label"] for row in rows] == labels
    for row in rows:
        found = found.replace(f",{row['label']},{row['probability']}", "", 1)
        assert (row["probability"] == "") == (row["label"] == "")
    assert found.replace(",label,probability", "") == TABLE


def test_formats_are_converted_by_the_suffix_of_the_output(finished_run: Path, table: Path, labels: list[str]) -> None:
    folder = table.parent
    for source, suffix in (
        ("reviews.csv", "parquet"),
        ("t.parquet", "jsonl.gz"),
        ("t.jsonl.gz", "tsv"),
        ("t.tsv", "csv"),
    ):
        done = invoke("predict", finished_run, "-i", folder / source, "--text", "body", "-o", folder / f"t.{suffix}",
                      "--prefix", f"{suffix[:1]}_")  # fmt: skip
        assert done.returncode == 0, done.stderr
    rows = parsed((folder / "t.csv").read_bytes().decode())
    assert [row["id"] for row in rows] == ["01", "02", "03", "1e3"]
    assert [row["body"] for row in rows] == BODIES
    for prefix in "pjtc":
        assert [row[f"{prefix}_label"] for row in rows] == labels


def test_standard_input_and_output_need_a_format(finished_run: Path, table: Path, labels: list[str]) -> None:
    done = textforge("predict", finished_run, "--input-format", "csv", "--text", "body", stdin=table.read_bytes())
    assert done.returncode == 0
    assert [row["label"] for row in parsed(done.stdout)] == labels
    done = invoke("predict", finished_run, "--input-format", "csv", "--text", "body", "--format", "jsonl", "-i", "-",
                  stdin=table.read_bytes())  # fmt: skip
    assert [json.loads(line)["label"] or "" for line in done.stdout.splitlines()] == labels
    done = invoke("predict", finished_run, "--text", "body", stdin=table.read_bytes())
    assert (done.returncode, done.stdout) == (2, "")
    assert "Say how the columns of standard input are written, as in --input-format csv" in done.stderr


def test_rows_from_a_pipe_are_answered_as_they_arrive(finished_run: Path) -> None:
    command = [*warm_processes.command(), "predict", str(finished_run), "--input-format", "csv"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        for line in (b"id,body\n", b'1,"the\nrocket"\n', b"2,bat\n"):
            process.stdin.write(line)
            process.stdin.flush()
            for _ in range(line.count(b"\n")):
                assert process.stdout.readline()
        process.stdin.write(b"1,2,3\n")  # an error ends it though the pipe is open
        process.stdin.flush()
        assert process.wait(60) == 2


def test_an_interrupt_ends_it_while_a_pipe_is_quiet(finished_run: Path) -> None:
    command = [*warm_processes.command(), "predict", str(finished_run), "--input-format", "csv"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(b"id,body\n1,moon\n")
        process.stdin.flush()
        assert process.stdout.readline() and process.stdout.readline()
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130


def test_a_failure_leaves_no_output(finished_run: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("id,body\n" + "1,rocket\n" * 5000 + "2,bat,x\n")
    (tmp_path / "t.jsonl").write_text('{"body": "a"}\n' * 5000 + "nothing\n")
    before = sorted(tmp_path.iterdir())
    for name, line in (("t.csv", 5002), ("t.jsonl", 5001)):
        for suffix in ("csv", "parquet"):
            done = invoke("predict", finished_run, "-i", tmp_path / name, "--text", "body",
                          "-o", tmp_path / f"out.{suffix}")  # fmt: skip
            assert done.returncode == 2
            assert f"{name}: line {line}" in done.stderr
            assert "--on-error mark" in done.stderr
    assert sorted(tmp_path.iterdir()) == before


# -- which column --------------------------------------------------------------------------------


def test_several_columns_are_joined_as_in_training(finished_run: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("title,body\nrocket,bat\n,bat\nrocket,\n")
    done = invoke("predict", finished_run, "-i", tmp_path / "t.csv", "--text", "title", "--text", "body", "--json")
    every = only_json(done.stdout)["predictions"]
    single = [only_json(invoke("predict", finished_run, "--json", text).stdout)["predictions"][0]
              for text in ("rocket\nbat", "bat", "rocket")]  # fmt: skip
    assert every == single


def test_the_column_of_the_recipe_comes_first_and_then_a_usual_name(finished_run: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("body,text\nbat,rocket\n")
    done = invoke("predict", finished_run, "-i", tmp_path / "t.csv", "--json")
    rocket = only_json(invoke("predict", finished_run, "--json", "rocket").stdout)
    note = "the classifier does not read these columns of the table: body.\n"
    assert (only_json(done.stdout), done.stderr) == (rocket, note)
    assert only_json(invoke("predict", finished_run / "model", "-i", tmp_path / "t.csv", "--json").stdout) == rocket
    (tmp_path / "t.csv").write_text("id,review_body\n1,rocket\n")
    done = invoke("predict", finished_run, "-i", tmp_path / "t.csv", "--json")
    assert only_json(done.stdout) == rocket
    assert done.stderr == (
        "texts are read from the column 'review_body'; --text names another.\n"
        "the classifier does not read these columns of the table: id.\n"
    )
    shutil.copytree(finished_run / "model", tmp_path / "bundle")
    done = invoke("predict", tmp_path / "bundle", "-i", tmp_path / "t.csv", "--json")
    assert only_json(done.stdout) == rocket


def test_options_of_the_recipe_s_dataset_hold_for_its_format(tmp_path: Path) -> None:
    texts, classes = make_texts(60)
    rows = "".join(f"{text};{label};{n}\n" for n, (text, label) in enumerate(zip(texts, classes, strict=True)))
    (tmp_path / "t.csv").write_text(f"what;class;n\n{rows}")
    dataset = {"use": "csv", "train": str(tmp_path / "t.csv"), "separator": ";", "text": "what", "label": "class"}
    run = library.run(small_recipe(tmp_path / "t.csv", dataset=dataset), out=tmp_path / "run").path
    done = invoke("predict", run, "-i", tmp_path / "t.csv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "what;class;n;label;probability"
    assert done.stdout.count("\n") == 61


@pytest.mark.parametrize(
    ("content", "arguments", "told"),
    [
        ("id,name\n1,moon\n", (), "no column, or more than one, is named as texts usually are. Name it with --text. "
                                  "Its columns: id, name."),
        ("id,body\n1,moon\n", ("--text", "bodi"), "there is no column 'bodi'. Its columns: id, body. Did you mean"),
        ("id,body,body\n1,moon,sun\n", ("--text", "body"), "2 columns are named 'body'"),
        ("body,label\nmoon,x\n", (), "has a column 'label' already. Choose other names for the added columns, for "
                                     "example with --prefix predicted_"),
        ("body,label_1,label_2\nmoon,x,y\n", ("--top", "2"), "has columns 'label_1', 'label_2' already"),
        ("", (), "is empty; a header line with the columns' names is needed"),
        ("id,body\n1,moon\n", ("--set", "seperator=;"), "Did you mean 'separator'?"),
        ("id,body\n1,moon\n", ("--set", "train=x.csv"), "the command already names the file to read"),
        ("id,body\n1,moon\n", ("-o", "answers.xlsx"), "answers.xlsx: textforge reads tables of the format 'excel' but "
                                                      "does not write them. Choose a name with one of the suffixes .c"),
        ("id,body\n1,moon\n", ("--format", "excel"), "error: textforge reads tables of the format 'excel' but does"),
        ("id,body\n1,moon\n", ("-o", "answers.doc"), "answers.doc: its suffix is not that of a table"),
        ("id,body\n1,moon\n", ("-o", "a.csv.zip"), "a.csv.zip: textforge does not write .zip files. It compresses as "
                                                   ".gz, .zst"),
        ("id,body\n1,moon\n", ("--format", "cvs"), "there is no table format 'cvs'. "),
        ("id,body\n1,moon\n", ("--probabilities", "2"), "Add labels to a table with --top K"),
        ("id,body\n1,moon\n", ("--json", "-o", "answers.csv"), "--json writes one JSON object, not a table"),
    ],
)  # fmt: skip
def test_mistakes_are_one_sentence(
    finished_run: Path, tmp_path: Path, content: str, arguments: tuple[str, ...], told: str
) -> None:
    (tmp_path / "t.csv").write_text(content)
    done = invoke("predict", finished_run, "-i", tmp_path / "t.csv", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_options_of_tables_are_refused_for_texts(finished_run: Path, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("moon\n")
    for arguments, told in (
        (("moon", "--top", "2"), "--top is for tables, and the texts are arguments"),
        (("-i", tmp_path / "t.txt", "--text", "body"), "--text is for tables. Say how the columns of"),
        (("-i", tmp_path / "t.txt", "-o", tmp_path / "t.csv"), "the input is lines of text, not a table"),
        (("--format", "csv", "moon"), "Lines are answered as tsv or jsonl"),
    ):
        done = invoke("predict", finished_run, *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert told in done.stderr


def test_an_input_is_not_overwritten(finished_run: Path, table: Path) -> None:
    done = invoke("predict", finished_run, "-i", table, "--text", "body", "-o", table, "--force")
    assert (done.returncode, table.read_bytes()) == (2, TABLE.encode())
    other = table.with_name("other.csv")
    other.write_text("mine")
    done = invoke("predict", finished_run, "-i", table, "--text", "body", "-o", other)
    assert (done.returncode, other.read_text()) == (2, "mine")


# -- the added columns ---------------------------------------------------------------------------


def test_the_most_probable_labels_are_columns_too(finished_run: Path, table: Path, labels: list[str]) -> None:
    rows = parsed(invoke("predict", finished_run, "-i", table, "--text", "body", "--top", "9").stdout)
    assert list(rows[0])[3:] == ["label", "probability", *(f"{name}_{k}" for k in (1, 2, 3)
                                 for name in ("label", "probability"))]  # fmt: skip
    for row, label in zip(rows, labels, strict=True):
        assert row["label"] == row["label_1"] == label
        values = [float(row[f"probability_{k}"]) for k in (1, 2, 3)] if label else []
        assert values == sorted(values, reverse=True)


def test_an_abstention_is_an_empty_label_with_its_probability(finished_run: Path, table: Path) -> None:
    rows = parsed(invoke("predict", finished_run, "-i", table, "--text", "body", "--abstain", "1", "--top", "1").stdout)
    assert [row["label"] for row in rows] == [""] * 4
    assert all(row["probability"] == row["probability_1"] for row in rows)
    assert [bool(row["label_1"]) for row in rows] == [True, True, False, True]


def test_several_labels_a_text(tmp_path: Path) -> None:
    texts, sets = make_sets(150)
    data = tmp_path / "t.jsonl"
    data.write_text("".join(json.dumps({"text": t, "gold": s}) + "\n" for t, s in zip(texts, sets, strict=True)))
    recipe = small_recipe(data, dataset={"use": "jsonl", "train": str(data), "label": "gold"})
    recipe["trainer"] = {"epochs": 20, "batch_size": 16}
    run = library.run(recipe, out=tmp_path / "run").path
    expected = library.load(run).predict(texts)
    assert any(len(one) > 1 for one in expected)
    done = invoke("predict", run, "-i", data, "--text", "text", "-o", tmp_path / "out.csv")
    assert done.returncode == 0, done.stderr
    rows = parsed((tmp_path / "out.csv").read_text())
    assert [tuple(filter(None, row["label"].split("|"))) for row in rows] == expected
    assert [len(list(filter(None, row["probability"].split("|")))) for row in rows] == [*map(len, expected)]
    invoke("predict", run, "-i", data, "-o", tmp_path / "out.parquet")
    assert [tuple(one) for one in pl.read_parquet(tmp_path / "out.parquet")["label"].to_list()] == expected


def test_rows_that_cannot_be_read_are_marked_and_counted(finished_run: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"id,body\n1,moon\n2\n3,\n4,bat\n")
    done = invoke("predict", finished_run, "-i", tmp_path / "t.csv", "--on-error", "mark")
    rows = parsed(done.stdout)
    assert [row["error"] for row in rows] == ["", "line 3 has 1 column instead of 2.", "", ""]
    assert [bool(row["label"]) for row in rows] == [True, False, False, True]
    assert "1 of 4 rows have no text" in done.stderr
    assert "1 of 4 rows could not be read" in done.stderr
    every = invoke("predict", finished_run, "-i", tmp_path / "t.csv", "--on-error", "mark", "--json").stdout
    found = only_json(every)["predictions"]
    assert found[1:3] == [{"error": "line 3 has 1 column instead of 2."}, {"label": None, "probabilities": {}}]


# -- lines of JSON -------------------------------------------------------------------------------


def test_json_lines_stay_lines_unless_a_table_is_asked_for(finished_run: Path, tmp_path: Path) -> None:
    data = tmp_path / "t.jsonl"
    data.write_text('{"text": "moon", "n": 1.0}\n')
    assert invoke("predict", finished_run, "-i", data).stdout.count("\t") == 1
    assert set(json.loads(invoke("predict", finished_run, "-i", data, "--format", "jsonl").stdout)) == {
        "label", "probabilities"
    }  # fmt: skip
    for arguments in (("--text", "text"), ("--top", "1"), ("--prefix", "p_"), ("--input-format", "jsonl")):
        assert '"n": 1.0, ' in invoke("predict", finished_run, "-i", data, *arguments).stdout
    invoke("predict", finished_run, "-i", data, "-o", tmp_path / "out.jsonl")
    assert '"n": 1.0, ' in (tmp_path / "out.jsonl").read_text()


def test_an_array_in_a_json_file_is_a_table_and_lines_stay_lines(finished_run: Path, tmp_path: Path) -> None:
    data = tmp_path / "t.json"
    data.write_text('[{"text": "moon", "n": 1.0}]')
    (row,) = json.loads(invoke("predict", finished_run, "-i", data).stdout)
    assert list(row) == ["text", "n", "label", "probability"]
    data.write_text('{"text": "moon"}\n{"text": "bat"}\n')
    assert invoke("predict", finished_run, "-i", data).stdout.count("\t") == 2
    for force in ((), ("--force",)):
        for table in ((), ("--text", "text")):
            done = invoke("predict", finished_run, "-i", data, "--json", "-o", tmp_path / "out.json", *force, *table)
            assert (done.returncode == 0) == bool(force or not table), done.stderr
    assert len(json.loads((tmp_path / "out.json").read_text())["predictions"]) == 2


OBJECTS = [{"n": str(n), "body": body} for n, body in enumerate(BODIES)]
SHEET = [("n", "body"), *(tuple(one.values()) for one in OBJECTS)]


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "about these data")
        archive.writestr("inner/reviews.jsonl", "\n".join(map(json.dumps, OBJECTS)))


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("t.zip", zipped),
        ("t.xlsx", lambda path: write_xlsx(path, [["Reviews"], *SHEET])),
        ("t.ods", lambda path: write_ods(path, SHEET)),
        ("columns.json", lambda path: path.write_text(json.dumps(pl.DataFrame(OBJECTS).to_dict(as_series=False)))),
        ("commented.csv", lambda path: path.write_text('# from "a tool\n\n' + pl.DataFrame(OBJECTS).write_csv())),
    ],
)
def test_every_file_that_a_dataset_reads_is_answered(
    finished_run: Path, tmp_path: Path, labels: list[str], name: str, write: Any
) -> None:
    if name in ("t.xlsx", "t.ods"):
        pytest.importorskip("fastexcel", reason="needs the extra textforge[excel]")
    write(tmp_path / name)
    done = invoke("predict", finished_run, "-i", tmp_path / name, "-o", tmp_path / "answered.csv")
    assert done.returncode == 0, done.stderr
    rows = parsed((tmp_path / "answered.csv").read_text().partition("n,body")[2].join(["n,body", ""]))
    assert [(row["n"], row["body"], row["label"]) for row in rows] == [
        (str(n), body, label) for n, (body, label) in enumerate(zip(BODIES, labels, strict=True))
    ]
    said = {
        "t.xlsx": "row 1 is above the header",
        "commented.csv": "lines 1 to 2 are above the header and were skipped",
    }
    assert (f"warning: {tmp_path / name}: {said.get(name, '')}" in done.stderr) == (name in said)


def test_a_spreadsheet_is_printed_as_csv(finished_run: Path, tmp_path: Path) -> None:
    pytest.importorskip("fastexcel", reason="needs the extra textforge[excel]")
    write_xlsx(tmp_path / "t.xlsx", [("n", "body"), (1, "moon")])
    data = (tmp_path / "t.xlsx").read_bytes()
    done = invoke("predict", finished_run, "--input-format", "excel", stdin=data)
    assert done.stdout.startswith("n,body,label,probability\n1,moon,")


def test_a_database_is_piped(finished_run: Path, tmp_path: Path) -> None:
    write_database(tmp_path / "t.db", ("body",), [("moon",)])
    done = invoke("predict", finished_run, "-i", tmp_path / "t.db")
    assert (done.returncode, done.stdout) == (2, "")
    assert "t.db: is an SQLite database, and predict reads files and pipes. Pipe the rows: sqlite3 -csv" in done.stderr
    told = invoke("predict", finished_run, "-i", tmp_path / "t.db", "--text", "body")
    assert told.returncode == 2 and "is an SQLite database" in told.stderr
