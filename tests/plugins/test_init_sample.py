"""`textforge init` on large files: it reads a sample, from places all over the file."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
from pathlib import Path

import polars as pl
import pytest
import yaml
from click.testing import CliRunner
from conftest import make_texts
from written_tables import write_database

from textforge_standard.commands import init, init_sample, init_sample_files

N = 3_000
TEXTS, LABELS = make_texts(N)
LABELS = sorted(LABELS)
ROWS = [(f'{text},\n"quoted" {number}', label) for number, (text, label) in enumerate(zip(TEXTS, LABELS, strict=True))]


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Files of a few kilobytes count as large."""
    monkeypatch.setattr(init_sample, "LARGE", 10_000)
    monkeypatch.setattr(init_sample, "PACKED_LARGE", 1_000)
    monkeypatch.setattr(init_sample_files, "PIECE", 4_000)
    monkeypatch.setattr(init_sample_files, "ROWS", 300)
    monkeypatch.setattr("textforge_standard.datasets.packed.PIECE", 4_000)


def as_csv(path, encoding="utf-8", **options):
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, **options).writerows([("text", "label"), *ROWS])
    return path


def as_lines(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


OBJECTS = [{"text": text, "meta": {"label": label}} for text, label in ROWS]
FLAT = [(text.replace("\n", " "), label) for text, label in ROWS]


def packed(path, name):
    plain = as_csv(path.with_name(name))
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(plain.read_bytes()))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(plain, name)
    plain.unlink()


KINDS = {
    "d.csv": as_csv,
    "quoted.csv": lambda p: as_csv(p, quoting=csv.QUOTE_ALL, lineterminator="\n"),
    "wide.csv": lambda p: as_csv(p, encoding="utf-16"),
    "semicolon.csv": lambda p: as_csv(p, delimiter=";"),
    "d.tsv": lambda p: as_csv(p, delimiter="\t"),
    "packed.csv.gz": lambda p: packed(p, "d.csv"),
    "packed.zip": lambda p: packed(p, "other.csv"),
    "d.txt": lambda p: as_lines(p, [f"{text};{label}" for text, label in FLAT]),
    "fast.txt": lambda p: as_lines(p, [f"__label__{label} {text}" for text, label in FLAT]),
    "d.jsonl": lambda p: as_lines(p, map(json.dumps, OBJECTS)),
    "d.json": lambda p: p.write_text(json.dumps(OBJECTS)),
    "indented.json": lambda p: p.write_text(json.dumps(OBJECTS, indent=2)),
    "d.parquet": lambda p: pl.DataFrame(ROWS, schema=["text", "label"], orient="row").write_parquet(p),
    "d.db": lambda p: write_database(p, ("text", "label"), ROWS),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_sample_shows_all_classes_of_a_file_sorted_by_label(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    KINDS[name](tmp_path / name)
    done = CliRunner().invoke(init.command, [name, "-o", "recipe.yaml", "--json"], catch_exceptions=False)
    found = json.loads(done.stdout)
    assert found["remarks"][0].startswith("The data are large")
    sizes = next(remark for remark in found["remarks"] if "3 classes" in remark)
    n = sum(int(word.replace(",", "")) for word in sizes.split(" texts")[0].split() if word[0].isdigit())
    assert 90 <= n <= N * 0.8
    recipe = (tmp_path / "recipe.yaml").read_text()
    assert "textforge-init-" not in recipe
    source = {"d.db": "sqlite:///d.db"}.get(name, name)
    assert source in yaml.safe_load(recipe)["dataset"].values()


def test_every_row_of_a_sample_is_a_row_of_the_file(tmp_path):
    for name, options in (("d.csv", {}), ("all.csv", {"quoting": csv.QUOTE_ALL})):
        as_csv(tmp_path / name, **options)
        sample = init_sample_files.write_sample(tmp_path / name, tmp_path / f"sample-{name}")
        with Path(sample).open(newline="") as file:
            rows = [tuple(row) for row in csv.reader(file, strict=True)]
        assert rows[0] == ("text", "label") and set(rows[1:]) <= set(ROWS) and len(set(rows)) == len(rows) > 300


def test_errors_name_the_file_and_not_its_sample(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    as_lines(Path("d.csv"), ["text,label", *(f"{text.replace(',', ' ')},x" for text, _ in FLAT)])
    done = CliRunner().invoke(init.command, ["d.csv"])
    assert "d.csv" in str(done.exception) and "textforge-init-" not in str(done.exception)


def test_the_large_files_of_a_folder_are_sampled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    as_csv(Path("data/train.csv"))
    Path("data/test.csv").write_text("text,label\na text,ball\n")
    CliRunner().invoke(init.command, ["data"], catch_exceptions=False)
    dataset = yaml.safe_load(Path("data.yaml").read_text())["dataset"]
    assert (dataset["train"], dataset["test"]) == ("data/train.csv", "data/test.csv")
