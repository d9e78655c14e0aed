"""A full, read-only or faulty disk: one sentence, exit code 1, what was there is untouched, and nothing half stays."""

from __future__ import annotations

import csv
import errno
import gzip
import os
import re
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml
from conftest import fill, make_texts, small_recipe, write_csv
from in_process import invoke

from textforge.errors import shortage

FULL = r"cannot be (written|created): No space left on device\."
READ_ONLY = r"cannot be (written|created): Read-only file system\."


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of 3,000 texts."""
    path = tmp_path_factory.mktemp("table") / "texts.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text",), *((text,) for text in make_texts(3000)[0])])
    return path


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


COMMANDS = {
    "run": "run {recipe} --out {disk}/new -q",
    "run in its usual place": "run {recipe} -q",
    "run of two seeds": "run {recipe} --seeds 2 --out {disk}/new -q",
    "cross-validate": "cross-validate {recipe} --folds 2 --out {disk}/new -q",
    "predict lines": "predict {run} -i {recipe} -o {disk}/new.txt",
    "predict a table": "predict {run} -i {table} -o {disk}/new.csv",
    "predict a packed table": "predict {run} -i {table} -o {disk}/new.csv.zst",
    "predict a Parquet table": "predict {run} -i {table} -o {disk}/new.parquet",
    "predict over an earlier file": "predict {run} -i {table} -o {disk}/earlier.csv --force",
    "report": "report {run} -o {disk}/new.html --no-words",
    "report over an earlier file": "report {run} -o {disk}/earlier.csv --no-words --force",
    "doctor --fix": "doctor {data} --fix {disk}/new --quick -q",
    "init": "init {data} -o {disk}/new.yaml",
    "plugin new": "plugin new mine --kind model --out {disk}/new",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_disk_that_takes_nothing_is_reported_and_keeps_what_it_has(
    small_disk, recipe_file, small_csv, finished_run, table, monkeypatch, command
):
    (small_disk / "earlier.csv").write_text("earlier")
    places = {"recipe": recipe_file, "disk": small_disk, "run": finished_run, "data": small_csv, "table": table}
    arguments = [word.format(**places) for word in COMMANDS[command].split()]
    monkeypatch.chdir(small_disk)
    for told in (FULL, READ_ONLY):
        if told == FULL:
            fill(small_disk, 0)
            before = snapshot(small_disk)
        else:
            subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        done = invoke(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        assert re.match(f"error: .*{told}", done.stderr), done.stderr
        assert done.stderr.count("\n") == 1
        shutil.rmtree(small_disk / "runs", ignore_errors=True)  # the folders above that of a run stay
        after = snapshot(small_disk)
        assert {name: after[name] for name in after if not name.startswith("new/")} == {
            **before, **({"new": None} if "new" in after else {})
        }  # fmt: skip
        assert not [name for name in after if ".tmp" in name]


@pytest.mark.parametrize("number", [errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("command", ["run", "cross-validate", "predict a table", "report", "doctor --fix"])
def test_a_quota_or_a_faulty_disk_that_shows_only_at_the_end_of_a_file_is_reported(
    tmp_path, recipe_file, small_csv, finished_run, table, monkeypatch, command, number
):
    def fail(file: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    (tmp_path / "disk").mkdir()
    places = {"recipe": recipe_file, "disk": tmp_path / "disk", "run": finished_run, "data": small_csv, "table": table}
    done = invoke(*(word.format(**places) for word in COMMANDS[command].split()))
    assert (done.returncode, done.stdout) == (1, "")
    advice = " Free some space, or write elsewhere." if number == errno.EDQUOT else ""
    assert re.match(f"error: .*cannot be written: {os.strerror(number)}\\.{advice}", done.stderr), done.stderr
    assert snapshot(tmp_path / "disk") == {}


def test_a_run_on_a_disk_that_fills_up_keeps_its_checkpoints_and_is_continued_when_there_is_space(
    small_disk, small_csv, tmp_path
):
    settings = {"epochs": 5, "batch_size": 16, "checkpoint": {"every": "1 epoch", "keep": 9}}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(small_recipe(small_csv, trainer=settings)))
    assert invoke("run", tmp_path / "r.yaml", "--out", tmp_path / "whole", "-q").returncode == 0
    fill(small_disk, 14)
    done = invoke("run", tmp_path / "r.yaml", "--out", small_disk / "run", "-q")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert re.search(rf"{FULL}.*continue with: textforge resume", done.stderr), done.stderr
    kept = sorted(path.name for path in (small_disk / "run" / "checkpoints").iterdir())
    assert kept[0] == "epoch-1-end"
    assert "epoch-5-end" not in kept
    (small_disk / "filler").unlink()
    assert invoke("resume", small_disk / "run", "-q").returncode == 0
    weights = [(run / "model" / "model.safetensors").read_bytes() for run in (small_disk / "run", tmp_path / "whole")]
    assert weights[0] == weights[1]


# -- the cache ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_run_does_without_its_cache_with_one_warning(small_disk, recipe_file, tmp_path, monkeypatch, fault):
    fill(small_disk, 0)
    if fault == "read-only":
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    monkeypatch.setenv("TEXTFORGE_CACHE", str(small_disk / "cache"))
    done = invoke("run", recipe_file, "--baseline", "--out", tmp_path / "run")
    assert done.returncode == 0
    assert len(re.findall(rf"warning: the cache {small_disk}/cache cannot be written \(", done.stderr)) == 1
    assert "linear SVM" in done.stdout


@pytest.mark.parametrize(("fault", "told"), [("full", FULL), ("read-only", READ_ONLY)])
def test_a_stream_that_cannot_be_stored_is_reported_with_what_to_do(small_disk, tmp_path, monkeypatch, fault, told):
    data = write_csv(tmp_path / "data.csv", *make_texts(3000))
    recipe = small_recipe(data, dataset={"use": "csv", "train": str(data), "stream": True})
    (tmp_path / "stream.yaml").write_text(yaml.safe_dump(recipe))
    monkeypatch.setenv("TEXTFORGE_CACHE", str(small_disk / "cache"))
    fill(small_disk, 20)
    if fault == "read-only":
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    done = invoke("run", tmp_path / "stream.yaml", "--out", tmp_path / "run", "-q")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.match(rf"error: .*{small_disk}/cache/streams.*{told}", done.stderr), done.stderr
    assert "the environment variable TEXTFORGE_CACHE names another folder" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()
    assert not [path for path in (small_disk / "cache" / "streams").rglob("*") if path.is_file()]


# -- intermediate files ------------------------------------------------------------------------


def test_intermediate_files_that_do_not_fit_are_reported(small_disk, tmp_path, finished_run, monkeypatch):
    import polars as pl

    texts, labels = make_texts(5000)
    pl.DataFrame({"text": texts, "topic": labels}).write_parquet(tmp_path / "a.parquet", compression="uncompressed")
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    fill(small_disk, 4)
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    for arguments in (
        ("predict", finished_run, "-i", tmp_path / "a.parquet", "-o", tmp_path / "out.parquet"),
        ("predict", finished_run, "-i", tmp_path / "a.parquet.gz", "-o", tmp_path / "out.csv"),
        ("init", tmp_path / "a.parquet.gz", "-o", tmp_path / "new.yaml"),
    ):
        done = invoke(*arguments)
        assert done.returncode == 1, done.stderr
        assert re.search(r"cannot be written: No space .* Free some space, or set TMPDIR", done.stderr), done.stderr
        assert done.stderr.count("\n") == 1
        assert [path.name for path in small_disk.iterdir()] == ["filler"]
        assert not [*tmp_path.glob("out*"), *tmp_path.glob(".*"), *tmp_path.glob("new*")]


# -- memory ------------------------------------------------------------------------------------


def test_too_little_memory_for_a_table_is_reported_before_polars_would_abort(
    finished_run, table, tmp_path, monkeypatch
):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1 << 60, 1 << 60))
    monkeypatch.setattr(shortage, "SPACE_WITH_POLARS", 1 << 60)
    done = invoke("predict", finished_run, "-i", table, "-o", tmp_path / "out.csv")
    assert done.returncode == 1
    assert done.stderr.startswith("error: too little memory to load the libraries that textforge needs.")
    assert [*tmp_path.iterdir()] == []
    assert invoke("predict", finished_run, "moon").returncode == 0  # lines need no polars
