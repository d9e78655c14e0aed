"""Every format of file, from the file to predictions: `init`, `run` and `predict` as a newcomer types them.

One of the formats goes through real processes, the others through the test's own.
"""

from __future__ import annotations

import json
import zipfile

import polars as pl
import pytest
from conftest import make_texts, only_json, textforge, write_csv
from in_process import invoke
from written_tables import write_database, write_ods, write_xlsx

ROWS = list(zip(*make_texts(120), strict=True))
OBJECTS = [{"text": text, "label": label} for text, label in ROWS]
TABLE = [("text", "label"), *ROWS]


def text_file(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def zipped(path, name, lines):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"data/{name}", "".join(f"{line}\n" for line in lines))
        archive.writestr("readme.txt", "about these data")
        archive.writestr(f"__MACOSX/data/._{name}", b"\0\1")
    return path


def commented(path):
    """A table with comments above its header, a stray quote, a broken row, and two spellings of a label."""
    rows = [f"{text},{label}{' ' if n == 5 else ''}" for n, (text, label) in enumerate(ROWS)]
    return text_file(path, ["# from a tool", "# it's \"new", "text,label", '5" moon rocket,space', *rows, "broken"])


FILES = {
    "array.json": lambda p: p.write_text(json.dumps(OBJECTS, indent=1)),
    "columns.json": lambda p: p.write_text(json.dumps(dict(zip(TABLE[0], zip(*ROWS, strict=True), strict=True)))),
    "sheet.xlsx": lambda p: write_xlsx(p, [["Reviews", None], *TABLE]),
    "sheet.ods": lambda p: write_ods(p, TABLE),
    "reviews.db": lambda p: write_database(p, TABLE[0], ROWS),
    "lines.txt": lambda p: text_file(p, [f"{text}; yes;{label}" for text, label in ROWS]),
    "tabs.txt": lambda p: text_file(p, [f'{label}\t"{text}' for text, label in ROWS]),
    "table.txt": lambda p: text_file(p, ["\t".join(row) for row in TABLE]),
    "packed.zip": lambda p: zipped(p, "reviews.csv", [",".join(row) for row in TABLE]),
    "lines.zip": lambda p: zipped(p, "reviews", [f"{label}\t{text}" for text, label in ROWS]),
    "titles.csv": lambda p: text_file(p, ["title,body,label", *(f"Of {t[:30]},{t} and more,{b}" for t, b in ROWS)]),
    "odd.csv": commented,
    "plain.csv": lambda p: write_csv(p, *zip(*ROWS, strict=True)),
    "frame.parquet": lambda p: pl.DataFrame(OBJECTS).write_parquet(p),
}


IN_PROCESSES = "packed.zip"
NO_TABLES = ("reviews.db", "lines.txt", "tabs.txt", "table.txt", "lines.zip")
"""Formats that `predict` does not read as tables by their suffix."""


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_any_format_becomes_predictions(tmp_path, monkeypatch, name):
    if name.startswith("sheet"):
        pytest.importorskip("fastexcel", reason="needs the extra textforge[excel]")
    FILES[name](tmp_path / name)
    monkeypatch.chdir(tmp_path)
    command = textforge if name == IN_PROCESSES else invoke
    begun = command("init", name, "-o", "recipe.yaml")
    assert begun.returncode == 0, begun.stderr
    run = command("run", "recipe.yaml", "--out", "run", "--json")
    assert run.returncode == 0, run.stderr
    assert only_json(run.stdout)["test"]["accuracy"] > 0.7
    predicted = command("predict", "run", "the rocket went into orbit around the moon")
    assert predicted.returncode == 0, predicted.stderr
    assert "space" in predicted.stdout
    if name not in NO_TABLES:
        broken = ("--on-error", "mark") if name == "odd.csv" else ()
        answered = invoke("predict", "run", "-i", name, "-o", "answered.jsonl", "--prefix", "its_", *broken)
        assert answered.returncode == 0, answered.stderr
        rows = [json.loads(line) for line in (tmp_path / "answered.jsonl").read_text().splitlines()]
        right = sum(row["its_label"] == (row["label"] or "").strip() for row in rows)
        assert right > 0.9 * len(rows) > 100
    if name == "titles.csv":
        assert "text: [title, body]" in (tmp_path / "recipe.yaml").read_text()
    if name == "odd.csv":
        for told in (begun.stdout.replace("\n ", ""), run.stderr):
            assert "lines 1 to 2 are above the header" in told
            assert "line 4 has a misplaced quote" in told
            assert "1 row has more or fewer columns" in told and "(line 125)" in told
            assert told.count("are separate classes") == 1 and "dataset.similar_labels: join" in told
