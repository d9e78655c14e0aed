"""docs/columns.md: its recipe, its commands and its code work as they stand."""

from __future__ import annotations

import csv
import json
import re
import shlex
import shutil

import pytest
from conftest import ROOT
from in_process import invoke
from order_rows import orders

PAGE = (ROOT / "docs" / "columns.md").read_text()


def block(language):
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return found


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_recipe_and_the_commands_work(place):
    import polars as pl

    rows = [*orders(60)]
    with (place / "orders.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    asked = [{name: one for name, one in row.items() if name not in ("id", "label")} for row in rows]
    pl.DataFrame(asked).write_csv(place / "new.csv")
    (place / "new.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    pl.DataFrame([{**row, "price": float(row["price"] or "nan")} for row in rows]).write_parquet("labelled.parquet")
    (place / "recipe.yaml").write_text(block("yaml"))
    assert invoke("run", "recipe.yaml", "--out", "runs/orders", "--quiet").returncode == 0
    for command in re.findall(r"^\$ textforge (.*)$", block("console"), re.MULTILINE):
        done = invoke(*shlex.split(command))
        assert (done.returncode, "error" in done.stderr) == (0, False), (command, done.stderr)
    shutil.rmtree(place / "runs")


def test_the_code_runs(place, capsys, recwarn):
    exec(compile(block("python"), "columns.md", "exec"), {})  # the code of the page itself
    assert "{'price': 'number'}" in capsys.readouterr().out


def test_every_kind_is_in_the_table():
    from textforge.components.rows import KINDS_OF_COLUMNS

    assert all(f"| `{kind}` |" in PAGE for kind in KINDS_OF_COLUMNS)
