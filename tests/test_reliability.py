"""A few cases of every attack of benchmarks/reliability.py, and what the script makes of a failing one."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

import textforge

FOLDER = ROOT / "benchmarks"
PAGE = (ROOT / "docs" / "reliability.md").read_text()


@pytest.fixture
def reliability(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import reliability

    return reliability


ATTACKS = [("recipes", 100), ("bundles", 40), ("checkpoints", 30), ("data", 120), ("inits", 25), ("requests", 40)]


@pytest.mark.parametrize(("section", "n"), ATTACKS)
def test_no_attack_succeeds(reliability, section, n):
    failed = [(number, verdict) for number, verdict in reliability.cases(section, 10_000, n) if verdict.failure]
    assert not failed


def test_a_run_that_is_killed_is_continued_to_the_same_results(reliability, monkeypatch):
    from attacks import kills

    def finished(name, folder):  # in this process, which is quicker
        folder.mkdir()
        kills.write_setup(name, folder)
        done = textforge.run(folder / "killed.yaml", out=folder / "runs" / "killed" / "whole")
        return kills.Reference(kills.outcome(done.path), seconds=2.0)

    name = "network, in memory"
    monkeypatch.setattr(kills, "RECIPES", {name: kills.RECIPES[name]})
    monkeypatch.setattr(kills, "finished", finished)
    monkeypatch.setattr(kills, "MOST_KILLS", 1)
    monkeypatch.setattr(kills, "TIMES", 1)
    ((_, verdict),) = reliability.cases("kills", 10_000, 1)
    assert not verdict.failure


@pytest.fixture
def power(reliability, monkeypatch):
    """The attack by power failures, with one recipe that is recorded once."""
    if shutil.which("strace") is None:
        pytest.skip("no strace here: power failures are NOT tested")
    from attacks import power

    name = "sparse optimizer, plateau"
    monkeypatch.setattr(power, "RECIPES", {name: power.RECIPES[name]})
    monkeypatch.setattr(power, "CONTINUED_RUNS", 0)
    return power


def test_a_run_whose_power_fails_is_continued_to_the_same_results(reliability, power):
    failed = [(number, verdict) for number, verdict in reliability.cases("power", 10_000, 5) if verdict.failure]
    assert not failed


def test_a_case_is_the_same_each_time_it_is_drawn(reliability, tmp_path):
    for again in ("first", "second"):
        for _ in reliability.cases("data", 20, 5, tmp_path / again):
            pass
    first, second = ({path.relative_to(tmp_path / again): path.read_bytes() for path in (tmp_path / again).rglob("*.*")
                      if path.is_file() and path.suffix != ".parquet"} for again in ("first", "second"))  # fmt: skip
    assert first == second and len(first) >= 4


def test_every_section_has_its_marks_in_the_page(reliability):
    assert re.findall(r"^<!-- (\w+) -->$", PAGE, re.MULTILINE)[::2] == list(reliability.SECTIONS)


def test_a_failing_case_is_printed_with_the_command_that_replays_it_and_the_script_ends_with_1(tmp_path):
    code = (
        "import sys, reliability, attacks.data as data\n"
        "verdict = lambda rng, case: data.Verdict('csv', 'read', 'wrong' if rng.random() < .5 else '')\n"
        "data.prepare = lambda folder: verdict\n"
        "sys.argv[1:] = ['data', '--seed', '7', '--cases', '20']\n"
        "reliability.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=FOLDER, capture_output=True, text=True)
    failures = re.findall(
        r"^csv: read: wrong\n    benchmarks/reliability.py data --seed (\d+) --cases 1$", done.stderr, re.M
    )
    assert done.returncode == 1
    assert 0 < len(failures) < 20 and {*map(int, failures)} <= {*range(7, 27)}
    assert f"| csv | 20 | 20 | **{len(failures)}** |" in done.stdout
    assert (ROOT / "docs" / "reliability.md").read_text() == PAGE, (
        "fewer cases than the page shows are not written to it"
    )
