"""`predict_file` writes what `textforge predict` writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars
import pytest
from conftest import make_texts
from in_process import invoke

import textforge
from textforge import BundleError, DataError, RecipeError


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    texts, _ = make_texts(30, seed=5)
    table = polars.DataFrame({"text": [*texts[:29], ""], "n": range(30)})
    table.write_csv(tmp_path / "a.csv")
    table.write_parquet(tmp_path / "a.parquet")
    table.write_ndjson(tmp_path / "a.jsonl")
    (tmp_path / "a.txt").write_text("\n".join(texts))
    (tmp_path / "semicolons.csv").write_text("body;n\n" + "".join(f"{text};1\n" for text in texts))
    return tmp_path


@pytest.mark.parametrize(
    ("source", "output", "given", "options"),
    [
        ("a.csv", "out.csv", {"top": 2, "prefix": "x_"}, ["--top", "2", "--prefix", "x_"]),
        ("a.parquet", "out.parquet", {}, []),
        ("a.parquet", "out.csv", {"mark": True}, ["--on-error", "mark"]),
        ("a.jsonl", "out.jsonl", {}, []),
        ("a.csv", "out", {"form": "jsonl"}, ["--format", "jsonl"]),
        ("semicolons.csv", "out.csv", {"text": ["body"], "options": ["separator=;"]},
         ["--text", "body", "-s", "separator=;"]),
        ("a.txt", "out.txt", {}, []),
        ("a.txt", "out.txt", {"form": "jsonl", "probabilities": "all"},
         ["--format", "jsonl", "--probabilities", "all"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_the_bytes_are_those_of_the_command(
    finished_run: Path, sources: Path, source: str, output: str, given: dict[str, Any], options: list[str]
) -> None:
    answers = textforge.predict_file(finished_run, sources / source, sources / f"code-{output}", **given)
    done = invoke("predict", finished_run, "-i", sources / source, "-o", sources / output, "-q", *options)
    assert done.returncode == 0, done.stderr
    assert (sources / f"code-{output}").read_bytes() == (sources / output).read_bytes()
    assert answers.n == 30
    assert [f"warning: {warning}" in done.stderr for warning in answers.warnings].count(False) == 0


@pytest.mark.parametrize(
    ("source", "given", "error", "says"),
    [
        ("none.csv", {}, DataError, "none.csv: cannot be read: No such file"),
        ("a.txt", {"top": 2}, RecipeError, "lines of text have no columns"),
        ("a.txt", {"form": "csv"}, RecipeError, "the format csv is for tables"),
        ("a.csv", {"form": "cvs"}, RecipeError, "Did you mean 'csv'"),
        ("a.csv", {"text": ["body"]}, DataError, "body"),
    ],
)
def test_a_mistake_leaves_an_earlier_output(
    finished_run: Path, sources: Path, source: str, given: dict[str, Any], error: type[Exception], says: str
) -> None:
    (sources / "out").write_text("earlier")
    with pytest.raises(error, match=says):
        textforge.predict_file(finished_run, sources / source, sources / "out", **given)
    assert (sources / "out").read_text() == "earlier"


def test_a_folder_without_a_run_is_refused(sources: Path) -> None:
    with pytest.raises(BundleError, match="neither a run"):
        textforge.predict_file(sources, sources / "a.csv", sources / "out.csv")
