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
from hypothesis import given, settings, strategies as st
from written_tables import write_database, write_xlsx

from textforge_standard.commands import init, init_sample, init_sample_columns, init_sample_files, init_sample_sheets

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
    monkeypatch.setattr(init_sample_columns, "RUNS", 20)
    monkeypatch.setattr(init_sample_columns, "CHUNK", 1_000)
    monkeypatch.setattr(init_sample_sheets, "RUNS", 20)
    monkeypatch.setattr("textforge_standard.datasets.packed.PIECE", 4_000)


def as_csv(path, encoding="utf-8", **options):
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, **options).writerows([("text", "label"), *ROWS])
    return path


def as_lines(path, lines):
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


OBJECTS = [{"text": text, "meta": {"label": label}} for text, label in ROWS]
COLUMNS = {name: list(column) for name, column in zip(("text", "label"), zip(*ROWS, strict=True), strict=True)}
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
    "columns.json": lambda p: p.write_text(json.dumps(COLUMNS)),
    "indented_columns.json": lambda p: p.write_text(json.dumps(COLUMNS, indent=2, ensure_ascii=False)),
    "pandas.json": lambda p: p.write_text(json.dumps({k: dict(enumerate(c)) for k, c in COLUMNS.items()})),
    "d.xlsx": lambda p: write_xlsx(p, [("Reviews", None), ("text", "label"), *ROWS], Other=[("a", "b")]),
    "d.parquet": lambda p: pl.DataFrame(ROWS, schema=["text", "label"], orient="row").write_parquet(p),
    "d.db": lambda p: write_database(p, ("text", "label"), ROWS),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_sample_shows_all_classes_of_a_file_sorted_by_label(tmp_path, monkeypatch, name):
    if name.endswith("xlsx"):
        pytest.importorskip("fastexcel", reason="needs the extra textforge[excel]")
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


KEY = 'a "key\\": '
TRICKY = st.text(st.sampled_from('[]{},:"\\\\é x'), max_size=6)


@settings(max_examples=40)
@given(
    texts=st.lists(TRICKY | st.none(), min_size=200, max_size=200),
    labels=st.lists(st.lists(TRICKY, max_size=2) | st.integers(0, 99), min_size=200, max_size=200),
    chunk=st.sampled_from([50, 1000]),
    indent=st.sampled_from([None, 1]),
    in_order=st.booleans(),
)
def test_columns_of_a_sample_stay_aligned(tmp_path_factory, texts, labels, chunk, indent, in_order):
    folder = tmp_path_factory.mktemp("columns")
    columns = {"text": texts, KEY: labels, "n": list(range(200))}
    if not in_order:
        columns = {name: {str(n): one for n, one in enumerate(column)} for name, column in columns.items()}
    (folder / "d.json").write_text(json.dumps(columns, indent=indent))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(init_sample_columns, "CHUNK", chunk)
        patch.setattr(init_sample_columns, "EVERY", 4)
        patch.setattr(init_sample_columns, "RUNS", 5)
        sample = init_sample_columns.sample_columns(folder / "d.json", folder / "sample.json")
    found = {
        name: list(column.values()) if isinstance(column, dict) else column
        for name, column in json.loads(sample.read_text()).items()
    }
    assert list(found) == list(columns) and 20 <= len(found["n"]) < 40
    assert list(zip(found["text"], found[KEY], strict=True)) == [(texts[n], labels[n]) for n in found["n"]]


@pytest.mark.parametrize(
    "written", ["[]", '{"text": "moon"}', '{"data": [{"text": "moon"}]}', '{"a": ["x"], "b": ["y"]}', '{"a": ["x"', ""]
)
def test_other_layouts_have_no_columns_to_sample(tmp_path, written):
    (tmp_path / "d.json").write_text(written)
    assert init_sample_columns.sample_columns(tmp_path / "d.json", tmp_path / "sample.json") is None


def test_a_folder_of_many_files_is_sampled_evenly(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(init_sample, "MOST_FILES", 60)
    for split, n in (("train", 150), ("test", 40)):
        for label, text in (("ball", "a pitcher"), ("space", "the orbit")):
            Path(f"data/{split}/{label}").mkdir(parents=True)
            for number in range(n):
                Path(f"data/{split}/{label}/{number}.txt").write_text(f"{text} {number}")
    done = CliRunner().invoke(init.command, ["data", "--json"], catch_exceptions=False)
    remarks = json.loads(done.stdout)["remarks"]
    assert remarks[0].startswith("The folder has 380 files, so init read a sample of 84 ")
    assert "44 train, 40 test texts; 2 classes, with their training texts: ball 22, space 22." in remarks
    assert yaml.safe_load(Path("data.yaml").read_text())["dataset"] == {"use": "folder", "train": "data"}


def test_links_in_a_sampled_folder_lead_where_they_did(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(init_sample, "MOST_FILES", 20)
    for folder in ("data/ball", "elsewhere"):
        Path(folder).mkdir(parents=True)
        for number in range(30):
            Path(f"{folder}/{number}.txt").write_text(f"{folder} {number}")
    Path("data/space").symlink_to(tmp_path / "elsewhere")
    CliRunner().invoke(init.command, ["data"], catch_exceptions=False)
    assert "2 classes" in Path("data.yaml").read_text()
