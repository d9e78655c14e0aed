"""TextClassifier where scikit-learn's own tools use it, and its parameters, labels and errors."""

import copy
import enum
import math
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import sklearn
import yaml
from conftest import COMMON, ROOT, make_sets, make_texts, write_csv
from halved_plugin import Halved
from hypothesis import given, settings, strategies as st
from scipy.stats import loguniform
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, MultiLabelBinarizer
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator, check_get_params_invariance, check_set_params
from sklearn.utils.validation import check_is_fitted, validate_data

import textforge
from textforge import DataError, PluginManager, RecipeError, hookimpl
from textforge.sklearn import TextClassifier, TextforgeWarning

RECIPE = {
    "vectorizer": {"use": "bow"},
    "model": {"use": "mlp", "hidden": [8]},
    "optimizer": {"use": "adam", "lr": 0.05},
    "trainer": {"epochs": 3, "batch_size": 16},
}
TEXTS, LABELS = make_texts(90)
KINDS = sorted(set(LABELS))


@pytest.fixture
def clf():
    return TextClassifier(copy.deepcopy(RECIPE))


@pytest.fixture(scope="module")
def fitted():
    return TextClassifier(RECIPE).fit(TEXTS, LABELS)


def refused(call, *arguments, error=RecipeError, **options):
    with pytest.raises(error) as told:
        call(*arguments, **options)
    return str(told.value)


# -- the same classifier as elsewhere --------------------------------------------------------------


def same_trainer(dataset, *, epochs):
    """What an estimator of the tests' recipe trains by, made by hand."""
    parts = PluginManager()
    return textforge.Trainer(
        dataset,
        parts.part("vectorizer", "bow"),
        parts.part("model", "mlp", hidden=[8]),
        parts.part("optimizer", "adam", lr=0.05),
        epochs=epochs,
        batch_size=16,
    )


def test_it_is_the_trainers_classifier_bit_for_bit(fitted):
    trainer = same_trainer(textforge.Dataset(train=(TEXTS, LABELS)), epochs=3)
    texts, _ = make_texts(50, seed=1)
    other = trainer.fit()
    assert np.array_equal(fitted.predict_proba(texts), other.predict_proba(texts))
    assert fitted.predict(texts).tolist() == other.predict(texts)
    assert [epoch.train_loss for epoch in fitted.history_] == [epoch.train_loss for epoch in trainer.history]


def test_it_is_the_classifier_of_a_run_and_its_overrides_serve_a_run(clf, tmp_path):
    clf.set_params(vectorizer="tfidf", vectorizer__ngrams=[1, 2], model__hidden=[4], seed=7, trainer__epochs=2)
    data = {"use": "csv", "train": str(write_csv(tmp_path / "t.csv", TEXTS, LABELS)), "test_fraction": 0}
    recipe = {**RECIPE, "dataset": data}
    run = textforge.run(recipe, overrides=clf.overrides, out=tmp_path / "run")
    assert np.array_equal(clf.fit(TEXTS, LABELS).predict_proba(TEXTS), run.classifier.predict_proba(TEXTS))


