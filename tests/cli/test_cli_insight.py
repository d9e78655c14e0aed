"""`textforge mistakes` and `textforge compare`: what people and programs read."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import only_json, small_recipe
from in_process import invoke
from rich.cells import cell_len

import textforge as library
from textforge.cli.windows import NARROWEST, one_line, whole_text


@pytest.fixture(scope="module")
def worse_run(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the same data that has learnt next to nothing."""
    data = finished_run.parent / "small.csv"
    recipe = small_recipe(data, optimizer={"use": "sgd", "lr": 1e-6}, trainer={"epochs": 1})
    return library.run(recipe, out=tmp_path_factory.mktemp("worse") / "run").path


def test_a_program_reads_one_object(finished_run: Path, worse_run: Path) -> None:
    assert only_json(invoke("compare", finished_run, worse_run, "--json").stdout) == library.compare(
        finished_run, worse_run
    )
    assert only_json(invoke("mistakes", worse_run, "--json").stdout) == library.mistakes(worse_run)


def test_a_person_reads_a_verdict_figures_and_flipped_texts(finished_run: Path, worse_run: Path) -> None:
    done = invoke("compare", finished_run, worse_run, "--texts", 2, "--metric", "weighted_f1")
    assert (done.returncode, done.stderr) == (0, "")
    found = library.compare(finished_run, worse_run, texts=2)
    (entry,) = found["comparisons"]
    lines = done.stdout.splitlines()
    assert lines[:2] == [f"A  {finished_run}", f"B  {worse_run}"]
    assert entry["verdict"] in lines
    assert (
        f"{entry['gained']} gained, {entry['lost']} lost; p = {entry['test']['p']:.2g} (McNemar's exact test)" in lines
    )
    assert "  optimizer.use: adam → sgd" in lines
    assert f"A right, B wrong: {entry['lost']} texts" in lines
    assert sum("gold " in line for line in lines) == len(entry["flipped"]["lost"]) + len(entry["flipped"]["gained"])
    assert "weighted F1" in done.stdout
    assert "one seed each" in done.stdout


def test_several_comparisons_show_the_corrected_p_value(finished_run: Path, worse_run: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(worse_run, tmp_path / "copy")
    shown = invoke("compare", finished_run, worse_run, copy).stdout
    assert shown.count("after Holm's correction") == 2
    assert "C is worse than A" in shown


def test_a_comparison_becomes_a_page_that_overwrites_nothing(
    finished_run: Path, worse_run: Path, tmp_path: Path
) -> None:
    page = tmp_path / "compare.html"
    done = invoke("compare", finished_run, worse_run, "-o", page)
    (entry,) = library.compare(finished_run, worse_run)["comparisons"]
    assert done.stdout.splitlines() == [entry["verdict"], f"comparison: {page}"]
    assert entry["verdict"] in page.read_text(encoding="utf-8")
    again = invoke("compare", finished_run, worse_run, "-o", page)
    assert (again.returncode, again.stdout) == (2, "")
    assert "exists already" in again.stderr
    forced = invoke("compare", finished_run, worse_run, "-o", page, "--force", "--json")
    assert only_json(forced.stdout)["page"] == str(page)


def test_a_person_reads_mistakes_in_groups(worse_run: Path) -> None:
    done = invoke("mistakes", worse_run)
    found = library.mistakes(worse_run)
    assert done.returncode == 0
    assert done.stdout.startswith(f"{found['wrong']} of {found['n']} test texts wrong\n\ngold ")
    group = found["groups"][0]
    assert f"gold {group['gold']}, predicted {group['predicted']}: {group['texts']} texts" in done.stdout
    assert f"  and {group['texts'] - 3} more" in done.stdout


def test_mistakes_are_chosen_by_label_and_number(worse_run: Path) -> None:
    group = library.mistakes(worse_run)["groups"][0]
    chosen = ["--gold", group["gold"], "--predicted", group["predicted"], "-n", 1]
    shown = invoke("mistakes", worse_run, *chosen).stdout
    assert shown.count("  row ") == 1
    assert len(only_json(invoke("mistakes", worse_run, *chosen, "--json").stdout)["groups"][0]["rows"]) == 1
    assert invoke("mistakes", worse_run, "--class", group["gold"]).stdout.count("gold ") >= 1


def test_a_label_that_is_none_is_reported(worse_run: Path) -> None:
    done = invoke("mistakes", worse_run, "--gold", "spaec")
    assert done.returncode == 2
    assert done.stderr == "error: no label 'spaec' in this run. Did you mean 'space'? Its labels: ball, paint, space.\n"


def test_texts_are_shortened_to_the_window_unless_they_are_wanted_whole(
    worse_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "48")
    shown = invoke("mistakes", worse_run).stdout
    assert "…" in shown
    assert max(map(len, shown.splitlines())) <= 48
    full = invoke("mistakes", worse_run, "--full").stdout
    assert "…" not in full
    row = library.mistakes(worse_run)["groups"][0]["rows"][0]
    assert f"    {row['text']}\n" in full


@pytest.mark.parametrize("arguments", [["compare"], ["compare", "one"], ["mistakes"], ["mistakes", "one", "-n", "0"]])
def test_wrong_arguments_end_with_2(arguments: list[str]) -> None:
    done = invoke(*arguments)
    assert (done.returncode, done.stdout) == (2, "")


def test_abstentions_and_sets_are_shown(tmp_path: Path) -> None:
    from textforge.cli.mistakes import mistakes_text

    row = {"row": 7, "text": "a\nb", "gold": "x", "predicted": None, "withheld": "y", "confidence": None}
    group = {"gold": "x", "predicted": None, "texts": 1, "rows": [row]}
    found = {"wrong": 0, "n": 2000, "split": "test", "abstained": 1, "groups": [group]}
    assert mistakes_text(found, 10, full=False) == (
        "0 of 2,000 test texts wrong, 1 not answered\n\ngold x, no answer: 1 text\n        row 7      [y] a b\n"
    )
    several = {
        "gold": ["x"],
        "predicted": ["y", "z"],
        "texts": 1,
        "rows": [{"row": 0, "text": None, "confidence": 0.5}],
    }
    shown = mistakes_text({**found, "abstained": 0, "groups": [several, group]}, 1, full=True)
    assert "missing x; too many y, z: 1 text\n  0.50  row 0\n" in shown
    assert "1 more group with 1 text: choose with --gold, --predicted or --class, or see --json" in shown


def test_a_text_that_would_steer_the_terminal_is_escaped_and_fits() -> None:
    assert one_line("a\x1b[31m\n\t b", 40) == "a\\x1b[31m b"
    assert cell_len(one_line("天気" * 40, 30)) <= 30
    assert one_line("x" * 100, 1) == "x" * (NARROWEST - 1) + "…"
    assert one_line("x" * 30, 30) == "x" * 30
    assert whole_text("a\x1b\nb", "  ") == "  a\\x1b\n  b"
