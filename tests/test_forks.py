"""A process that is forked after use: it works, or says at once why it cannot."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

WORKS = (
    "predict", "load", "train", "train a model that fits itself", "a pool of multiprocessing",
    "while another thread fits", "between two steps of another thread", "while another thread loads plugins",
    "polars, first used by the child", "bags, after polars", "train on a CSV file without polars",
    "predict with polars", "load with polars", "train with polars", "the same answers with polars and without",
)  # fmt: skip
REFUSED = ("read Parquet with polars",)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What came of each case in a child that was forked, all from one parent."""
    program = Path(__file__).with_name("forked_server.py")
    env = {**os.environ, "OMP_NUM_THREADS": "2", "POLARS_MAX_THREADS": "2"}
    command = [sys.executable, str(program), str(tmp_path_factory.mktemp("forks"))]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=240)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("case", WORKS)
def test_a_forked_child_does_its_work(outcomes: dict[str, str], case: str) -> None:
    assert outcomes[case] == "done"


@pytest.mark.parametrize("case", REFUSED)
def test_a_forked_child_that_needs_lost_threads_says_so_at_once(outcomes: dict[str, str], case: str) -> None:
    assert "this process was forked after polars had started its threads" in outcomes[case]
    assert "spawn" in outcomes[case]
    assert "\n" not in outcomes[case]


def test_the_cases_are_all_of_the_program(outcomes: dict[str, str]) -> None:
    assert {*WORKS, *REFUSED} == {*outcomes}


def test_the_standard_parts_import_polars_through_the_module_that_checks_for_its_threads() -> None:
    for path in (ROOT / "plugins" / "textforge_standard").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert path.stem == "checked_polars" or not {name.split(".")[0] for name in names} & {"polars"}, path