def test_the_same_seed_gives_the_same_and_another_does_not(fitted):
    again, other = clone(fitted).fit(TEXTS, LABELS), clone(fitted).set_params(seed=1).fit(TEXTS, LABELS)
    assert np.array_equal(again.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    assert not np.array_equal(other.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


def test_a_saved_one_is_loaded_as_any_bundle(fitted, tmp_path):
    path = fitted.save(tmp_path / "bundle")
    loaded = textforge.load(path, engine="torch")
    assert loaded.labels == fitted.classifier_.labels == tuple(KINDS)
    assert np.array_equal(loaded.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


def test_a_validation_split_of_the_recipe_is_held_out_and_picks_the_epoch(clf):
    clf.set_params(trainer__validation=0.4, trainer__patience=2, trainer__monitor="accuracy", trainer__epochs=30)
    clf.set_params(decision__calibrate="temperature")
    with pytest.warns(TextforgeWarning, match="is fitted to 36 validation texts without a mistake"):
        clf.fit(TEXTS, LABELS)
    assert len(clf.history_) < 30
    assert all(epoch.valid["accuracy"] is not None for epoch in clf.history_)
    assert clf.classifier_.decision.temperature != 1


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore::textforge.sklearn.TextforgeWarning")
def test_every_shipped_recipe_is_one(path, monkeypatch):
    clf = clone(TextClassifier(path))
    recipe = textforge.load_recipe(path)
    params = clf.get_params()
    assert params["model"] == recipe.model.component.name
    options = {name.removeprefix("model__").partition("__")[0] for name in params if name.startswith("model__")}
    assert options == set(recipe.model.options)  # an option may be a part, whose own options follow a second __
    assert params["seed"] == recipe.seed
    clf.set_params(**params)
    assert clf.get_params() == {**params, "overrides": clf.overrides}
    assert not any(name.startswith("dataset") for name in params)


# -- in scikit-learn's tools -----------------------------------------------------------------------


def test_cross_validation_scores_predicts_and_gives_back_its_estimators(clf):
    scores = cross_val_score(clf.set_params(trainer__epochs=8), TEXTS, LABELS, cv=3, error_score="raise")
    assert scores.mean() > 0.9
    probabilities = cross_val_predict(clf, TEXTS, LABELS, cv=3, method="predict_proba")
    assert probabilities.shape == (90, 3)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (np.array(KINDS)[probabilities.argmax(axis=1)] == cross_val_predict(clf, TEXTS, LABELS, cv=3)).all()
    done = cross_validate(
        clf, TEXTS, LABELS, cv=3, return_estimator=True, scoring=["roc_auc_ovr", "neg_log_loss", "f1_macro"]
    )
    assert done["test_roc_auc_ovr"].min() > 0.9
    assert all(len(one.history_) == 8 for one in done["estimator"])


def test_a_fold_without_a_class_has_its_column_filled(clf):
    order = np.argsort(LABELS, kind="stable")  # a fold is a class
    texts, labels = [TEXTS[n] for n in order], [LABELS[n] for n in order]
    folds = KFold(3)
    with pytest.warns(RuntimeWarning, match="Number of classes in training fold"):
        probabilities = cross_val_predict(clf, texts, labels, cv=folds, method="predict_proba")
    first = labels.count(KINDS[0]) - 5
    assert (probabilities[:first, 0] == 0).all()
    assert cross_val_score(clf, texts, labels, cv=folds, error_score="raise").shape == (3,)


def test_a_grid_swaps_parts_and_sets_the_options_of_old_and_new_ones(clf):
    grid = [
        {"model__hidden": [[4], [8, 8]], "model": ["mlp"], "vectorizer": ["bow", "tfidf"], "vectorizer__min_df": [2]},
        {"vectorizer__n_features": [64, 256], "vectorizer": ["hashing"], "optimizer__lr": [0.1], "model": ["linear"]},
        {"model": ["logistic-regression"], "model__C": [0.1, 1.0]},
    ]
    search = GridSearchCV(clf, grid, cv=2, error_score="raise")
    with pytest.warns(TextforgeWarning, match="model 'logistic-regression' fits itself: optimizer"):
        search.fit(TEXTS, LABELS)
    assert len(search.cv_results_["params"]) == 8
    assert search.best_estimator_.get_params().items() >= search.best_params_.items()
    assert search.best_score_ > 0.5
    assert (search.predict(TEXTS) == search.best_estimator_.predict(TEXTS)).all()
    assert clf.overrides is None


@pytest.mark.slow
def test_two_processes_find_what_one_does_with_plugins_of_this_program():
    plugins = PluginManager()
    plugins.register(Halved())
    clf = TextClassifier(RECIPE, overrides={"optimizer": "halved"}, plugins=plugins)
    grid = {"optimizer__lr": [0.01, 0.1]}
    alone, two = (GridSearchCV(clf, grid, cv=2, n_jobs=n, error_score="raise").fit(TEXTS, LABELS) for n in (1, 2))
    assert alone.cv_results_["mean_test_score"].tolist() == two.cv_results_["mean_test_score"].tolist()
    assert alone.best_params_ == two.best_params_
    assert np.allclose(alone.predict_proba(TEXTS), two.predict_proba(TEXTS), atol=1e-5)
    joblib.externals.loky.get_reusable_executor().shutdown(wait=True)


def test_a_random_search_draws_numbers(clf):
    spread = {"optimizer__lr": loguniform(1e-3, 1e-1), "trainer__batch_size": np.array([8, 16])}
    search = RandomizedSearchCV(clf, spread, n_iter=3, cv=2, random_state=0, error_score="raise").fit(TEXTS, LABELS)
    assert 1e-3 < search.best_estimator_.get_params()["optimizer__lr"] < 1e-1


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_it_is_calibrated(clf, method):
    calibrated = CalibratedClassifierCV(clf, method=method, cv=2).fit(TEXTS, LABELS)
    assert calibrated.classes_.tolist() == KINDS
    assert calibrated.score(TEXTS, LABELS) > 0.9
    assert np.allclose(calibrated.predict_proba(TEXTS).sum(axis=1), 1)


def test_a_pipeline_reaches_its_keys(clf):
    lower = FunctionTransformer(lambda texts: [text.upper() for text in texts])
    pipeline = Pipeline([("case", lower), ("clf", clf)])
    pipeline.set_params(clf__optimizer__lr=0.1, clf__model="linear", clf__trainer__epochs=5)
    assert clone(pipeline).get_params()["clf__optimizer__lr"] == 0.1
    assert clone(pipeline).fit(TEXTS, LABELS).score(TEXTS, LABELS) > 0.9
    grid = {"clf__model": ["mlp"], "clf__model__hidden": [[4], [8]]}
    assert "hidden" in str(GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(TEXTS, LABELS).best_params_)
    assert "Did you mean 'lr'?" in refused(pipeline.set_params, clf__optimizer__learning_rate=1)


@pytest.mark.parametrize(
    "whole", [lambda of: VotingClassifier(of, voting="soft"), lambda of: StackingClassifier(of, cv=2)]
)
def test_several_work_together(clf, whole):
    both = [("one", clf), ("other", clone(clf).set_params(vectorizer="tfidf"))]
    together = whole(both).set_params(other__optimizer__lr=0.1).fit(TEXTS, LABELS)
    assert together.score(TEXTS, LABELS) > 0.9


def test_a_clone_and_a_pickle_have_everything(fitted):
    plugins = PluginManager()
    plugins.register(Halved())
    recipes = (RECIPE, textforge.load_recipe({**RECIPE, "dataset": "docstrings"}), ROOT / "recipes/quickstart.yaml")
    for recipe in recipes:
        one = TextClassifier(recipe, overrides={"optimizer": "halved", "seed": 3}, plugins=plugins)
        assert one.recipe is recipe
        for other in (clone(one), pickle.loads(pickle.dumps(one)), copy.deepcopy(one)):
            ours, theirs = one.get_params(), other.get_params()
            assert theirs.pop("plugins") is not ours.pop("plugins")
            assert ours == theirs
            assert ours["optimizer"] == "halved"
    assert not hasattr(clone(fitted), "classifier_")
    again = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(again.predict_proba(TEXTS), fitted.predict_proba(TEXTS))
    assert (again.predict(TEXTS) == fitted.predict(TEXTS)).all()


def test_joblib_stores_it(fitted, tmp_path):
    joblib.dump(fitted, tmp_path / "it")
    assert (joblib.load(tmp_path / "it").predict(TEXTS) == fitted.predict(TEXTS)).all()


# -- scikit-learn's own checks ---------------------------------------------------------------------


class OverRows(TextClassifier):
    """Rows of numbers told in words, since scikit-learn's checks have no texts."""

    def fit(self, X, y, sample_weight=None):  # noqa: N803
        X, y = validate_data(self, X, y, multi_output=np.asarray(y).ndim == 2)  # noqa: N806
        return super().fit(self.told(X), y, sample_weight)

    def partial_fit(self, X, y, classes=None, sample_weight=None):  # noqa: N803
        X, y = validate_data(self, X, y, reset=not hasattr(self, "classes_"))  # noqa: N806
        return super().partial_fit(self.told(X), y, classes, sample_weight)

    def predict(self, X):  # noqa: N803
        return super().predict(self.told(self.checked(X)))

    def predict_proba(self, X):  # noqa: N803
        return super().predict_proba(self.told(self.checked(X)))

    def predict_log_proba(self, X):  # noqa: N803
        return super().predict_log_proba(self.told(self.checked(X)))

    def decision_function(self, X):  # noqa: N803
        return super().decision_function(self.told(self.checked(X)))

    def checked(self, X):  # noqa: N803
        check_is_fitted(self)
        return validate_data(self, X, reset=False)

    def told(self, X):  # noqa: N803
        return [" ".join(f"f{n}_{round(float(value) * 2)}" for n, value in enumerate(row)) for row in X]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.string = tags.input_tags.one_d_array = False
        return tags


NOT_HELD = {
    "check_classifiers_one_label": "one class is no classification to textforge: DataError",
    "check_fit2d_1sample": "nor is one text, for the same reason; a DataError where the check wants a ValueError",
    "check_classifiers_one_label_sample_weights": "and so are weights that leave one class",
    "check_all_zero_sample_weights_error": "refused with a DataError where the check wants a ValueError",
    "check_sample_weights_shape": "refused with a DataError, too",
    "check_sample_weight_equivalence_on_dense_data": "repeated texts make other batches, and so other steps",
    "check_classifiers_regression_target": "measures are refused, with a DataError where the check wants a ValueError",
}
"""Checks of scikit-learn's that it does not hold, and why."""
SKIPPED = {
    "check_array_api_input": "text is in no array API",
}


def test_it_holds_scikit_learns_checks_of_an_estimator():
    recipe = {**RECIPE, "model": "linear", "optimizer": {"use": "adam", "lr": 0.1}, "trainer": {"epochs": 10}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as those of features with other names, which are meant
        done = check_estimator(OverRows(recipe), on_fail=None, on_skip=None, expected_failed_checks=NOT_HELD)
    status = {}
    for one in done:
        status.setdefault(one["status"], {})[one["check_name"]] = one["exception"]
    assert set(status) == {"passed", "skipped", "xfail"}, status.get("failed")
    assert set(status["xfail"]) == set(NOT_HELD)
    assert all(isinstance(error, (DataError, AssertionError)) for error in status["xfail"].values())
    assert set(status["skipped"]) == set(SKIPPED)
    assert len(status["passed"]) > 45


@pytest.mark.parametrize("check", [check_get_params_invariance, check_set_params])
def test_checks_without_data_hold_for_texts_too(clf, check):
    check("TextClassifier", clf)


def test_its_tags_say_that_it_takes_texts(clf):
    tags = get_tags(clf)
    assert (tags.input_tags.string, tags.input_tags.two_d_array, tags.input_tags.one_d_array) == (True, True, True)
    assert tags.estimator_type == "classifier"
    assert tags.classifier_tags.multi_label
    assert tags.target_tags.required
    assert not tags.non_deterministic


def test_logarithms_and_the_decision_function_agree_with_the_predictions(fitted):
    probabilities, logarithms = fitted.predict_proba(TEXTS), fitted.predict_log_proba(TEXTS)
    assert logarithms.dtype == np.float32 and np.allclose(np.exp(logarithms), probabilities, atol=1e-6)
    scores = fitted.decision_function(TEXTS)
    assert scores.shape == (90, 3)
    assert (fitted.classes_[scores.argmax(axis=1)] == fitted.predict(TEXTS)).all()


@pytest.mark.parametrize("threshold", [None, 0.2, 0.9])
def test_the_decision_function_of_two_classes_is_positive_for_the_second(clf, threshold):
    two = ["space" if label == "space" else "other" for label in LABELS]
    clf.set_params(decision__threshold=threshold).fit(TEXTS, two)
    texts = [*TEXTS, "", "moon bat", "bat bat moon"]
    scores = clf.decision_function(texts)
    assert scores.shape == (93,)
    assert ((scores > 0) == (clf.predict(texts) == "space")).all()


def test_the_decision_function_of_several_labels_is_positive_for_those_predicted(several):
    marked = np.column_stack([MARKED, np.zeros(len(SEVERAL), dtype=int)])  # a label without a text
    with pytest.warns(TextforgeWarning, match="have no 1"):
        several.fit(SEVERAL, marked)
    scores, found = several.decision_function(SEVERAL), several.predict(SEVERAL)
    assert scores.shape == found.shape == several.predict_log_proba(SEVERAL).shape
    assert ((scores >= 0) == found.astype(bool)).all()
    assert np.allclose(np.exp(several.predict_log_proba(SEVERAL)), several.predict_proba(SEVERAL), atol=1e-6)


def test_a_relative_recipe_survives_another_folder_and_a_clone(tmp_path, monkeypatch):
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(RECIPE))
    monkeypatch.chdir(tmp_path)
    given = [
        TextClassifier("r.yaml"),
        TextClassifier(Path("r.yaml")),
        TextClassifier(RECIPE).set_params(recipe="r.yaml"),
    ]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for one in given:
        for same in (one, clone(one), pickle.loads(pickle.dumps(one)), clone(clone(one).set_params(seed=3))):
            assert same.get_params()["model__hidden"] == [8]
    assert [type(one.recipe) for one in given] == [str, type(tmp_path), str]


def test_before_fit_it_is_not_fitted(clf):
    for method in (clf.predict, clf.predict_proba, clf.save):
        with pytest.raises(NotFittedError):
            method(["the moon"])
    with pytest.raises(NotFittedError):
        check_is_fitted(clf)


def test_its_repr_shows_what_was_given(clf):
    clf.set_params(optimizer__lr=0.1)
    assert "overrides={'optimizer.lr': 0.1}" in repr(clf)
    assert "optimizer__amsgrad" in clf._repr_html_()


def test_its_module_loads_no_torch_and_is_no_public_name_of_textforge():
    code = "import sys, textforge.sklearn; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert "sklearn" not in textforge.__all__


# -- parameters ------------------------------------------------------------------------------------

SOME = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers(0, 2**63 - 1),
        "vectorizer": st.sampled_from(["bow", "tfidf"]),
        "vectorizer__min_df": st.integers(1, 5),
        "vectorizer__ngrams": st.sampled_from([[1, 1], [1, 2], [2, 3]]),
        "model": st.just("mlp"),
        "model__hidden": st.lists(st.integers(1, 9), min_size=1, max_size=3),
        "model__dropout": st.floats(0, 0.9),
        "optimizer": st.sampled_from(["adam", "adamw"]),
        "optimizer__lr": st.floats(1e-9, 1e9),
        "scheduler": st.sampled_from([None, "one-cycle"]),
        "loss": st.sampled_from([None, "cross-entropy"]),
        "metrics": st.sampled_from([[], [{"use": "roc-auc"}]]),
        "trainer__epochs": st.integers(1, 99),
        "trainer__monitor": st.sampled_from(["loss", "accuracy"]),
        "trainer__patience": st.sampled_from([None, 3]),
        "decision__threshold": st.sampled_from([None, "f1", 0.3]),
    },
)


def shown(clf):
    """The recipe's keys."""
    return {name: value for name, value in clf.get_params().items() if name not in ("recipe", "overrides", "plugins")}


@settings(max_examples=8)
@given(params=SOME, data=st.data())
def test_what_is_set_is_shown_and_sets_the_same_in_any_order(params, data):
    start = TextClassifier(RECIPE, plugins=PluginManager())  # which reads each part once
    got = shown(clone(start).set_params(**params))
    assert got | params == got
    for again in (params, got):
        assert shown(clone(start).set_params(**dict(data.draw(st.permutations(list(again.items())))))) == got
    parts = {name: value for name, value in params.items() if "__" not in name}
    options = {name: value for name, value in params.items() if "__" in name}
    one_by_one = clone(start)
    for name, value in {**parts, **options}.items():
        one_by_one.set_params(**{name: value})
    assert shown(one_by_one) == got
    assert shown(one_by_one.set_params(**one_by_one.get_params())) == got


def test_a_part_that_is_swapped_forgets_its_options_and_one_that_stays_keeps_them(clf):
    clf.set_params(model__hidden=[3], model__dropout=0.5, optimizer__lr=0.2)
    assert clf.set_params(model="mlp").get_params()["model__hidden"] == [3]
    clf.set_params(model="linear")
    assert clf.overrides == {"optimizer.lr": 0.2, "model": "linear"}
    clf.set_params(model="mlp")
    assert clf.get_params()["model__hidden"] == [8], "as the recipe says"
    assert clf.get_params()["model__dropout"] == 0
    clf.set_params(scheduler="one-cycle", scheduler__warmup=0.3).set_params(scheduler=None)
    assert clf.get_params()["scheduler"] is None
    assert "scheduler.warmup" not in clf.overrides


def test_sections_may_be_set_whole_as_a_recipe_writes_them(clf):
    clf.set_params(model={"use": "mlp", "hidden": [5]}, trainer={"epochs": 9}, vectorizer__use="tfidf")
    params = clf.get_params()
    assert (params["model__hidden"], params["trainer__epochs"], params["vectorizer"]) == ([5], 9, "tfidf")
    assert params["trainer__batch_size"] == 16
    again = TextClassifier(RECIPE, overrides={"model": {"use": "mlp", "hidden": [5]}}).set_params(model__dropout=0.1)
    assert again.get_params()["model__hidden"] == [5]
    assert again.set_params(model="linear").get_params()["model"] == "linear"


def test_what_the_caller_gave_stays_as_it_is():
    recipe, overrides = copy.deepcopy(RECIPE), {"model": {"use": "mlp", "hidden": [2]}}
    clf = TextClassifier(recipe, overrides=overrides)
    clf.set_params(model__hidden=[9], optimizer="sgd").fit(TEXTS, LABELS)
    assert recipe == RECIPE
    assert overrides == {"model": {"use": "mlp", "hidden": [2]}}
    assert clf.recipe is recipe


def test_a_checked_recipe_takes_parameters_too():
    checked = textforge.load_recipe({**RECIPE, "dataset": "docstrings"}, overrides={"model.hidden": [3]})
    clf = TextClassifier(checked)
    assert clf.get_params()["model__hidden"] == [3]
    assert clf.set_params(optimizer__lr=0.5).get_params()["model__hidden"] == [3]
    assert clf.get_params()["optimizer__lr"] == 0.5
    assert clf.recipe is checked


def test_two_parts_that_only_fit_together_may_be_set_one_after_the_other(clf):
    clf.set_params(vectorizer="tokens")
    assert set(clf.get_params()) == {"recipe", "overrides", "plugins"}, "the mlp takes no sequences"
    assert refused(clf.fit, TEXTS, LABELS).startswith("recipe.model.use: model 'mlp' needs a bag of words")
    clf.set_params(model="textcnn").set_params(model__channels=4)
    assert clf.get_params()["model__channels"] == 4
    assert clf.fit(TEXTS, LABELS).predict(TEXTS[:2]).shape == (2,)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"optimizer__learning_rate": 1}, "optimizer__learning_rate: optimizer 'adam': unknown option 'learning_rate'. "
         "Its options: lr, betas, eps, weight_decay, amsgrad. Did you mean 'lr'?"),
        ({"optimiser__lr": 1}, "optimiser__lr: unknown key 'optimiser'. Keys: seed, vectorizer, model, optimizer, "
         "scheduler, loss, trainer, metrics, decision. Did you mean 'optimizer'?"),
        ({"random_state": 1}, "random_state: unknown key 'random_state'. Keys: seed, "),
        ({"model": "mpl", "model__hidden": [1]}, "model: no model named 'mpl'. Did you mean 'mlp'?"),
        ({"model": "linear", "model__hidden": [1]}, "model__hidden: model 'linear': unknown option 'hidden'."),
        ({"trainer__max_epochs": 1}, "trainer__max_epochs: trainer: unknown option 'max_epochs'."),
        ({"decision__abstian": 0.5}, "decision__abstian: decision: unknown option 'abstian'."),
        ({"dataset__path": "x"}, "dataset__path: 'dataset' is not a parameter: the texts are those given to fit."),
        ({"callbacks": []}, "callbacks: 'callbacks' is not a parameter: they follow runs, and fit is not a run."),
    ],
)  # fmt: skip
def test_names_that_there_are_not_are_refused_at_once_and_nothing_is_set(clf, params, says):
    before = clf.get_params()
    message = refused(clf.set_params, **params, seed=5, overrides={"seed": 6})
    assert message.startswith(says)
    assert "\n" not in message
    assert clf.get_params() == before


