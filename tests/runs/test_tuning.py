"""`textforge tune`: trials on folds of the training texts, an honest choice, a plain recipe and its run at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import ROOT, make_texts, only_json, shipped, write_csv
from hypothesis import given, settings, strategies as st
from in_process import invoke

import textforge
from textforge import DataError, Dataset, PluginManager, Progress, RecipeError, TrainingError, hookimpl
from textforge.recipes.document import from_python, read_document
from textforge.recipes.recipe import load_recipe
from textforge.recipes.tune_section import read_space
from textforge.runs.plan import given_part
from textforge.runs.tuning.budget import read_budget
from textforge.runs.tuning.candidates import PORTFOLIO, portfolio
from textforge.runs.tuning.choice import (
    Outcomes,
    accuracy_and_macro_f1,
    compared,
    spread_over_folds,
    threshold,
    verdict,
)
from textforge.runs.tuning.folds import Folds, Place
from textforge.runs.tuning.identity import STUDY, TUNING
from textforge.runs.tuning.study import Search, hash_seed, open_study, quiet, values_of
from textforge.runs.tuning.trial import Laboratory
from textforge.runs.tuning.workers import CUT, Task, Workers

FILES = {"best.yaml", "run", "study.journal", "study.json", "trials", "tuning.json"}


class Heard(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def trial(self, text: str) -> None:
        self.lines.append(text)


def recipe(data: Path, **more: Any) -> dict[str, Any]:
    return {
        "seed": 0,
        "dataset": {"use": "csv", "train": str(data)},
        "vectorizer": {"use": "bow"},
        "model": {"use": "multinomial-nb", "alpha": 1.0},
        "tune": {"model.alpha": {"low": 0.01, "high": 10, "log": True}, "vectorizer.binary": [False, True]},
        **more,
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_csv(tmp_path_factory.mktemp("data") / "small.csv", *make_texts(90))


@pytest.fixture(scope="module")
def tuned(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[textforge.Tuned, Heard]:
    heard, out = Heard(), tmp_path_factory.mktemp("tuned") / "it"
    return textforge.tune(recipe(data), trials=11, workers=0, out=out, progress=heard), heard


def parameters(result: dict[str, Any]) -> list[Any]:
    return [(one["start"], one["parameters"], one["value"]) for one in result["trials"]]


# -- what it leaves ---------------------------------------------------------------------------------


def test_it_leaves_a_plain_recipe_its_run_and_the_study(tuned: tuple[textforge.Tuned, Heard]) -> None:
    done, heard = tuned
    assert {path.name for path in done.path.iterdir()} == FILES
    assert json.loads((done.path / TUNING).read_text()) == done.result
    assert len(done.result["trials"]) == 11
    assert len(heard.lines) == 11
    assert heard.lines[0].startswith("trial   0  macro F1 ")
    assert "best" in heard.lines[-1]
    assert "tune" not in read_document(done.best)[1].plain()
    assert done.classifier().predict(["orbit launch"]) == ["space"]


def test_the_recipe_says_why_and_trains_the_same_classifier(
    tuned: tuple[textforge.Tuned, Heard], tmp_path: Path
) -> None:
    done, _ = tuned
    text = done.best.read_text()
    assert text.startswith(
        "# The best recipe that `textforge tune` found for a recipe: 11 trials, compared by macro F1."
    )
    assert "The test split was read once, after the choice." in text
    again = textforge.run(done.best, out=tmp_path / "again")
    assert again.result["test"] == done.result["test"]


def test_plain_optuna_reads_the_study(tuned: tuple[textforge.Tuned, Heard]) -> None:
    import optuna

    done, _ = tuned
    with quiet():
        storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(done.path / STUDY)))
        study = optuna.load_study(study_name=None, storage=storage)
    assert len(study.trials) == 11
    assert study.best_value == max(one["value"] for one in done.result["trials"])
    assert set(study.trials[5].params) == {"start", "model.alpha", "vectorizer.binary"}


def test_the_first_trial_is_the_recipe_as_it_is_written(tuned: tuple[textforge.Tuned, Heard]) -> None:
    first = tuned[0].result["trials"][0]
    assert first["parameters"] == {"model.alpha": 1.0, "vectorizer.binary": "false"}
    assert first["values"] == {}


# -- the same trials ------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_trials_with_any_number_of_workers(
    tuned: tuple[textforge.Tuned, Heard], data: Path, tmp_path: Path
) -> None:
    again = textforge.tune(recipe(data), trials=11, workers=2, out=tmp_path / "two")
    assert parameters(again.result) == parameters(tuned[0].result)
    assert again.best.read_text() == tuned[0].best.read_text()
    other = textforge.tune(recipe(data), trials=11, workers=0, seed=1, out=tmp_path / "other")
    assert parameters(other.result) != parameters(tuned[0].result)


def test_a_tuning_that_was_killed_goes_on_to_the_same_end(
    tuned: tuple[textforge.Tuned, Heard], data: Path, tmp_path: Path
) -> None:
    file, out = tmp_path / "recipe.yaml", tmp_path / "out"
    file.write_text(yaml.safe_dump(recipe(data)))
    command = [
        sys.executable,
        "-m",
        "textforge",
        "tune",
        str(file),
        "--trials",
        "11",
        "--workers",
        "1",
        "--out",
        str(out),
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    until = time.monotonic() + 200
    while len([*out.glob("trials/*.json")]) < 4 and time.monotonic() < until and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (out / TUNING).exists()
    with (out / STUDY).open("a") as journal:
        journal.write('{"op_code":')  # a line that was not written to its end
    kept = {path.name: path.stat().st_mtime_ns for path in out.glob("trials/*.json")}
    done = invoke("tune", file, "--trials", 11, "--workers", 1, "--out", out, "--json", "-q")
    assert done.returncode == 0, done.stderr
    assert parameters(only_json(done.stdout)) == parameters(tuned[0].result)
    assert all((out / "trials" / name).stat().st_mtime_ns == at for name, at in kept.items())


@given(st.integers(0, 2**32), st.integers(0, 5))
@settings(max_examples=20)
def test_a_draw_that_was_killed_is_drawn_alike(seed: int, number: int) -> None:
    assert hash_seed(seed, number) == hash_seed(seed, number) != hash_seed(seed, number + 1)


def test_a_generation_is_proposed_alike_in_one_go_and_in_two(tmp_path: Path, data: Path) -> None:
    space = load_recipe(recipe(data), plugins=shipped()).tune
    assert space is not None
    found = []
    for name, steps in (("one", ([6],)), ("two", ([2], [6]))):
        with quiet():
            for (n,) in steps:
                search = Search(open_study(tmp_path / name, maximize=True), {"a": space}, 3)
                search.propose(1, ["a"] * n)
            found.append([values_of(trial) for trial in search.trials()])
    assert found[0] == found[1]


# -- folds -------------------------------------------------------------------------------------------------


def test_the_test_split_is_not_looked_at_until_the_end(data: Path, tmp_path: Path) -> None:
    texts, labels = make_texts(60)
    found = []
    for number, test in enumerate((["orbit"], ["pixel"])):
        given_data = Dataset((texts, labels), test=(test, ["space"]))
        out = tmp_path / str(number)
        found.append(textforge.tune(recipe(data), dataset=given_data, trials=5, workers=0, out=out).result)
    assert found[0]["test"]["accuracy"] == 1.0 > found[1]["test"]["accuracy"]
    assert found[0]["chosen"] == found[1]["chosen"]
    assert parameters(found[0]) == parameters(found[1])


def test_groups_stay_together_and_large_data_begin_with_a_part() -> None:
    texts, labels = make_texts(60)
    groups = [f"group {n // 3}" for n in range(60)]
    folds = Folds.of(Dataset((texts, labels), groups=groups), 0)
    for place in [*folds.rungs(), *folds.fresh()]:
        kept, out = folds.rows(place)
        assert kept is not None
        assert not {groups[row] for row in kept} & {groups[row] for row in out}
    assert folds.rungs() == [Place(0)]
    many = Folds.of(Dataset((["a", "b"] * 22_000, ["x", "y"] * 22_000)), 0)
    assert many.rungs() == [Place(0, 4000), Place(0, 16000), Place(0)]
    kept, out = many.rows(many.rungs()[0])
    assert kept is not None
    assert len(kept) == 4000
    assert sum(row % 2 for row in kept.tolist()) == 2000
    assert not {*kept.tolist()} & {*out.tolist()}


def test_features_that_are_known_give_the_same_answers_as_a_training_of_its_own(data: Path) -> None:
    texts, labels = make_texts(90)
    folds = Folds.of(Dataset((texts, labels)), 0)
    sections = load_recipe(recipe(data), plugins=shipped()).resolved()
    measured = Laboratory(folds, shipped()).measure(sections, Place(1))
    whole = textforge.load_recipe(sections, dataset=given_part(folds.fold(Place(1))))
    from textforge.runs.plan import trainer_for

    trained = trainer_for(whole, folds.fold(Place(1))).fit()
    test = folds.fold(Place(1)).test
    assert test is not None
    names = [folds.labels[number] for number in measured.chosen]
    assert names == list(trained.predict(test[0]))


def test_one_group_is_too_few(data: Path) -> None:
    with pytest.raises(DataError, match="Give more"):
        textforge.tune(
            recipe(data), dataset=Dataset((["a", "b"], ["x", "y"]), groups=["one", "one"]), trials=2, workers=0
        )


# -- the choice ---------------------------------------------------------------------------------------------


def outcomes(n: int, errors: int, seed: int) -> Outcomes:
    generator = np.random.default_rng(seed)
    gold = generator.integers(0, 3, n)
    chosen = gold.copy()
    wrong = generator.permutation(n)[:errors]
    chosen[wrong] = (chosen[wrong] + 1) % 3
    return Outcomes(gold, chosen, 3)


@given(st.integers(5, 60), st.integers(0, 20), st.integers(0, 99))
@settings(max_examples=20)
def test_accuracy_and_macro_f1_are_those_of_every_result(n: int, errors: int, seed: int) -> None:
    from sklearn.metrics import f1_score

    one = outcomes(n, min(errors, n), seed)
    accuracy, f1 = accuracy_and_macro_f1(one, np.ones((1, n)))[0]
    assert accuracy == pytest.approx((one.gold == one.chosen).mean())
    assert f1 == pytest.approx(f1_score(one.gold, one.chosen, average="macro"))


def test_a_challenger_must_be_better_by_more_than_chance() -> None:
    default = outcomes(1000, 200, 0)
    better = Outcomes(default.gold, default.chosen.copy(), 3)
    better.chosen[:400] = better.gold[:400]
    slightly = Outcomes(default.gold, default.chosen.copy(), 3)
    first = int(np.flatnonzero(slightly.gold != slightly.chosen)[0])
    slightly.chosen[first] = slightly.gold[first]
    found = []
    for one in (better, slightly):
        differences, errors = compared(default, one, 0)
        pair = (float(differences[1]), float(differences[0]))
        found.append(verdict(1, pair, float(errors[1]), 3, guarded=True).better)
    assert found == [True, False]


def test_challengers_that_are_no_better_win_rarely() -> None:
    wins = 0
    for seed in range(20):
        default, others = outcomes(300, 60, seed), [outcomes(300, 60, seed + 1000 * n) for n in (1, 2, 3)]
        for one in others:  # other errors, equally many
            differences, errors = compared(
                default, Outcomes(default.gold, (default.gold + (one.gold != one.chosen)) % 3, 3), seed
            )
            pair = (float(differences[1]), float(differences[0]))
            wins += verdict(1, pair, float(errors[1]), 3, guarded=True).better
    assert wins <= 4  # 1 is expected of 60


def test_more_challengers_need_a_larger_difference() -> None:
    assert threshold(1) == pytest.approx(1.645, abs=0.001)
    assert threshold(1) < threshold(3)
    assert verdict(1, (0.1, -0.01), 0.01, 1, guarded=True).better is False
    assert verdict(1, (0.1, -0.01), 0.01, 1, guarded=False).better is True
    assert spread_over_folds([0.1]) == float("inf")
    assert verdict(1, (0.1, 0.1), float("inf"), 1, guarded=False).better is False


# -- the portfolio -----------------------------------------------------------------------------------------


def test_the_first_recipe_of_the_portfolio_is_the_recommended_one() -> None:
    texts, labels = make_texts(60)
    dataset = Dataset((texts, labels))
    first, *_ = portfolio(dataset, given_part(dataset), 0, None, PluginManager())[0]
    recommended = load_recipe(ROOT / "recipes" / "strong.yaml").resolved()
    assert {**first.recipe.resolved(), "dataset": None} == {**recommended, "dataset": None}


def test_every_space_of_the_portfolio_is_valid() -> None:
    texts, labels = make_texts(60)
    dataset = Dataset((texts, labels))
    entries = {one["name"]: one for one in read_document(PORTFOLIO)[1].plain()}
    found, _ = portfolio(dataset, given_part(dataset), 0, None, PluginManager())
    assert [*entries] == [*(one.name for one in found), "large"]
    for one in found:
        space, wrong = read_space(from_python(entries[one.name].get("tune", {}), "tune"), one.variants)
        assert not wrong
        ours = {(each.key, getattr(each, "whole", None)) for each in one.space.dimensions}
        assert ours == {(each.key, getattr(each, "whole", None)) for each in space.dimensions}


def test_data_alone_begin_with_the_recommended_recipe(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "it"
    done = invoke("tune", data, "--trials", 2, "--workers", 1, "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("best: trial 0 of 2, strong\n")
    assert "trial   1" in done.stderr
    assert (out / "report.html").is_file()
    assert [one["start"] for one in json.loads((out / TUNING).read_text())["trials"]] == ["strong", "strong-balanced"]


def test_recipes_for_which_the_budget_is_too_short_are_left_out() -> None:
    texts, labels = make_texts(60)
    dataset = Dataset((texts, labels))
    found, left_out = portfolio(dataset, given_part(dataset), 0, 60, PluginManager())
    assert "textcnn" not in [one.name for one in found]
    assert "textcnn: it needs a budget of at least 240 s" in left_out


def test_large_data_begin_with_the_recipe_that_init_writes_for_them() -> None:
    from string import Template

    from textforge_standard.commands.init_recipe import LARGE, MANY

    dataset = Dataset((["a", "b"] * (MANY // 2), ["x", "y"] * (MANY // 2)))
    first, second, *_ = portfolio(dataset, given_part(dataset), 0, 60, shipped())[0]
    assert second.name == "strong"
    text = Template(LARGE.read_text()).substitute(validation="  validation: 0.1\n  patience: 2")
    written = load_recipe(yaml.safe_load(text), dataset=given_part(dataset), plugins=shipped())
    assert first.recipe.resolved() == written.resolved()


def test_texts_with_several_labels_get_thresholds() -> None:
    from conftest import make_sets

    dataset = Dataset(make_sets(120))
    first, *_ = portfolio(dataset, given_part(dataset), 0, 60, shipped())[0]
    assert first.recipe.decision.threshold == "f1"
    assert first.recipe.trainer.validation == 0.1


# -- time ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1.5h", 5400), ("1h 30m", 5400), (7, 7)]
)
def test_a_budget_is_read(text: Any, seconds: float) -> None:
    assert read_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5x", "-5m", "0", "5m!", "m5", "nan", "inf"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="budget must be a time above 0, as in 90s, 5m or"):
        read_budget(text)


def test_a_spent_budget_still_gives_a_result(data: Path, tmp_path: Path) -> None:
    done = textforge.tune(recipe(data), budget=0.01, workers=1, out=tmp_path / "it")
    assert done.result["chosen"]["trial"] == 0
    assert done.result["test"]["n"] > 0
    assert "the budget was too short" in done.best.read_text().replace("\n# ", " ").lower()


def test_a_measurement_is_cut_when_its_time_is_over() -> None:
    class Sleeper:
        def measure(self, sections: Any, place: Any) -> Any:
            time.sleep(600)

    began = time.monotonic()
    tasks = [Task(0, Place(0), {}, seconds=0.3), Task(1, Place(0), {})]
    with Workers(Sleeper(), 1) as workers:  # type: ignore[arg-type]
        found = [measured.failed for _, measured in workers.results(tasks, lambda: 1.0 - (time.monotonic() - began))]
    assert found == [CUT, CUT]
    assert time.monotonic() - began < 60


# -- failures -----------------------------------------------------------------------------------------------


def plugins_with(model: Any) -> PluginManager:
    found = PluginManager()
    found.register(SimpleNamespace(textforge_models=hookimpl(lambda: {"moody": model})))
    return found


def moody(n_features: int, n_classes: int, /, *, mood: float = 1.0, how: str = "raise") -> Any:
    """A model that fails in a bad mood."""
    if mood < 0.5:
        if how == "die":
            os._exit(3)
        raise ValueError("not today")
    from textforge import FeatureLinear

    return FeatureLinear(n_features, n_classes)


def moody_recipe(data: Path, **options: Any) -> dict[str, Any]:
    return {
        "dataset": {"use": "csv", "train": str(data)},
        "vectorizer": "bow",
        "model": {"use": "moody", **options},
        "optimizer": {"use": "adam", "lr": 0.05},
        "trainer": {"epochs": 1},
        "tune": {"model.mood": {"low": 0.0, "high": 1.0}},
    }


def test_a_plugin_that_raises_in_a_trial_fails_that_trial_alone(data: Path, tmp_path: Path) -> None:
    done = textforge.tune(moody_recipe(data), trials=9, workers=0, out=tmp_path / "it", plugins=plugins_with(moody))
    failed = [one for one in done.result["trials"] if one["state"] == "failed"]
    assert 0 < len(failed) < 9
    assert "model 'moody' from this program failed while being built: ValueError: not today" in failed[0]["failed"]


def test_a_process_that_dies_fails_that_trial_alone(data: Path, tmp_path: Path) -> None:
    plugins = plugins_with(moody)
    done = textforge.tune(moody_recipe(data, how="die"), trials=9, workers=1, out=tmp_path / "it", plugins=plugins)
    failed = [one["failed"] for one in done.result["trials"] if one["state"] == "failed"]
    assert set(failed) == {"its process ended (exit code 3); memory may have run out."}


def test_if_all_trials_fail_the_first_reason_is_told(data: Path, tmp_path: Path) -> None:
    def hopeless(n_features: int, n_classes: int, /, *, mood: float = 1.0) -> Any:
        """Fails."""
        raise ValueError("never")

    given_recipe = {**moody_recipe(data), "model": "moody"}
    with pytest.raises(TrainingError, match=r"all 3 trials failed. The first: .*ValueError: never"):
        textforge.tune(given_recipe, trials=3, workers=0, out=tmp_path / "it", plugins=plugins_with(hopeless))


def test_another_tuning_in_the_folder_is_refused(
    tuned: tuple[textforge.Tuned, Heard], data: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecipeError, match="holds a finished tuning, and nothing is overwritten"):
        textforge.tune(recipe(data), trials=11, workers=0, out=tuned[0].path)
    (tmp_path / "study.json").write_text((tuned[0].path / "study.json").read_text())
    with pytest.raises(RecipeError, match="holds another tuning, with a difference in the metric"):
        textforge.tune(recipe(data), trials=11, workers=0, metric="accuracy", out=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--metric", "acuracy"],
            "metric: 'acuracy' is not measured. Known: accuracy, macro_f1,",
        ),
        (["--budget", "soon"], "budget must be a time above 0, as in 90s, 5m or 1.5h, not 'soon'."),
        (["--set", "model.alpa=1"], "model 'multinomial-nb': unknown option 'alpa'."),
        (["--set", "tune={model.alpa: [1.0]}"], "Did you mean 'alpha'?"),
    ],
)
def test_mistakes_are_told_before_anything_runs(data: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    file, out = tmp_path / "recipe.yaml", tmp_path / "out"
    file.write_text(yaml.safe_dump(recipe(data)))
    done = invoke("tune", file, "--out", out, *arguments)
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert not out.exists()


def test_without_optuna_one_sentence_says_how_to_install_it(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(textforge.PluginError, match=r"pip install 'textforge\[tune\]'"):
        textforge.tune(recipe(data), trials=2, out=tmp_path / "it")


def test_a_recipe_with_nothing_to_tune_says_so(data: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="there is nothing to tune: the recipe has no 'tune' section"):
        textforge.tune(recipe(data, tune={}), trials=2, workers=0, out=tmp_path / "it")
