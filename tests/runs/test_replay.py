"""Replays: what trains again, what is compared, and which difference and reason is named first."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import warm_processes
import yaml
from conftest import make_texts, small_recipe, write_csv
from in_process import invoke

import textforge
from textforge.errors import BundleError, DataUnavailable, RecipeError, TextforgeError
from textforge.runs.replays import training_again
from textforge.runs.replays.training_again import Command, cross_validate_again, train_again

NAMES = ["recipe", "data", "features", "history", "weights", "decision", "predictions", "figures"]


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Train again in this process, for tests that are not about the process; return the arguments of each training."""
    called: list[list[str]] = []

    def run(self: Command, arguments: Sequence[str], environment: Mapping[str, Any]) -> None:
        called.append([*arguments])
        done = invoke(*arguments, "-q", "--json")
        assert done.returncode == 0, done.stderr

    monkeypatch.setattr(Command, "__call__", run)
    return called


@pytest.fixture
def run(tmp_path: Path, recipe_file: Path) -> Path:
    return textforge.run(recipe_file, overrides={"trainer.validation": 0.2}, out=tmp_path / "run").path


def details(found: textforge.Replay) -> dict[str, str]:
    """The results that differ, with where."""
    return {one.name: one.detail for one in found.compared if one.same is False}


def changed_environment(run: Path, **changes: Any) -> None:
    """Change values of a run's environment.json; a dict adds to what is there."""
    path = run / "environment.json"
    described = json.loads(path.read_text())
    for key, value in changes.items():
        described[key] = {**described[key], **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(described))