def test_all_wrong_names_are_reported_together(clf):
    assert refused(clf.set_params, model__hiden=[1], optimizer__beta=1, sed=1).count("Did you mean") == 3


def test_values_are_checked_by_fit_as_scikit_learn_has_it(clf):
    clf.set_params(optimizer__lr=-1, model__hidden="many")
    message = refused(clf.fit, TEXTS, LABELS)
    assert "overrides['optimizer.lr']: optimizer 'adam': lr must be a number greater than 0, not -1" in message
    assert "overrides['model.hidden']: model 'mlp': hidden must be a list, not the text 'many'" in message
    with pytest.raises(RecipeError):
        cross_val_score(clf, TEXTS, LABELS, error_score="raise")


def test_a_recipe_file_is_reported_with_line_and_column(tmp_path):
    (tmp_path / "r.yaml").write_text(yaml.safe_dump({**RECIPE, "model": "mpl"}))
    clf = TextClassifier(str(tmp_path / "r.yaml"))
    assert set(clf.get_params()) == {"recipe", "overrides", "plugins"}
    assert refused(clf.fit, TEXTS, LABELS).startswith(f"{tmp_path / 'r.yaml'}:1:8: no model named 'mpl'.")
    missing = TextClassifier(tmp_path / "none.yaml")
    assert "cannot be read" in refused(missing.fit, TEXTS, LABELS)
    assert "overrides" in repr(missing.set_params(optimizer__lr=0.1))


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"recipe": 3}, "a recipe is a path, a dict or a checked Recipe, not a int."),
        ({"overrides": ["seed=1"]}, "overrides must be a dict of dotted keys to values"),
        ({"plugins": "standard"}, "plugins must be a PluginManager, not a str."),
        ({"overrides": {1: 2}}, "overrides must be a dict of dotted keys to values"),
        ({"overrides": {"sed": 2}}, "overrides['sed']: unknown key 'sed'."),
    ],
)
def test_constructor_parameters_of_another_type_are_reported_by_fit(params, says):
    clf = TextClassifier(**{"recipe": RECIPE, **params})
    assert refused(clf.fit, TEXTS, LABELS).startswith(says)
    assert set(clf.get_params()) == {"recipe", "overrides", "plugins"}


