"""Models that scikit-learn fits, against scikit-learn's own predictions."""

import importlib
import inspect
import warnings

import numpy as np
import pytest
import torch
from conftest import make_texts, small_recipe, write_csv
from scipy.sparse import csr_matrix
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.svm import LinearSVC

import textforge
from textforge import DataError, Ragged, RecipeError
from textforge.components.manager import PluginManager
from textforge.features.ragged import Dense
from textforge_standard.models.calibrated import calibrated
from textforge_standard.models.complement_nb import complement_nb
from textforge_standard.models.linear_svc import linear_svc
from textforge_standard.models.logistic_regression import logistic_regression
from textforge_standard.models.multinomial_nb import multinomial_nb
from textforge_standard.models.nbsvm import nbsvm

ALL = (calibrated, complement_nb, linear_svc, logistic_regression, multinomial_nb, nbsvm)
every_model = pytest.mark.parametrize("factory", ALL, ids=lambda factory: factory.__name__)
WORDS = 30
OPTIONS = {"fit_intercept": False, "class_weight": "balanced", "C": 0.3}
CASES = [
    (calibrated, {}, CalibratedClassifierCV(LinearSVC(random_state=0), cv=5, ensemble=False)),
    (calibrated, {"ensemble": True}, CalibratedClassifierCV(LinearSVC(random_state=0), cv=5, ensemble=True)),
    (
        calibrated,
        {"C": 0.2, "class_weight": "balanced", "cv": 3},
        CalibratedClassifierCV(LinearSVC(C=0.2, class_weight="balanced", random_state=0), cv=3, ensemble=False),
    ),
    (complement_nb, {}, ComplementNB()),
    (complement_nb, {"alpha": 0.1, "norm": True}, ComplementNB(alpha=0.1, norm=True)),
    (multinomial_nb, {}, MultinomialNB()),
    (multinomial_nb, {"alpha": 0.1, "fit_prior": False}, MultinomialNB(alpha=0.1, fit_prior=False)),
    (logistic_regression, {}, LogisticRegression(random_state=0, max_iter=1000)),
    (logistic_regression, OPTIONS, LogisticRegression(random_state=0, max_iter=1000, **OPTIONS)),
    (
        logistic_regression,
        {"solver": "saga", "l1_ratio": 0.5, "tol": 0.01},
        LogisticRegression(random_state=0, solver="saga", l1_ratio=0.5, tol=0.01, max_iter=1000),
    ),
]
probable = pytest.mark.parametrize(
    ("factory", "options", "reference"), CASES, ids=[f"{f.__name__} {o or 'defaults'}" for f, o, _ in CASES]
)


def made(factory, n_features=WORDS, n_classes=3, multi_label=False, **options):
    facts = {"n_features": n_features, "n_classes": n_classes, "seed": 0, "multi_label": multi_label}
    facts["facts"] = dict(facts)
    signature = inspect.signature(factory).parameters.values()
    return factory(*(facts[p.name] for p in signature if p.kind is p.POSITIONAL_ONLY), **options)


