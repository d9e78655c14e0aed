"""The benchmarks' scripts and their page belong together. Nothing is timed here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

FOLDER = ROOT / "benchmarks"
SCRIPTS = sorted(FOLDER.glob("*.py"))
PAGE = (ROOT / "docs" / "benchmarks.md").read_text()


def within(code: str, *arguments: str) -> object:
    """What `code`, among the scripts and in a process of its own, prints as JSON."""
    command = [sys.executable, "-c", f"import json\n{code}", *arguments]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_section_of_the_page_is_made_by_a_script_and_every_script_has_one() -> None:
    marked = re.findall(r"^<!-- (\S+) -->$(?!\n*<!-- end)", PAGE, re.MULTILINE)
    sections = [name for name in marked if name != "end"]
    assert len(sections) == marked.count("end")
    assert sorted(sections) == sorted(within("import run; print(json.dumps(list(run.SECTIONS)))"))


HELP = """
import contextlib, io, runpy, sys
shown = {}
for script in json.loads(sys.argv[1]):
    sys.argv = [script, "--help"]
    out, err, code = io.StringIO(), io.StringIO(), None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as stop:
            code = stop.code
    shown[script] = code, out.getvalue(), err.getvalue()
print(json.dumps(shown))
"""


def test_every_script_says_what_it_does() -> None:
    """In one process for all: most scripts import torch or scikit-learn."""
    shown = within(HELP, json.dumps([script.name for script in SCRIPTS]))
    for script in SCRIPTS:
        first = script.read_text().split('"""', 2)[1].split(".")[0].split(";")[0].split()
        code, out, err = shown[script.name]
        assert (code, err) == (0, ""), script.name
        assert " ".join(first) in " ".join(out.split()), script.name


def test_a_section_is_replaced_and_the_rest_of_the_page_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- a -->\nold\n<!-- end -->\nbetween\n<!-- b -->\nkept\n<!-- end -->\n")
    within(
        f"import pathlib, run; run.PAGE = pathlib.Path({str(page)!r}); run.write_section('a', '\\\\1 new\\n'); print(0)"
    )
    assert page.read_text() == "before\n<!-- a -->\n\\1 new\n<!-- end -->\nbetween\n<!-- b -->\nkept\n<!-- end -->\n"


def test_the_exponent_of_a_power_is_its_exponent() -> None:
    found = within("import growth; print(growth.exponent([1, 10, 70], [3, 3 * 10**1.5, 3 * 70**1.5]))")
    assert found == pytest.approx(1.5)


def test_generated_texts_have_every_word() -> None:
    texts, labels = within("import growth; print(json.dumps(growth.texts_of(300, 5000)))")
    assert (len(texts), len(labels)) == (300, 300)
    assert len({word for text in texts for word in text.split()}) == 5000


def test_a_target_is_met_or_missed() -> None:
    told = within("import compare; print(json.dumps(compare.Target(0.5, 0.3).verdicts(0.9, 0.9, 0.51, 0.3)))")
    assert (
        told == "at most 0.50 of the time (**missed**), at most 0.30 of the memory (met), at least its accuracy (met)"
    )


def test_without_fasttext_its_row_says_that_it_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FASTTEXT_PYTHON", raising=False)
    turns = "compare.measured = lambda commands, pairs, warm: {name: [(1.0, 2.0, 0.5)] for name in commands}"
    shown = within(
        f"import compare; {turns}; print(json.dumps(compare.compared(compare.COMPARISONS['three-groups'], 1)))"
    )
    assert re.search(r"^\| fastText.*\*\*left out\*\*", str(shown), re.MULTILINE)
    assert "Target beside fastText" not in str(shown)
    assert "LogisticRegression" in str(shown)


@pytest.mark.slow
def test_the_breakdown_of_a_run_adds_up_to_the_whole_process(recipe_file: Path) -> None:
    columns = within(f"import breakdown; print(json.dumps(breakdown.spent({str(recipe_file)!r})))")
    whole = columns.pop("all")
    assert sum(columns.values()) == pytest.approx(whole, rel=0.02)
    assert all(columns[name] > 0 for name in ("imports", "loading", "turning", "forward", "backward", "update"))
    assert set(columns) == set(within("import breakdown; print(json.dumps(list(breakdown.STAGES)))"))