@pytest.mark.parametrize("params", [{"overrides": ["seed=1"]}, {"plugins": "standard"}])
def test_keys_cannot_be_set_over_constructor_parameters_of_another_type(params):
    assert "must be a" in refused(TextClassifier(RECIPE, **params).set_params, model="linear")


def test_the_recipes_dataset_may_be_wrong_or_overridden(clf):
    wrong = TextClassifier({**RECIPE, "dataset": {"use": "nothing"}}, overrides={"dataset.path": "nowhere"})
    assert shown(wrong) == shown(clf)


def test_an_abstaining_recipe_is_refused(clf):
    clf.set_params(decision__abstain=0.5)
    assert refused(clf.fit, TEXTS, LABELS).startswith("decision.abstain: predict returns a class for every text.")


# -- texts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [tuple, np.array, lambda texts: np.array(texts)[:, None], lambda texts: [[text] for text in texts],
     lambda texts: pd.DataFrame({"text": texts}), lambda texts: pl.DataFrame({"text": texts}),
     lambda texts: np.array(texts, dtype=object), pd.Series, pl.Series,
     lambda texts: pd.Series(texts, index=range(100, 190)), lambda texts: pd.Series(texts, dtype="string")],
)  # fmt: skip
def test_texts_come_in_any_sequence(fitted, form):
    texts = form(TEXTS)
    again = clone(fitted).fit(texts, LABELS)
    assert np.array_equal(again.predict_proba(texts), fitted.predict_proba(TEXTS))
    assert cross_val_score(again, texts, LABELS, cv=2, error_score="raise").shape == (2,)


