"""`textforge cross-validate`, and `textforge run --seeds`: several trainings, one table."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest
import warm_processes
import yaml
from conftest import make_texts, only_json, small_recipe, write_csv
from in_process import invoke


def rows_of(table: str) -> dict[str, list[str]]:
    """The cells of each line of a table, by what it begins with."""
    return {cells[0]: cells[1:] for line in table.splitlines() if (cells := re.split(r" {2,}", line.strip()))}


# -- folds -------------------------------------------------------------------------------------


def test_a_person_reads_a_line_a_fold_with_mean_and_deviation(recipe_file: Path, tmp_path: Path) -> None:
    done = invoke("cross-validate", recipe_file, "--folds", 3, "--out", tmp_path / "cv", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads((tmp_path / "cv" / "cross-validation.json").read_text())["figures"]
    rows = rows_of(done.stdout)
    assert done.stdout.splitlines()[0].split() == [
        "test", "accuracy", "macro", "F1", "micro", "F1", "weighted", "F1",
    ]  # fmt: skip
    for n in range(3):
        assert rows[f"fold {n + 1}"][0] == f"{found['accuracy']['values'][n]:.4f}"
    assert rows["mean"][1] == f"{found['macro_f1']['mean']:.4f}"
    assert rows["standard deviation"][0] == f"{found['accuracy']['std']:.4f}"
    assert done.stdout.endswith(f"\nfolder: {tmp_path / 'cv'}\n")


def test_json_is_one_object_with_the_whole_result(recipe_file: Path, tmp_path: Path) -> None:
    done = invoke("cross-validate", recipe_file, "--folds", 2, "--out", tmp_path / "cv", "--json", "-s", "seed=3")
    found = only_json(done.stdout)
    assert found.pop("run") == str(tmp_path / "cv")
    assert found == json.loads((tmp_path / "cv" / "cross-validation.json").read_text())
    assert (found["folds"], found["seed"], found["overrides"]) == (2, 3, {"seed": 3})
    assert "fold 2 of 2: training on" in done.stderr
    assert done.stderr.count("epoch 3/3") == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--folds", "1"], "1 is not in the range x>=2"),
        (["--folds", "two"], "'two' is not a valid integer"),
        (["--folds", "99"], "96 texts are too few for 99 folds."),
        (["-s", "model=mpl"], "no model named 'mpl'. Did you mean 'mlp'?"),
        (["-s", "trainer.patience=1"], "trainer.patience needs a validation split"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(
    recipe_file: Path, tmp_path: Path, arguments: list[str], told: str
) -> None:
    done = invoke("cross-validate", recipe_file, *arguments, "--out", tmp_path / "cv", "-q")
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert not (tmp_path / "cv").exists()


def test_a_folder_that_is_taken_is_refused(recipe_file: Path, finished_run: Path) -> None:
    done = invoke("cross-validate", recipe_file, "--out", finished_run)
    assert done.returncode == 2
    assert "exists and holds a finished run" in done.stderr


def test_its_folder_predicts_nothing_but_says_what_to_do(recipe_file: Path, tmp_path: Path) -> None:
    assert invoke("cross-validate", recipe_file, "--folds", 2, "--out", tmp_path / "cv", "-q").returncode == 0
    done = invoke("predict", tmp_path / "cv", "moon")
    assert done.returncode == 2
    assert "a cross-validation, which saves no classifier. Train one on all data" in done.stderr
    assert done.stderr.count("\n") == 1


# -- seeds -------------------------------------------------------------------------------------


def test_seeds_give_a_line_each(recipe_file: Path, tmp_path: Path) -> None:
    done = invoke("run", recipe_file, "--seeds", "0-1,7", "--out", tmp_path / "runs", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    rows = rows_of(done.stdout)
    assert {"test", "seed 0", "seed 1", "seed 7", "mean", "standard deviation"} <= rows.keys()
    for seed in (0, 1, 7):
        result = json.loads((tmp_path / "runs" / f"seed-{seed}" / "result.json").read_text())
        assert result["seed"] == seed
        assert rows[f"seed {seed}"][0] == f"{result['test']['accuracy']:.4f}"
    assert done.stdout.endswith(f"\nrun folders: {tmp_path / 'runs'}/seed-*\n")


def test_seeds_as_json(recipe_file: Path, tmp_path: Path) -> None:
    done = invoke("run", recipe_file, "--seeds", "0,1", "--out", tmp_path / "runs", "-q", "--json", "--device", "cpu")
    found = only_json(done.stdout)
    assert found.pop("runs", None)
    assert {"recipe", "seeds", "split", "figures", "seconds"} <= found.keys()
    assert found["seeds"] == [0, 1]
    assert found["overrides"] == {"trainer.device": "cpu"}


def test_figures_of_the_validation_split_are_not_shown_as_those_of_test(recipe_file: Path, tmp_path: Path) -> None:
    given = ["-s", "dataset.test_fraction=0", "-s", "trainer.validation=0.2", "-q"]
    done = invoke("run", recipe_file, "--seeds", "0,1", *given, "--out", tmp_path / "runs")
    assert done.stdout.startswith("valid ")


def test_without_held_out_texts_there_is_no_table(recipe_file: Path, tmp_path: Path) -> None:
    given = ["-s", "dataset.test_fraction=0", "-q"]
    done = invoke("run", recipe_file, "--seeds", "0", *given, "--out", tmp_path / "runs")
    assert done.returncode == 0
    assert done.stdout.startswith("no test split\n")


@pytest.mark.parametrize(
    ("seeds", "told"),
    [
        ("4-0", "--seeds 4-0: give seeds as a range or a list, as in 0-4 or 1,5,7."),
        ("-1", "--seeds -1: give seeds as a range or a list"),
        ("one", "--seeds one: give seeds"),
        ("1,1", "--seeds 1,1: names a seed twice."),
        ("0-5000", "--seeds 0-5000: at most 1000 seeds at a time."),
    ],
)
def test_seeds_that_are_none_are_reported(recipe_file: Path, tmp_path: Path, seeds: str, told: str) -> None:
    done = invoke("run", recipe_file, "--seeds", seeds, "--out", tmp_path / "runs")
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert not (tmp_path / "runs").exists()


def test_one_seed_and_several_are_not_both(recipe_file: Path) -> None:
    done = invoke("run", recipe_file, "--seed", "1", "--seeds", "0-1")
    assert done.returncode == 2
    assert "give --seed or --seeds, not both" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "begun", "told"),
    [
        (
            ["run", "--seeds", "0-3"],
            "seed 1 (2 of 4)",
            "textforge resume {out} 1 of 4 runs are done, in {out}.",
        ),
        (
            ["cross-validate", "--folds", "4"],
            "fold 2 of 4",
            "cross-validation.json; continue with: textforge resume {out}",
        ),
    ],
    ids=["seeds", "folds"],
)
def test_an_interrupt_keeps_what_is_done_and_says_so(tmp_path: Path, command: list[str], begun: str, told: str) -> None:
    data = write_csv(tmp_path / "small.csv", *make_texts(120))
    recipe = tmp_path / "r.yaml"
    recipe.write_text(yaml.safe_dump(small_recipe(data, trainer={"epochs": 60, "batch_size": 4})))
    out = tmp_path / "out"
    full = [*warm_processes.command(), command[0], str(recipe), *command[1:], "--out", str(out)]
    with subprocess.Popen(full, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        seen = False
        for line in process.stderr:
            seen = seen or begun in line
            if seen and line.startswith("epoch"):
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
        assert process.wait(60) == 130, rest
    assert "error: interrupted." in rest
    assert told.format(out=out) in rest
    assert "Traceback" not in rest
    assert not (out / "seeds.json").exists()
    assert not (out / "cross-validation.json").exists()
