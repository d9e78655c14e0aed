"""Names and figures that are logged, and whether each store accepts the names."""

import math
import subprocess
import sys

import pytest
from hypothesis import given, settings, strategies as st
from tracking_runs import EPOCH, STARTED

from textforge_tracking import figures
from textforge_tracking.mlflow_store import quiet_settings

KEYS = st.lists(st.tuples(st.text(max_size=300), st.text(st.characters(), max_size=5)), unique=True, max_size=8)


@settings(deadline=None)
@given(KEYS)
def test_mlflow_takes_every_name_and_no_two_become_one(paths):
    with quiet_settings():
        from mlflow.utils.validation import _validate_metric_name

    values = {("test", *path): float(n) for n, path in enumerate(paths)}
    found = figures.named(values, figures.portable)
    assert sorted(found.values()) == sorted(values.values())
    for name in found:
        _validate_metric_name(name)
        assert len(name.encode()) <= 250
        assert len(name) <= 250


@settings(deadline=None)
@given(KEYS)
def test_tensorboard_keeps_names_as_they_are(paths):
    found = figures.named({path: n for n, path in enumerate(paths)}, figures.grouped)
    assert sorted(found.values()) == list(range(len(paths)))
    for (one, other), name in zip(paths, found, strict=True):
        if one and other and "/" not in one + other and len(f"{one}{other}".encode("utf-8", "replace")) < 200:
            assert name.startswith(f"{one}/{other}".encode("utf-8", "replace").decode())


def test_names_are_unchanged_where_they_can_be():
    names = {
        ("test", "per_class", label, "f1"): 0.0 for label in ("äpfel", "天気", "comp.graphics", "a-b", "c++", "c#")
    }
    assert list(figures.named(names, figures.portable)) == [
        f"test/per_class/{label}/f1" for label in ("äpfel", "天気", "comp.graphics", "a-b", "c__", "c_")
    ]
    assert list(figures.named({("a/b",): 1, ("a_b",): 2}, figures.portable)) == ["a_b", "a_b_2"]
    assert list(figures.named({("..", "a"): 1, ("", "."): 2}, figures.portable)) == ["__/a", "_/_"]


def test_only_finite_numbers_are_figures():
    values = {
        "a": 1,
        "b": None,
        "c": math.nan,
        "d": math.inf,
        "e": True,
        "f": [1.0],
        "g": "1",
        "h": {"i": 0.5, "j": {}},
    }
    assert figures.figures(values) == {("a",): 1.0, ("h", "i"): 0.5}


def test_an_epoch_without_validation_has_no_such_figures():
    assert figures.of_epoch({**EPOCH, "train_loss": math.nan}) == {("train", "seconds"): 0.25}


def test_the_end_without_test_and_without_classes():
    end = {"test": None, "valid": None, "best_epoch": None, "seconds": {"total": 2.0}}
    assert figures.of_end(end, per_class=True) == {("seconds", "total"): 2.0}
    tested = {**end, "test": {"accuracy": 0.5, "per_class": {"a": {"f1": 1.0}}, "confusion_matrix": {"rows": [[1]]}}}
    assert ("test", "per_class", "a", "f1") in figures.of_end(tested, per_class=True)
    assert figures.of_end(tested, per_class=False).keys() == {("test", "accuracy"), ("seconds", "total")}
    assert tested["test"]["per_class"]  # added by the caller


def test_hyperparameters_are_the_recipe_without_its_callbacks_and_the_sizes():
    resolved = {
        **STARTED["resolved"],
        "metrics": [{"use": "top-k", "k": 2}],
        "callbacks": [{"use": "mlflow", "uri": "x"}],
    }
    found = figures.named(figures.hyperparameters({**STARTED, "resolved": resolved}), figures.portable, ".")
    assert found == {
        "seed": 0, "model.use": "mlp", "model.hidden": "[8]", "model.norm": "null", "metrics": "[{use: top-k, k: 2}]",
        "n_train": 48, "n_features": 15, "n_parameters": 99, "n_labels": 3,
    }  # fmt: skip
    assert figures.as_yaml(["天気", True, 1e-8, "a" * 200]) == f"[天気, true, 1.0e-08, {'a' * 200}]"


def test_figures_of_other_callbacks_stand_apart_from_those_of_the_run():
    added = {"小 counter": {"x": 2.0}}
    epoch = {"number": 1, "train_loss": 0.5, "valid": None, "seconds": 1.0, "added": added}
    assert figures.of_epoch(epoch)["added", "小 counter", "x"] == 2.0
    end = {"test": None, "best_epoch": None, "valid": None, "seconds": {}, "added": added}
    assert figures.of_end(end, per_class=True) == {("final", "小 counter", "x"): 2.0}


def test_nothing_heavy_is_imported_before_a_run():
    code = (
        "import sys, textforge, time; textforge.hookimpl; began = time.process_time()\n"
        "import textforge_tracking, textforge_tracking.mlflow, textforge_tracking.tensorboard\n"
        "print(time.process_time() - began, *{'torch', 'numpy', 'mlflow', 'tensorboard', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, *heavy = done.stdout.split()
    assert heavy == []
    assert float(seconds) < 0.1


@pytest.mark.parametrize("kind", [figures.grouped, figures.portable])
def test_a_name_stays_within_its_bytes_and_unicode(kind):
    names = figures.named({("天" * 300,): 1, ("天" * 301,): 2, ("\ud800",): 3}, kind)
    assert list(names.values()) == [1, 2, 3]
    assert max(len(name.encode()) for name in names) <= 250
    (cut,) = figures.named({("test", "per_class", "天" * 300, "f1"): 1}, kind)
    assert cut == f"test/per_class/{'天' * 77}_/f1"