def test_scikit_learns_tools_for_tables_work_on_one_column_of_texts(clf):
    column = np.array(TEXTS, dtype=object)[:, None]
    clf.set_params(trainer__epochs=8)
    bagged = BaggingClassifier(clf, n_estimators=2, max_samples=0.8, bootstrap=False, random_state=0).fit(
        column, LABELS
    )
    assert bagged.score(column, LABELS) > 0.9
    fitted = clone(clf).fit(column, LABELS)
    found = permutation_importance(fitted, column, LABELS, n_repeats=2, random_state=0)
    assert found.importances_mean[0] > 0.3
    table = pd.DataFrame({"id": range(90), "text": TEXTS})
    pipeline = make_pipeline(ColumnTransformer([("text", "passthrough", ["text"])]), clone(clf)).fit(table, LABELS)
    assert np.array_equal(pipeline.predict_proba(table), fitted.predict_proba(TEXTS))
    stacked = StackingClassifier([("one", clone(clf))], cv=2, stack_method="decision_function").fit(column, LABELS)
    assert stacked.score(column, LABELS) > 0.9


def test_numpys_text_is_text_to_every_vectorizer(clf):
    for vectorizer in ("bytes", "tokens", "subword"):
        clf.set_params(vectorizer=vectorizer, model="textcnn", trainer__epochs=1)
        probabilities = [clf.fit(texts, LABELS).predict_proba(texts[:5]) for texts in (TEXTS, np.array(TEXTS))]
        assert np.array_equal(*probabilities)


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ("the moon", "X: expected a list of texts, not a single one. Put it in a list: [text]."),
        (["a", None, "b"], "X: the text at index 1 is None, a NoneType, which is not text."),
        (pd.Series(["a", np.nan, "b"]), "X: the text at index 1 is nan, a float, which is not text."),
        (np.zeros(3), "X: the text at index 0 is np.float64(0.0), a float64, which is not text."),
        (pd.DataFrame({"text": ["a", "b"], "id": [1, 2]}), "X: expected a sequence of texts or a table of one column, "
         "not a table of shape (2, 2). Give one column of it."),
        (pl.DataFrame({"text": ["a", "b"], "id": [1, 2]}), "X: expected a sequence of texts or a table of one column"),
        (np.array([["a", "c"], ["b", "d"]]), "X: expected a sequence of texts or a table of one column"),
        (scipy.sparse.csr_matrix((2, 1)), "X: expected a sequence of texts or a table of one column"),
        (pd.DataFrame({"number": [1, 2]}), "X: the text at index 0 is np.int64(1), a int64, which is not text."),
        (3, "X: expected a list of texts, not a int."),
    ],
)  # fmt: skip
def test_what_is_no_text_is_reported(fitted, texts, says):
    assert refused(clone(fitted).fit, texts, ["x"] * 3, error=DataError).startswith(says)
    assert refused(fitted.predict, texts, error=DataError).startswith(says)