def texts(n=90, n_classes=3, seed=0, weights=True):
    """Bags that lean on their class's words, some of them empty or with a word twice; and the classes."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.arange(n) % n_classes)
    rows = []
    for label in y:
        own = rng.choice(WORDS // n_classes, 2) + label * (WORDS // n_classes)
        rows.append(np.concatenate((own, rng.choice(WORDS, rng.integers(1, 6)))) if rng.random() < 0.97 else own[:0])
    indices = np.concatenate(rows)
    offsets = np.concatenate(([0], np.cumsum([len(row) for row in rows])))
    given = rng.integers(1, 5, len(indices)).astype(np.float32) / 2 if weights else None
    return Ragged(indices, offsets, WORDS, given), y


def several(y, n_labels=3, seed=1):
    """The class and now and then another label, as rows of 0 and 1."""
    rng = np.random.default_rng(seed)
    return ((np.arange(n_labels) == y[:, None]) | (rng.random((len(y), n_labels)) < 0.2)).astype(np.float32)


def dense(features):
    matrix = np.zeros((len(features), features.n_features))
    rows = np.repeat(np.arange(len(features)), np.diff(features.offsets))
    np.add.at(matrix, (rows, features.indices), 1 if features.weights is None else features.weights.astype(float))
    return matrix


def probabilities(model, features, multi_label=False):
    logits = model(features.batch(0, len(features)))
    assert logits.dtype == torch.float32
    assert torch.isfinite(logits).all()
    return (logits.sigmoid() if multi_label else logits.softmax(dim=1)).numpy()


@probable
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weights", [True, False])
def test_probabilities_are_scikit_learns(factory, options, reference, n_classes, weights):
    (train, y), (test, _) = (texts(n_classes=n_classes, seed=seed, weights=weights) for seed in (0, 1))
    model = made(factory, n_classes=n_classes, **options)
    model.fit(train, y)
    expected = reference.fit(csr_matrix(dense(train)), y).predict_proba(dense(test))
    assert expected.max(axis=1).std() > 1e-4
    np.testing.assert_allclose(probabilities(model, test), expected, rtol=0, atol=1e-6)
    assert model.warnings == []


@probable
def test_each_label_of_several_has_scikit_learns_probability(factory, options, reference):
    (train, y), (test, _) = texts(seed=0), texts(seed=1)
    model = made(factory, multi_label=True, **options)
    model.fit(train, several(y))
    found = probabilities(model, test, multi_label=True)
    for label, column in enumerate(several(y).T):
        expected = reference.fit(csr_matrix(dense(train)), column).predict_proba(dense(test))[:, 1]
        np.testing.assert_allclose(found[:, label], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "options",
    [{}, OPTIONS, {"loss": "hinge", "tol": 0.01, "max_iter": 5000}, {"penalty": "l1"}, {"intercept_scaling": 5.0}],
)
def test_linear_svc_predicts_as_scikit_learns(options, n_classes):
    (train, y), (test, _) = (texts(n_classes=n_classes, seed=seed) for seed in (0, 1))
    model = made(linear_svc, n_classes=n_classes, **options)
    model.fit(train, y)
    reference = LinearSVC(random_state=0, **options).fit(dense(train), y)
    found = model(test.batch(0, len(test)))
    assert np.array_equal(found.argmax(dim=1).numpy(), reference.predict(dense(test)))
    margins = reference.decision_function(dense(test))
    gaps = margins if n_classes == 2 else margins[:, 1] - margins[:, 0]
    np.testing.assert_allclose((found[:, 1] - found[:, 0]).numpy(), gaps, atol=1e-5)


def test_linear_svc_of_several_labels_gives_each_ones_margin():
    (train, y), (test, _) = texts(seed=0), texts(seed=1)
    model = made(linear_svc, multi_label=True)
    model.fit(train, several(y))
    for label, column in enumerate(several(y).T):
        expected = LinearSVC(random_state=0).fit(dense(train), column).decision_function(dense(test))
        np.testing.assert_allclose(model(test.batch(0, len(test)))[:, label].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"alpha": 0.1, "beta": 0.25, "C": 0.5}, {"beta": 0.0}])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_nbsvm_is_the_papers_formula(options, n_classes):
    (train, y), (test, _) = (texts(n_classes=n_classes, seed=seed) for seed in (0, 1))
    alpha, beta, C = (options.get(name, 1.0) for name in ("alpha", "beta", "C"))  # noqa: N806
    x, z = dense(train), dense(test)
    margins = []
    for label in range(n_classes):
        p, q = (alpha + x[inside].sum(axis=0) for inside in (y == label, y != label))
        r = np.log((p / np.abs(p).sum()) / (q / np.abs(q).sum()))
        machine = LinearSVC(C=C, random_state=0, tol=1e-6, max_iter=100_000).fit(x * r, y == label)
        w = machine.coef_[0]
        margins.append(z * r @ ((1 - beta) * np.abs(w).sum() / WORDS + beta * w) + machine.intercept_[0])
    model = made(nbsvm, n_classes=n_classes, tol=1e-6, max_iter=100_000, **options)
    model.fit(train, y)
    found = model(test.batch(0, len(test))).numpy()
    expected = margins[1] if n_classes == 2 else margins[1] - margins[0]
    np.testing.assert_allclose(found[:, 1] - found[:, 0], expected, rtol=0, atol=1e-4)


def test_nbsvm_of_several_labels_is_one_machine_a_label():
    (train, y), (test, _) = texts(seed=0), texts(seed=1)
    model, single = made(nbsvm, multi_label=True), made(nbsvm, n_classes=2)
    model.fit(train, several(y))
    for label, column in enumerate(several(y).T):
        single.fit(train, column.astype(np.int64))
        pair = single(test.batch(0, len(test)))
        torch.testing.assert_close(model(test.batch(0, len(test)))[:, label], pair[:, 1] - pair[:, 0])


@every_model
@pytest.mark.parametrize("multi_label", [False, True])
def test_a_dense_batch_and_dense_features_give_what_ragged_ones_give(factory, multi_label):
    features, y = texts()
    vectors = Dense(dense(features).astype(np.float32))
    ragged, plain = (made(factory, multi_label=multi_label) for _ in range(2))
    ragged.fit(features, several(y) if multi_label else y)
    plain.fit(vectors, several(y) if multi_label else y)
    expected = probabilities(ragged, features, multi_label)
    np.testing.assert_allclose(probabilities(ragged, vectors, multi_label), expected, atol=1e-6)
    np.testing.assert_allclose(probabilities(plain, vectors, multi_label), expected, atol=1e-6)


@every_model
@pytest.mark.parametrize("multi_label", [False, True])
def test_all_that_is_learnt_is_in_the_state_whose_shapes_the_facts_give(factory, multi_label):
    features, y = texts()
    model, again = (made(factory, multi_label=multi_label) for _ in range(2))
    model.fit(features, several(y) if multi_label else y)
    again.load_state_dict(model.state_dict())  # strict: names and shapes must be the same
    assert np.array_equal(probabilities(again, features), probabilities(model, features))
    assert not list(model.parameters())


@every_model
def test_fitting_leaves_the_features_and_the_callers_random_states_as_they_are(factory):
    features, y = texts()
    before = [array.copy() for array in (features.indices, features.offsets, features.weights)]
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    models = [made(factory), made(factory)]
    for model in models:
        model.fit(features, y)
    for array, copied in zip((features.indices, features.offsets, features.weights), before, strict=True):
        assert np.array_equal(array, copied)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])
    for one, other in zip(models[0].state_dict().values(), models[1].state_dict().values(), strict=True):
        assert torch.equal(one, other)


@every_model
def test_a_class_without_training_texts_is_never_predicted(factory):
    features, y = texts(n_classes=2)
    model, without = made(factory, n_classes=3), made(factory, n_classes=2)
    model.fit(features, y * 2)  # classes 0 and 2
    without.fit(features, y)
    found = probabilities(model, features)
    assert (found[:, 1] == 0).all()
    np.testing.assert_allclose(found[:, [0, 2]], probabilities(without, features), atol=1e-6)


@every_model
def test_a_label_on_all_texts_or_on_none_is_reported_and_predicted_so(factory):
    features, y = texts()
    targets = several(y)
    targets[:, 0], targets[:, 2] = 1, 0
    model = made(factory, multi_label=True)
    model.fit(features, targets)
    found = probabilities(model, features, multi_label=True)
    np.testing.assert_allclose(found[:, [0, 2]], np.array([[1, 0]] * len(y)), atol=1e-9)
    name = factory.__name__.replace("_", "-")
    assert model.warnings == [
        f"model '{name}': label 1 is on all of the training texts.",
        f"model '{name}': label 3 is on none of the training texts.",
    ]


@pytest.mark.parametrize("factory", [calibrated, linear_svc, logistic_regression, nbsvm])
@pytest.mark.parametrize("multi_label", [False, True])
def test_what_has_not_converged_is_said_in_one_sentence_and_not_on_stderr(factory, multi_label):
    features, y = texts()
    model = made(factory, max_iter=1, multi_label=multi_label)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        model.fit(features, several(y) if multi_label else y)
    assert shown == []
    name = factory.__name__.replace("_", "-")
    assert model.warnings == [
        f"model '{name}' has not converged: its weights are not the best yet. Raise max_iter (now 1), or lower C."
    ]
    model.fit(features, several(y) if multi_label else y)
    assert len(model.warnings) == 1


@pytest.mark.parametrize("factory", [complement_nb, multinomial_nb, nbsvm])
def test_models_of_counts_refuse_negative_features(factory):
    with pytest.raises(RecipeError, match=r"takes counts or tf-idf, and these features have negative numbers"):
        made(factory, 1).fit(Dense(np.array([[1.0], [-1.0]], np.float32)), np.array([0, 1]))


def test_calibrated_says_where_a_class_has_too_few_texts():
    features, y = texts(n=14)
    with pytest.raises(DataError, match=r"needs 5 training texts of every class, .* the rarest class has 4"):
        made(calibrated).fit(features, y)


@every_model
def test_each_is_offered_as_a_model_that_fits_itself_with_a_line_on_every_option(factory):
    name = factory.__name__.replace("_", "-")
    component = PluginManager().component("model", name)
    assert component.factory is factory
    assert component.factory.fits_itself is True
    schema, _ = component.options.json_schema(name)
    assert all(option["description"] for option in schema["properties"].values())


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("linear-svc", {"penalty": "l1", "loss": "hinge"}, "penalty l1 needs loss squared_hinge"),
        ("linear-svc", {"penalty": "l1", "dual": True}, "penalty l1 needs dual false or auto"),
        ("linear-svc", {"loss": "hinge", "dual": False}, "loss hinge needs dual true or auto"),
        ("logistic-regression", {"l1_ratio": 0.5}, "l1_ratio needs solver: saga"),
    ],
)
def test_options_that_contradict_each_other_are_refused(name, options, told):
    with pytest.raises(RecipeError, match=told):
        PluginManager().part("model", name, **options)


def test_every_contradiction_that_scikit_learn_would_find_is_found_before():
    features, y = texts(n=30, n_classes=2)
    check = linear_svc.check_options
    for loss in ("squared_hinge", "hinge"):
        for penalty in ("l1", "l2"):
            for dual in (True, False, "auto"):
                options = {"loss": loss, "penalty": penalty, "dual": dual}
                model = made(linear_svc, n_classes=2, tol=0.1, max_iter=5000, **options)
                if check(**options):
                    with pytest.raises(ValueError, match="Unsupported set of arguments"):
                        model.fit(features, y)
                else:
                    model.fit(features, y)


def test_modules_import_nothing_heavy():
    for factory in ALL:
        source = inspect.getsource(importlib.import_module(factory.__module__))
        heads = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
        assert not [line for line in heads if "sklearn" in line or "torch" in line.split() or "numpy" in line]


def test_what_was_fitted_predicts_without_scikit_learn(tmp_path):
    import subprocess
    import sys

    recipe = small_recipe(write_csv(tmp_path / "d.csv", *make_texts(60)), model="linear-svc", vectorizer="tfidf")
    run = textforge.run(recipe, out=tmp_path / "run")
    code = (
        f"import sys, textforge; found = textforge.load({str(run.path)!r}).predict(['the moon'])\n"
        "assert found == ['space'], found\n"
        "assert not {'sklearn', 'scipy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
