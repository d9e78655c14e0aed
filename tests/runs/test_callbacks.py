"""Callbacks: plugins that follow a run, add figures to it, and cannot break it."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from conftest import only_json, small_recipe
from in_process import invoke

import textforge
from textforge import PluginManager, Progress, hookimpl

EVENTS = ("started", "epoch_ended", "finished", "failed")


class Told(Progress):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        if "callback" in text:  # not of the data
            self.warnings.append(text)


def with_callbacks(**factories: object) -> PluginManager:
    parts = PluginManager()
    parts.register(SimpleNamespace(textforge_callbacks=hookimpl(lambda: factories), __name__="followers"))
    return parts


def follower(**methods: object):
    """A factory of callbacks with these methods."""
    return lambda: SimpleNamespace(**methods)


def run(data: Path, folder: Path, callbacks: object, plugins: PluginManager, **sections: object):
    told = Told()
    recipe = small_recipe(data, callbacks=callbacks, **sections)
    return textforge.run(recipe, out=folder, plugins=plugins, progress=told), told.warnings


def epochs(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def weights(folder: Path) -> str:
    return json.loads((folder / "model/bundle.json").read_text())["files"]["model.safetensors"]


def test_a_callback_is_reported_what_a_run_does_in_order(small_csv, tmp_path):
    seen = []

    def recording(run_folder, /, *, note: str = ""):
        """Records.

        Options:
            note: kept with each event.
        """
        assert isinstance(run_folder, Path)
        return SimpleNamespace(**{e: lambda data, e=e: seen.append((e, note, run_folder, data)) for e in EVENTS})

    done, warnings = run(
        small_csv, tmp_path / "run", [{"use": "recording", "note": "a"}], with_callbacks(recording=recording),
        trainer={"epochs": 2, "validation": 0.2},
    )  # fmt: skip
    assert warnings == []
    assert [event for event, *_ in seen] == ["started", "epoch_ended", "epoch_ended", "finished"]
    assert {(note, folder) for _, note, folder, _ in seen} == {("a", tmp_path / "run")}
    (_, _, _, started), (_, _, _, first), _, (_, _, _, finished) = seen
    assert started["path"] == str(tmp_path / "run")
    assert started["resolved"]["callbacks"] == [{"use": "recording", "note": "a"}]
    assert (started["recipe"], started["seed"], started["epochs"]) == ("recipe", 0, 2)
    assert {key: started[key] for key in ("labels", "n_train", "n_features", "n_parameters")} == {
        key: done.result[key] for key in ("labels", "n_train", "n_features", "n_parameters")
    }
    assert first == epochs(tmp_path / "run")[0]
    assert set(first) == {"number", "train_loss", "valid", "best", "steps", "seconds"}
    assert finished == {"path": str(tmp_path / "run"), **json.loads((tmp_path / "run/result.json").read_text())}


def test_the_run_folder_is_whole_when_it_is_finished(small_csv, tmp_path):
    def at_the_end(run_folder, /):
        """Reads the run."""
        return SimpleNamespace(finished=lambda data: {"size": len(textforge.load(run_folder).labels)})

    done, warnings = run(small_csv, tmp_path / "run", ["at_the_end"], with_callbacks(at_the_end=at_the_end))
    assert warnings == []
    assert done.result["added"] == {"at_the_end": {"size": 3.0}}


def test_figures_are_added_to_epochs_and_to_the_result(small_csv, tmp_path):
    parts = with_callbacks(
        **{
            "speed-o-meter": follower(epoch_ended=lambda r: {"steps_twice": r["steps"] * 2, "x": np.float32(0.5)}),
            "end": follower(finished=lambda r: {"half": r["test"]["accuracy"] / 2} if r["test"] else {"n": 1}),
            "silent": follower(epoch_ended=lambda r: {}, finished=lambda r: None),
        }
    )
    done, warnings = run(small_csv, tmp_path / "run", ["speed-o-meter", "end", "silent"], parts)
    assert warnings == []
    assert [line["added"] for line in epochs(tmp_path / "run")] == [
        {"speed_o_meter": {"steps_twice": 12.0, "x": 0.5}}
    ] * 3
    assert list(done.result["added"]) == ["end"]
    assert json.loads((tmp_path / "run/result.json").read_text()) == done.result


@pytest.mark.parametrize("event", ["started", "epoch_ended", "finished"])
@pytest.mark.parametrize(
    "error", [ValueError("boom"), SystemExit(3), textforge.DataError("no server."), BaseException()]
)
def test_what_a_callback_raises_is_reported_once_and_the_run_goes_on(small_csv, tmp_path, event, error):
    def fail(data):
        raise error

    plain = textforge.run(small_recipe(small_csv), out=tmp_path / "plain")
    good = []
    parts = with_callbacks(bad=follower(**{event: fail}), good=follower(**{event: good.append}))
    done, warnings = run(small_csv, tmp_path / "run", ["bad", "good"], parts)
    (warning,) = warnings
    assert warning.startswith(f"callback 'bad' from this program failed at '{event}': ")
    assert warning.endswith(" The run continues.")
    assert {"ValueError": "ValueError: boom.", "SystemExit": "SystemExit: 3.", "DataError": "no server.",
            "BaseException": "BaseException."}[type(error).__name__] in warning  # fmt: skip
    assert good, "the others are called all the same"
    assert json.loads((tmp_path / "run/result.json").read_text())["warnings"][-1:] == warnings
    assert weights(tmp_path / "run") == weights(plain.path)
    assert done.result["test"] == plain.result["test"]


def test_one_that_cannot_be_made_is_left_out(small_csv, tmp_path):
    def broken():
        """Broken."""
        raise OSError("disk on fire")

    parts = with_callbacks(broken=broken, empty=lambda: object())
    done, warnings = run(small_csv, tmp_path / "run", ["broken", "empty"], parts)
    assert warnings == [
        "recipe.callbacks[0]: callback 'broken' from this program failed while being built: OSError: disk on fire. "
        "The run continues without it.",
        "callback 'empty' from this program returned a object that has none of the methods started, epoch_ended, "
        "finished, failed. The run continues without it.",
    ]
    assert all(warning in done.result["warnings"] for warning in warnings)


@pytest.mark.parametrize(
    "returned",
    [
        3,
        ["a"],
        {"a": "b"},
        {"a": True},
        {"a": None},
        {"a": float("nan")},
        {"a": np.float64("inf")},
        {1: 2.0},
        {"a": 1j},
    ],
)
def test_what_is_no_figure_is_left_out_and_reported(small_csv, tmp_path, returned):
    parts = with_callbacks(odd=follower(epoch_ended=lambda r: returned, finished=lambda r: returned))
    done, warnings = run(small_csv, tmp_path / "run", ["odd"], parts)
    assert [w.partition(" at '")[2][:9] for w in warnings] == ["epoch_end", "finished'"]
    assert all("expected None, or a dict of names to finite numbers" in w for w in warnings)
    assert "added" not in done.result
    assert "added" not in epochs(tmp_path / "run")[0]


def test_it_cannot_change_the_run(small_csv, tmp_path):
    import torch

    def meddle(data):
        for key in list(data):
            data[key].clear() if isinstance(data[key], (dict, list)) else data.pop(key)
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(99)
        torch.set_grad_enabled(False)

    plain = textforge.run(small_recipe(small_csv), out=tmp_path / "plain")
    parts = with_callbacks(meddling=follower(**dict.fromkeys(EVENTS, meddle)))
    try:
        done, warnings = run(small_csv, tmp_path / "run", ["meddling"], parts)
    finally:
        torch.set_grad_enabled(True)
    assert warnings == []
    assert weights(tmp_path / "run") == weights(plain.path)
    assert done.result["labels"] == plain.result["labels"]
    ignored = ("seconds",)
    assert [{k: v for k, v in line.items() if k not in ignored} for line in epochs(tmp_path / "run")] == [
        {k: v for k, v in line.items() if k not in ignored} for line in epochs(plain.path)
    ]


def test_it_is_reported_of_a_failure_which_stays_the_failure(small_csv, tmp_path):
    seen = []

    def fail(data):
        seen.append(data)
        raise ValueError("in the handler, too")

    parts = with_callbacks(watch=follower(failed=fail))
    with pytest.raises(textforge.TrainingError) as caught:
        run(small_csv, tmp_path / "run", ["watch"], parts, optimizer={"use": "sgd", "lr": 1e30})
    assert seen == [{"type": "TrainingError", "message": str(caught.value), "path": str(tmp_path / "run")}]
    assert not (tmp_path / "run/result.json").exists()


@pytest.mark.parametrize("event", ["started", "epoch_ended"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), textforge.Interrupted(signal.SIGTERM)])
def test_it_is_reported_of_an_interrupt_also_while_another_starts(small_csv, tmp_path, event, error):
    seen = []

    def interrupt(data):
        raise error

    parts = with_callbacks(watch=follower(failed=seen.append), stop=follower(**{event: interrupt}))
    with pytest.raises(KeyboardInterrupt):
        run(small_csv, tmp_path / "run", ["watch", "stop"], parts)
    assert [one["type"] for one in seen] == ["KeyboardInterrupt"]


def test_one_is_reported_what_those_before_it_added(small_csv, tmp_path):
    seen = []
    log = follower(epoch_ended=lambda r: seen.append(r.get("added")), finished=lambda r: seen.append(r.get("added")))
    parts = with_callbacks(
        a=follower(epoch_ended=lambda r: {"x": 1}, finished=lambda r: {"y": 2}), log=log,
        b=follower(epoch_ended=lambda r: {"z": 3}),
    )  # fmt: skip
    done, _ = run(small_csv, tmp_path / "run", ["a", "log", "b"], parts, trainer={"epochs": 1})
    assert seen == [{"a": {"x": 1.0}}, {"a": {"y": 2.0}}]
    assert epochs(tmp_path / "run")[0]["added"] == {"a": {"x": 1.0}, "b": {"z": 3.0}}
    assert done.result["added"] == {"a": {"y": 2.0}}


def test_before_training_there_is_nothing_to_follow(tmp_path, small_csv):
    seen = []
    parts = with_callbacks(watch=follower(started=seen.append, failed=seen.append))
    with pytest.raises(textforge.DataError):
        run(
            small_csv, tmp_path / "run", ["watch"], parts, dataset={"use": "csv", "train": str(small_csv), "text": "no"}
        )
    assert seen == []
    assert not (tmp_path / "run").exists()


def test_a_recipe_may_have_one_twice_with_other_options(small_csv, tmp_path):
    def noting(*, note: str = "a"):
        """Notes.

        Options:
            note: a note.
        """
        return SimpleNamespace(finished=lambda result: {"n": len(note)})

    parts = with_callbacks(noting=noting)
    done, _ = run(small_csv, tmp_path / "run", ["noting", {"use": "noting", "note": "bb"}], parts)
    assert done.result["added"] == {"noting": {"n": 1.0}, "noting(note=bb)": {"n": 2.0}}
    with pytest.raises(textforge.RecipeError, match="callback 'noting' is listed twice"):
        run(small_csv, tmp_path / "other", ["noting", "noting"], parts)


def test_a_rerun_of_the_resolved_recipe_calls_it_again(small_csv, tmp_path):
    seen = []
    parts = with_callbacks(watch=follower(finished=seen.append))
    first, _ = run(small_csv, tmp_path / "first", ["watch"], parts)
    environment = json.loads((first.path / "environment.json").read_text())
    assert environment["callbacks"] == [{"use": "watch", "distribution": "this program", "version": ""}]
    textforge.run(first.path / "resolved.yaml", out=tmp_path / "second", plugins=parts)
    assert len(seen) == 2


def test_each_seed_is_a_run_of_its_own_and_folds_are_none(small_csv, tmp_path):
    seen = []
    parts = with_callbacks(watch=follower(started=lambda run: seen.append(run["seed"])))
    recipe, told = small_recipe(small_csv, callbacks=["watch"]), Told()
    textforge.run_seeds(recipe, [3, 5], out=tmp_path / "seeds", plugins=parts)
    assert seen == [3, 5]
    textforge.cross_validate(recipe, folds=2, out=tmp_path / "folds", plugins=parts, progress=told)
    assert seen == [3, 5]
    assert told.warnings == ["callbacks are not called in a cross-validation: watch."]


def test_the_command_line_tells_of_an_unknown_one(recipe_file):
    done = invoke("check", recipe_file, "--set", "callbacks=[tensorbord]")
    assert done.returncode == 2
    assert "no callback named 'tensorbord'" in done.stderr
    assert list(only_json(invoke("plugins", "callback", "--json").stdout)["kinds"]) == ["callback"]