def test_no_texts_have_no_predictions(fitted):
    assert fitted.predict([]).shape == (0,)
    assert fitted.predict_proba([]).shape == (0, 3)
    assert "no texts" in refused(clone(fitted).fit, [], [], error=DataError)


# -- sample_weight -----------------------------------------------------------------------------

TIMES = np.random.default_rng(0).integers(1, 4, 90)


def test_sample_weights_are_those_of_a_dataset(clf):
    weighted = textforge.Dataset(train=(TEXTS, LABELS), weights=TIMES)
    other = same_trainer(weighted, epochs=3).fit()
    assert np.array_equal(clf.fit(TEXTS, LABELS, TIMES).predict_proba(TEXTS), other.predict_proba(TEXTS))


@pytest.mark.filterwarnings("ignore::textforge.sklearn.TextforgeWarning")  # of repeated texts, and of a single step
def test_sample_weights_of_a_step_over_all_texts_are_repeated_texts(clf):
    clf.set_params(model="linear", trainer__batch_size=1000, trainer__epochs=1, optimizer="sgd", optimizer__lr=0.5)
    rows = np.repeat(np.arange(90), TIMES)
    repeated = clone(clf).fit([TEXTS[n] for n in rows], [LABELS[n] for n in rows])
    np.testing.assert_allclose(
        clf.fit(TEXTS, LABELS, sample_weight=TIMES).predict_proba(TEXTS), repeated.predict_proba(TEXTS), atol=1e-6
    )


@pytest.mark.parametrize("weights", [None, 1, 0.5, np.ones(90), [2] * 90, np.full(90, 0.1, np.float32)])
def test_equal_sample_weights_change_nothing(fitted, weights):
    again = clone(fitted).fit(TEXTS, LABELS, sample_weight=weights)
    assert np.array_equal(again.predict_proba(TEXTS), fitted.predict_proba(TEXTS))


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (np.ones(89), "90 texts but 89 weights"),
        (np.zeros(90), "all 90 weights are 0"),
        ([-1.0] + [1.0] * 89, "the weight at index 0 is -1.0"),
        ([math.nan] + [1.0] * 89, "the weight at index 0 is nan"),
        ("heavy", "expected a list of weights"),
        (np.ones((90, 2)), "not an array of shape (90, 2)"),
    ],
)
def test_what_cannot_be_sample_weights_is_refused(clf, weights, says):
    assert says in refused(clf.fit, TEXTS, LABELS, weights, error=DataError)


def test_score_counts_texts_as_their_weights_say(fitted):
    labels = [LABELS[0]] * 45 + LABELS[45:]
    right = fitted.predict(TEXTS) == labels
    assert 0 < right.mean() < 1
    assert fitted.score(TEXTS, labels, TIMES) == pytest.approx(np.average(right, weights=TIMES))


def test_cross_validation_divides_sample_weights_with_the_texts(clf):
    texts, labels = np.array(TEXTS, dtype=object), np.array(LABELS)
    clf.set_params(model="linear", trainer__epochs=1)
    found = cross_val_score(clf, texts, labels, cv=KFold(3), params={"sample_weight": TIMES})
    by_hand = [
        clone(clf).fit(texts[train], labels[train], TIMES[train]).score(texts[test], labels[test])
        for train, test in KFold(3).split(texts)
    ]
    assert found.tolist() == by_hand


def test_metadata_is_routed_to_fit_and_score(clf):
    texts, labels = np.array(TEXTS, dtype=object), np.array(LABELS)
    clf.set_params(model="linear", trainer__epochs=1)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clf.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        found = cross_val_score(routed, texts, labels, cv=KFold(3), params={"sample_weight": TIMES})
    by_hand = [
        clone(clf).fit(texts[train], labels[train], TIMES[train]).score(texts[test], labels[test], TIMES[test])
        for train, test in KFold(3).split(texts)
    ]
    assert found.tolist() == by_hand