def perturb(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Change one weight a little at a step of the next training, counted from 1."""
    original, steps = torch.optim.Adam.step, iter(range(1, 10_000))

    def stepped(self: torch.optim.Adam, *given: Any) -> Any:
        done = original(self, *given)
        if next(steps) == step:
            with torch.no_grad():
                self.param_groups[0]["params"][-1].view(-1)[0] += 1e-2
        return done

    monkeypatch.setattr(torch.optim.Adam, "step", stepped)


# -- the same ----------------------------------------------------------------------------------


def test_a_run_trained_again_in_another_process_gives_the_same(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_again, "SAME_PYTHON", warm_processes.command())
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    found = textforge.replay(run)
    assert found.same
    assert [(one.name, one.same) for one in found.compared] == [(name, True) for name in NAMES]
    assert found.changes == ()
    assert (found.reason, found.first_difference, found.out) == (None, None, None)
    assert before == {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}


def test_every_run_of_several_seeds_is_replayed(recipe_file: Path, tmp_path: Path, in_process: list) -> None:
    folder = textforge.run_seeds(recipe_file, [3, 5], out=tmp_path / "seeds").path
    found = textforge.replay(folder)
    assert found.same
    assert [one.path.name for one in found.runs] == ["seed-3", "seed-5"]
    changed_history(folder / "seed-5")
    again = textforge.replay(folder, out=tmp_path / "again")
    assert [one.same for one in again.runs] == [True, False]
    assert not again.same
    assert textforge.load(tmp_path / "again" / "seed-5").labels


def changed_history(run: Path) -> None:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), "train_loss": 7.0})
    (run / "metrics.jsonl").write_text("\n".join(lines) + "\n")


def test_a_cross_validation_is_replayed_fold_by_fold(recipe_file: Path, tmp_path: Path, in_process: list) -> None:
    folder = textforge.cross_validate(recipe_file, folds=3, out=tmp_path / "folds").path
    found = textforge.replay(folder)
    assert found.same
    assert [one.name for one in found.compared] == ["recipe", "data", "folds", "predictions", "figures"]
    assert in_process[0][:4] == ["cross-validate", str(folder / "resolved.yaml"), "--folds", "3"]
    lines = (folder / "folds.jsonl").read_text().splitlines()
    second = json.loads(lines[1])
    second["test"]["accuracy"] = 0.125
    (folder / "folds.jsonl").write_text("\n".join([lines[0], json.dumps(second), lines[2]]) + "\n")
    differing = details(textforge.replay(folder))
    assert [*differing] == ["folds"]
    assert differing["folds"].startswith("first in fold 2: test.accuracy was 0.125 and is ")


def test_the_new_run_is_kept_where_asked(run: Path, tmp_path: Path, in_process: list) -> None:
    found = textforge.replay(run, out=tmp_path / "kept")
    assert found.out == tmp_path / "kept"
    assert (tmp_path / "kept" / "model" / "model.safetensors").read_bytes() == (
        run / "model" / "model.safetensors"
    ).read_bytes()


def test_a_run_without_a_test_split_has_no_predictions_to_compare(tmp_path: Path, in_process: list) -> None:
    recipe = small_recipe(write_csv(tmp_path / "small.csv", *make_texts(60)))
    recipe["dataset"]["test_fraction"] = 0.0
    run = textforge.run(recipe, out=tmp_path / "run").path
    compared = {one.name: one for one in textforge.replay(run).compared}
    assert (compared["predictions"].same, compared["predictions"].detail) == (None, "the run has no test split")
    assert compared["weights"].same


# -- data --------------------------------------------------------------------------------------


def test_changed_data_are_named_first_and_nothing_is_trained(run: Path, small_csv: Path, in_process: list) -> None:
    lines = small_csv.read_text().splitlines()
    small_csv.write_text("\n".join([*lines[:-1], "another text of the moon," + lines[-1].rpartition(",")[2]]) + "\n")
    found = textforge.replay(run)
    assert found.first_difference is found.compared[0]
    assert found.compared[0].name == "data"
    assert " differ" in found.compared[0].detail
    assert all(one.same is None for one in found.compared[1:])
    assert found.reason == "the data are not those that the run was made with."
    assert not in_process
    changed_environment(run, packages={"textforge": "0.0.1"})
    read_otherwise = (
        "the data are not those that the run was made with, or they are read in another way: textforge was "
    )
    assert str(textforge.replay(run).reason).startswith(f"{read_otherwise}0.0.1 and is ")


def test_the_splits_that_changed_are_named(tmp_path: Path, in_process: list) -> None:
    train, test = (write_csv(tmp_path / f"{name}.csv", *make_texts(60, seed)) for seed, name in enumerate(("a", "b")))
    recipe = small_recipe(train)
    recipe["dataset"]["test"] = str(test)
    run = textforge.run(recipe, out=tmp_path / "run").path
    write_csv(test, *make_texts(50, 1))
    assert details(textforge.replay(run)) == {"data": "test has 50 texts, had 60"}
    write_csv(test, *make_texts(60, 7))
    assert details(textforge.replay(run)) == {"data": "texts or labels of test differ"}
    write_csv(test, *make_texts(60, 1))
    write_csv(train, *make_texts(60, 9))
    assert details(textforge.replay(run)) == {"data": "texts or labels of train differ"}
    write_csv(train, *make_texts(70, 9))
    assert details(textforge.replay(run)) == {"data": "train has 70 texts, had 60"}


def test_data_that_are_gone_are_named(run: Path, small_csv: Path, in_process: list) -> None:
    small_csv.unlink()
    with pytest.raises(RecipeError, match=f"no file or folder {small_csv}") as told:
        textforge.replay(run)
    assert told.value.__notes__ == [f"{run} cannot be replayed without the data that it was made with."]
    assert not in_process


def test_other_files_that_the_run_read_are_compared_too(tmp_path: Path, small_csv: Path, in_process: list) -> None:
    vectors = tmp_path / "words.vec"
    vectors.write_text("moon 0.1 0.2\nleague 0.3 0.4\n")
    recipe = small_recipe(
        small_csv, vectorizer={"use": "tokens", "vectors": str(vectors)}, model={"use": "fasttext", "dim": 2}
    )
    run = textforge.run(recipe, out=tmp_path / "run").path
    vectors.write_text("moon 0.1 0.2\nleague 0.3 0.5\n")
    assert details(textforge.replay(run)) == {"data": f"{vectors} has changed"}
    vectors.unlink()
    with pytest.raises(DataUnavailable, match=f"{vectors}: is gone"):
        textforge.replay(run)
    assert not in_process


def test_the_classifier_that_a_run_continued_is_one_of_these_files(run: Path, tmp_path: Path, in_process: list) -> None:
    recipe = {**yaml.safe_load((run / "resolved.yaml").read_text()), "init_from": {"run": str(run)}}
    again = textforge.run(recipe, out=tmp_path / "again").path
    assert textforge.replay(again).same
    shutil.rmtree(run)
    with pytest.raises(DataUnavailable, match="is gone"):
        textforge.replay(again)


def test_data_given_in_code_cannot_be_replayed(tmp_path: Path) -> None:
    data = textforge.Dataset(train=make_texts(60), test=make_texts(30, 1))
    run = textforge.run(small_recipe(tmp_path / "none"), dataset=data, out=tmp_path / "run").path
    with pytest.raises(RecipeError, match="its data were given in code"):
        textforge.replay(run)


# -- differences -------------------------------------------------------------------------------


@pytest.mark.parametrize(("step", "epoch"), [(2, 1), (9, 2), (13, 3)])
def test_a_difference_in_the_weights_is_found_in_the_epoch_where_it_begins(
    run: Path, step: int, epoch: int, in_process: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = json.loads((run / "metrics.jsonl").read_text().splitlines()[0])["steps"]
    assert step <= epoch * steps < step + steps
    perturb(monkeypatch, step)
    found = textforge.replay(run)
    differing = details(found)
    assert [*differing][:2] == ["history", "weights"]
    assert differing["history"].startswith(f"from epoch {epoch} on: ")
    assert differing["weights"].startswith(f"from epoch {epoch} on; first in '")
    assert "numbers differ, by up to " in differing["weights"]
    assert found.first_difference is not None
    assert found.first_difference.name == "history"


def test_a_difference_after_the_last_losses_is_told_apart(
    tmp_path: Path, recipe_file: Path, in_process: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = textforge.run(recipe_file, out=tmp_path / "run").path
    epochs = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    perturb(monkeypatch, sum(epoch["steps"] for epoch in epochs))
    differing = details(textforge.replay(run))
    assert "history" not in differing
    assert differing["weights"].startswith("after the losses of the last epoch, which are the same; first in '")
    assert differing["predictions"].startswith("first in row ")


def test_the_likely_reason_is_a_version_that_differs(
    run: Path, in_process: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    perturb(monkeypatch, 2)
    changed_environment(run, packages={"numpy": "1.26.0", "click": "8.0"}, platform="Plan 9")
    found = textforge.replay(run)
    assert found.reason == f"numpy was 1.26.0 and is {__import__('numpy').__version__} (1 more difference)."
    assert [change.what for change in found.changes] == ["numpy", "click", "the platform"]


def test_threads_that_differ_are_named(run: Path, in_process: list, monkeypatch: pytest.MonkeyPatch) -> None:
    perturb(monkeypatch, 2)
    changed_environment(run, threads=64)
    assert textforge.replay(run).reason == f"the number of threads was 64 and is {torch.get_num_threads()}."


def test_a_difference_without_a_reason_says_so(run: Path, in_process: list, monkeypatch: pytest.MonkeyPatch) -> None:
    perturb(monkeypatch, 2)
    assert str(textforge.replay(run).reason).startswith("the environment is the same as far as it was recorded.")


def test_figures_and_predictions_that_were_edited_differ(run: Path, in_process: list) -> None:
    result = json.loads((run / "result.json").read_text())
    result["test"]["macro_f1"] = 1.5
    (run / "result.json").write_text(json.dumps(result))
    rows = [json.loads(line) for line in (run / "predictions.jsonl").read_text().splitlines()]
    rows[7]["predicted"] = "somewhere else"
    (run / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    differing = details(textforge.replay(run))
    assert [*differing] == ["predictions", "figures"]
    assert differing["predictions"].startswith("first in row 7; 1 row differs, 1 with another answer")
    assert differing["figures"].startswith("test.macro_f1 was 1.5 and is ")


# -- how it trains again -----------------------------------------------------------------------


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    called: list[list[str]] = []
    monkeypatch.setattr(Command, "__call__", lambda self, arguments, environment: called.append(arguments))
    return called


def test_a_replay_repeats_the_options_that_shape_the_results(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called = recorded(monkeypatch)
    train_again(run, run / "again", {}, Command())
    assert called[-1] == ["run", f"{run}/resolved.yaml", "--out", f"{run}/again", "--probabilities", "all"]
    rows = [json.loads(line) for line in (run / "predictions.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):  # as `--probabilities 1` writes them: the gold label comes on top
        kept = {row["predicted"], *([row["gold"]] if number else [])}
        row["probabilities"] = {label: row["probabilities"][label] for label in sorted(kept)}
    (run / "predictions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = json.loads((run / "result.json").read_text())
    result["baselines"]["trained"] = {"accuracy": 1.0, "macro_f1": 1.0}
    (run / "result.json").write_text(json.dumps(result))
    train_again(run, run / "again", {}, Command())
    assert called[-1][-3:] == ["--probabilities", "1", "--baseline"]


def test_callbacks_are_called_only_if_they_may_have_stopped_the_run(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called = recorded(monkeypatch)
    with (run / "resolved.yaml").open("a") as file:
        file.write("callbacks: [{use: some-tracker}]\n")
    train_again(run, run / "again", {}, Command())
    assert called[-1][-2:] == ["--set", "callbacks=[]"]
    result = json.loads((run / "result.json").read_text())
    (run / "result.json").write_text(json.dumps({**result, "stopped": "stopped by a callback"}))
    train_again(run, run / "again", {}, Command())
    assert "--set" not in called[-1]


PRINT = "import json, os, sys; open(sys.argv[1], 'w').write(json.dumps(dict(os.environ)))"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"threads": 3, "variables": {}}, {"OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": None}),
        ({"threads": 3}, {"OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": "5"}),
        ({"threads": 2, "variables": {"OMP_NUM_THREADS": "2", "MKL_CBWR": "AVX2"}},
         {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": None, "MKL_CBWR": "AVX2"}),
        ({}, {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "5"}),
    ],
)  # fmt: skip
def test_the_process_has_the_threads_of_the_run(
    environment: dict, expected: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MKL_NUM_THREADS", "5")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    command = Command(words=(sys.executable, "-c", PRINT))
    for isolated in (False, True):
        replace(command, isolated=isolated)([str(tmp_path / "found")], environment)
        found = json.loads((tmp_path / "found").read_text())
        assert {name: found.get(name) for name in expected} == expected
        assert ("PYTHONPATH" in found) is not isolated


def test_a_training_that_fails_says_what_the_process_said(tmp_path: Path) -> None:
    code = "import sys; sys.stderr.write('warning: some\\nerror: the disk is full.\\n'); sys.exit(3)"
    with pytest.raises(TextforgeError, match=r"^training again failed: the disk is full\.$") as told:
        Command(words=(sys.executable, "-c", code))([], {})
    assert told.value.exit_code == 3


def test_a_recipe_that_no_longer_fits_points_to_the_versions_of_the_run(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*given: Any) -> None:
        error = TextforgeError("training again failed: unknown option 'label_smoothing'.")
        error.exit_code = 2
        raise error

    monkeypatch.setattr(Command, "__call__", refused)
    with pytest.raises(TextforgeError) as told:
        textforge.replay(run)
    assert told.value.__notes__ == ["The run may need its own versions of packages, which --env installs."]


# -- what cannot be replayed -------------------------------------------------------------------


def remove(name: str) -> Callable[[Path], None]:
    return lambda run: (run / name).unlink()


def rewrite(name: str, text: str) -> Callable[[Path], None]:
    return lambda run: (run / name).write_text(text) and None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (remove("result.json"), "an unfinished run: it has no result.json"),
        (remove("resolved.yaml"), "has no resolved.yaml, so it cannot be trained again"),
        (rewrite("environment.json", "[1]"), "damaged: it holds a list"),
        (rewrite("environment.json", '{"format": 99}'), "has format 99, and this textforge reads formats up to 2"),
        (
            rewrite("environment.json", '{"packages": {"torch": 2}}'),
            "damaged: packages.torch: Input should be a valid string",
        ),
        (rewrite("environment.json", '{"origins": {"torch": 2}}'), "damaged: origins.torch: Input should be "),
        (rewrite("environment.json", '{"cpu": {"features": [{}]}}'), "damaged: cpu.features.0: "),
        (rewrite("environment.json", '{"data": []}'), "damaged: data: Input should be "),
        (
            rewrite("environment.json", '{"data": {"splits": {"test": {"texts": 3}}}}'),
            "damaged: data.splits.test.sha256: ",
        ),
        (rewrite("metrics.jsonl", "{}\nnull\n"), "damaged: line 2 holds no object"),
        (rewrite("predictions.jsonl", "{"), "damaged"),
        (rewrite("model/model.safetensors", "x"), "damaged"),
        (remove("model/vectorizer.safetensors"), "damaged"),
        (rewrite("model/bundle.json", "x"), "damaged"),
        (lambda run: shutil.rmtree(run), "no such run or bundle"),
        (rewrite("seeds.json", '{"runs": [1]}'), "its seeds.json is damaged: it names no runs"),
        (rewrite("seeds.json", '{"runs": ["seed-0"]}'), "no such run or bundle"),
    ],
)
def test_what_cannot_be_replayed_is_refused_in_a_sentence(
    run: Path, damage: Callable[[Path], None], message: str, in_process: list
) -> None:
    damage(run)
    with pytest.raises(BundleError, match=message):
        textforge.replay(run)


def test_a_run_without_an_environment_is_replayed_all_the_same(run: Path, in_process: list) -> None:
    (run / "environment.json").unlink()
    found = textforge.replay(run)
    assert found.same
    assert {one.name for one in found.compared if one.same is None} == {"data"}


def test_a_cross_validation_needs_its_summary(recipe_file: Path, tmp_path: Path) -> None:
    folder = textforge.cross_validate(recipe_file, folds=2, out=tmp_path / "folds").path
    (folder / "cross-validation.json").write_text("{}")
    with pytest.raises(BundleError, match="it does not say how many folds there are"):
        textforge.replay(folder)
    (folder / "cross-validation.json").unlink()
    with pytest.raises(BundleError, match="an unfinished cross-validation"):
        textforge.replay(folder)
    with pytest.raises(BundleError):
        cross_validate_again(folder, tmp_path / "again", {}, Command())


def test_a_replay_is_shown_in_a_line_and_as_json(run: Path, in_process: list) -> None:
    changed_history(run)
    found = textforge.replay(run)
    assert repr(found) == f"<Replay of {run}: {found.compared[3]}>"
    assert json.loads(json.dumps(found.as_json()))["compared"][3]["name"] == "history"
    assert os.path.exists(run)
    assert subprocess.run([sys.executable, "-c", "import textforge; textforge.Replay"]).returncode == 0