# -- labels ----------------------------------------------------------------------------------------

NUMBERS = [KINDS.index(label) for label in LABELS]
SPACE = [label == "space" for label in LABELS]


@pytest.mark.parametrize(
    ("y", "dtype", "classes"),
    [
        (LABELS, "<U5", KINDS),
        (np.array(LABELS, dtype=object), object, KINDS),
        (pd.Series(LABELS), object, KINDS),
        (pd.Series(LABELS, index=range(7, 97), dtype="category"), object, KINDS),
        (pl.Series(LABELS), None, KINDS),
        (NUMBERS, np.int64, [0, 1, 2]),
        (np.array(NUMBERS, dtype=np.uint8), np.uint8, [0, 1, 2]),
        ([[2, 10, 1][n] for n in NUMBERS], np.int64, [1, 2, 10]),
        ([-n for n in NUMBERS], np.int64, [-2, -1, 0]),
        (np.array(NUMBERS, dtype=float), np.float64, [0.0, 1.0, 2.0]),
        (np.array(NUMBERS, dtype=object), np.int64, [0, 1, 2]),
        (pd.Series(NUMBERS, dtype="Int64"), np.int64, [0, 1, 2]),
        (pl.Series(NUMBERS), np.int64, [0, 1, 2]),
        (SPACE, np.bool_, [False, True]),
        (np.array(SPACE), np.bool_, [False, True]),
    ],
)
def test_classes_are_the_labels_and_predictions_have_their_type(clf, y, dtype, classes):
    clf.set_params(trainer__epochs=8).fit(TEXTS, y)
    assert clf.classes_.tolist() == classes
    assert dtype is None or clf.classes_.dtype == dtype
    predicted = clf.predict(TEXTS)
    assert predicted.dtype == clf.classes_.dtype
    assert (predicted == np.asarray(y)).mean() > 0.95
    assert (clf.classes_[clf.predict_proba(TEXTS).argmax(axis=1)] == predicted).all()
    assert clf.classifier_.labels == tuple(map(str, classes) if isinstance(classes[0], float) else classes)


class Kind(str, enum.Enum):  # noqa: UP042  (the older form, which numpy would turn into 'Kind.A')
    A, B, C = KINDS


class Pair(enum.Enum):
    A, B, C = (1, 2), (3, 4), (5, 6)


@pytest.mark.parametrize("members", [Kind, Pair, enum.IntEnum("Number", "A B C")])
def test_members_of_an_enum_are_given_back(clf, members, tmp_path):
    y = [[*members][number] for number in NUMBERS]
    clf.set_params(trainer__epochs=8).fit(TEXTS, np.array(y, dtype=object))
    assert all(found is member for found, member in zip(clf.classes_, members, strict=True))
    predicted = clf.predict(TEXTS)
    right = [found is label for found, label in zip(predicted, y, strict=True)]
    assert clf.score(TEXTS, y) == np.mean(right) > 0.95
    assert clf.score(TEXTS, y, sample_weight=right) == 1
    assert textforge.load(clf.save(tmp_path / "b"), label_type=members).predict(TEXTS) == predicted.tolist()
    with pytest.raises(DataError, match=r"y: .* are labels of different types"):
        clf.fit(TEXTS, [*y[:-1], "x"])


def test_a_saved_classifier_gives_labels_of_the_type_of_y(clf, tmp_path):
    clf.fit(TEXTS, NUMBERS).save(tmp_path / "b")
    assert {*map(type, textforge.load(tmp_path / "b").predict(TEXTS))} == {int}


@pytest.mark.filterwarnings("ignore::textforge.sklearn.TextforgeWarning")  # of names alike, or without a visible sign
@settings(max_examples=10)
@given(st.lists(st.text(min_size=1), min_size=3, max_size=3, unique_by=lambda name: name.rstrip("\0")))
def test_any_names_of_the_same_classes_give_the_same_columns(names):
    labels = [names[n] for n in NUMBERS]
    clf = TextClassifier(RECIPE, overrides={"trainer.epochs": 1}).fit(TEXTS, labels)
    assert clf.classes_.tolist() == sorted(name.rstrip("\0") for name in names)  # numpy's text ends with no NUL
    order = np.argsort(names)
    by_number = TextClassifier(RECIPE, overrides={"trainer.epochs": 1}).fit(TEXTS, np.argsort(order)[NUMBERS])
    assert np.array_equal(clf.predict_proba(TEXTS), by_number.predict_proba(TEXTS))


def test_a_column_of_labels_is_taken_with_scikit_learns_warning(clf):
    with pytest.warns(DataConversionWarning, match="column-vector"):
        clf.fit(TEXTS, np.array(NUMBERS)[:, None])
    assert clf.predict(TEXTS).shape == (90,)


def test_a_threshold_of_the_recipe_decides(clf):
    sure = clone(clf).set_params(decision__threshold=0.99, trainer__epochs=2).fit(TEXTS, SPACE)
    assert (sure.predict(TEXTS) == (sure.predict_proba(TEXTS)[:, 1] >= np.float32(0.99))).all()
    assert (sure.predict(TEXTS) != (sure.predict_proba(TEXTS)[:, 1] >= 0.5)).any()


@pytest.mark.parametrize(
    ("y", "says"),
    [
        (None, "y is None: a classifier learns from labelled texts."),
        (LABELS[:-1], "X has 90 texts, y has 89 labels."),
        ([*LABELS[:-1], None], "y: the label at index 89 is None. Labels must be all text or all numbers."),
        ([*LABELS[:-1], np.nan], "y: the label at index 89 is nan."),
        ([*NUMBERS[:-1], "1"], "y: the label at index 89 is '1'."),
        (np.array([*NUMBERS[:-1], np.nan]), "y: the label at index 89 is nan."),
        (pd.Series([*NUMBERS[:-1], pd.NA], dtype="Int64"), "y: the label at index 89 is <NA>."),
        (pd.Series([*LABELS[:-1], None]), "y: the label at index 89 is "),
        (np.linspace(0, 1, 90), "y: the label at index 1 is 0.01"),
        (np.array([*NUMBERS[:-1], np.inf]), "y: the label at index 89 is inf, a measure rather than a class."),
        (["a"] * 90, "all 90 training texts have the label 'a'. A classifier needs at least two classes."),
        ([["a"], ["a", "b"]] * 45, "y: give one label per text, or a matrix of 0 and 1 with a column for each label."),
        ([["a", "c"], ["a", "b"]] * 45, "y: give one label per text, or a matrix"),
        (np.full((90, 2), "1"), "y: give one label per text, or a matrix"),
        (np.full((90, 2), 2), "y: give one label per text, or a matrix"),
        (np.full((90, 2), np.nan), "y: give one label per text, or a matrix"),
        (np.zeros((90, 2, 2)), "y: give one label per text, or a matrix"),
        (np.zeros((90, 2)), "none of the 90 training texts has a label."),
        (SimpleNamespace(), "y: give one label per text, or a matrix"),
    ],
)
def test_what_are_no_labels_is_reported(clf, y, says):
    assert refused(clf.fit, TEXTS, y, error=DataError).startswith(says)


def test_a_fit_that_fails_leaves_the_earlier_one(fitted):
    before = fitted.predict_proba(TEXTS)
    refused(fitted.fit, TEXTS, LABELS[:-1], error=DataError)
    assert np.array_equal(fitted.predict_proba(TEXTS), before)


# -- several labels a text -------------------------------------------------------------------------

SEVERAL, SETS = make_sets(90)
SEVERAL = [
    text if labels else " ".join((COMMON * 6)[:n]) for n, (text, labels) in enumerate(zip(SEVERAL, SETS, strict=True))
]
MARKED = MultiLabelBinarizer().fit_transform(SETS)


@pytest.fixture
def several(clf):
    return clf.set_params(trainer__epochs=10)


@pytest.mark.parametrize(
    "form",
    [np.asarray, lambda y: y.astype(bool), lambda y: y.astype(float), lambda y: y.tolist(), scipy.sparse.csr_matrix,
     pd.DataFrame, pl.DataFrame],
)  # fmt: skip
def test_a_matrix_of_labels_is_several_labels_a_text(several, form):
    y = form(MARKED)
    several.fit(SEVERAL, y)
    predicted = several.predict(SEVERAL)
    assert several.classes_.tolist() == [0, 1, 2]
    assert predicted.shape == (90, 3)
    assert (
        predicted.dtype
        == (MARKED if isinstance(y, list) else y.toarray() if hasattr(y, "toarray") else np.asarray(y)).dtype
    )
    assert several.score(SEVERAL, MARKED) > 0.6
    assert (predicted == (several.predict_proba(SEVERAL) >= 0.5)).all()
    trained = several.classifier_.predict(SEVERAL)
    names = several.classifier_.labels
    assert trained == [tuple(names[n] for n in np.flatnonzero(row)) for row in predicted]


def test_several_labels_are_those_of_the_trainer_and_a_tables_columns_name_them(several):
    table = pd.DataFrame(MARKED, columns=KINDS)
    several.fit(SEVERAL, table)
    assert several.classifier_.labels == tuple(KINDS)
    other = same_trainer(textforge.Dataset(train=(SEVERAL, SETS)), epochs=10).fit()
    assert np.array_equal(several.predict_proba(SEVERAL), other.predict_proba(SEVERAL))


def test_several_labels_work_in_scikit_learns_tools(several):
    assert cross_val_score(several, SEVERAL, MARKED, cv=2, error_score="raise", scoring="f1_micro").mean() > 0.5
    probabilities = cross_val_predict(several, SEVERAL, MARKED, cv=2, method="predict_proba")
    assert probabilities.shape == (90, 3)
    grid = {"decision__threshold": [0.3, 0.5]}
    search = GridSearchCV(several, grid, cv=2, scoring="f1_micro", error_score="raise").fit(SEVERAL, MARKED)
    assert search.best_score_ > 0.5


def test_a_label_that_training_lacks_is_reported_and_never_predicted(several):
    wider = np.insert(MARKED, 1, 0, axis=1)
    with pytest.warns(TextforgeWarning, match="these columns of y have no 1 and are never predicted: 1"):
        several.fit(SEVERAL, wider)
    assert several.classes_.tolist() == [0, 1, 2, 3]
    assert (several.predict(SEVERAL)[:, 1] == 0).all()
    assert (several.predict_proba(SEVERAL)[:, 1] == 0).all()
    assert several.score(SEVERAL, wider) > 0.6
    assert several.classifier_.labels == ("0", "2", "3")


# -- warnings --------------------------------------------------------------------------------------


def test_what_a_run_warns_of_is_warned_of_where_fit_is_called(clf):
    clf.set_params(model="logistic-regression", scheduler="one-cycle")
    with pytest.warns(TextforgeWarning) as told:
        clf.fit(TEXTS, LABELS)
    assert len(told) == 1
    assert str(told[0].message).startswith("model 'logistic-regression' fits itself: optimizer, scheduler, trainer.")
    assert told[0].filename == __file__
    assert len(clf.history_) == 1


def test_callbacks_of_the_recipe_are_reported_to_be_unused():
    plugins = PluginManager()
    plugins.register(SimpleNamespace(textforge_callbacks=hookimpl(lambda: {"follower": object})))
    clf = TextClassifier({**RECIPE, "callbacks": ["follower"]}, plugins=plugins)
    with pytest.warns(TextforgeWarning, match=r"^callbacks follow runs; fit calls none of them: follower\.$"):
        clf.fit(TEXTS, LABELS)
    assert not any(name.startswith("callbacks") for name in clf.get_params())
