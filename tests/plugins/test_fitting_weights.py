"""Models that fit themselves on weighted texts: what scikit-learn learns with sample_weight."""

import inspect

import numpy as np
import pytest
from conftest import make_sets, make_texts
from scipy.sparse import csr_matrix
from sklearn.svm import LinearSVC
from test_fitting_models import CASES, dense, made, probabilities, several, texts

from textforge import Dataset, FeatureLinear, PluginManager, RecipeError, Trainer
from textforge.data.weights import with_mean_one
from textforge_standard.models.linear_svc import linear_svc
from textforge_standard.models.nbsvm import nbsvm
from textforge_standard.models.scaling import scaling

PARTS = PluginManager()
TEXTS, LABELS = make_texts(90)
TIMES = np.random.default_rng(0).integers(1, 4, 90)
MODELS = ["linear-svc", "logistic-regression", "multinomial-nb", "complement-nb", "nbsvm", "calibrated"]
CONVERGING = [case for case in CASES if "solver" not in case[1]]  # saga takes too long with some weights
probable = pytest.mark.parametrize(
    ("factory", "options", "reference"), CONVERGING, ids=[f"{f.__name__} {o or 'defaults'}" for f, o, _ in CONVERGING]
)


def drawn(n=90, seed=0):
    return np.random.default_rng(seed).choice([0.25, 1.0, 3.0], n)


def trained(data, model, optimizer=None, **settings):
    return Trainer(data, PARTS.part("vectorizer", "bow"), model, optimizer, **settings).fit()


# -- as scikit-learn ---------------------------------------------------------------------------


@probable
@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_of_weighted_texts_are_scikit_learns(factory, options, reference, n_classes):
    (train, y), (test, _) = (texts(n_classes=n_classes, seed=seed) for seed in (0, 1))
    weights = drawn()
    model = made(factory, n_classes=n_classes, **options)
    model.fit(train, y, weights)
    expected = reference.fit(csr_matrix(dense(train)), y, sample_weight=weights).predict_proba(dense(test))
    np.testing.assert_allclose(probabilities(model, test), expected, rtol=0, atol=1e-6)
    unweighted = reference.fit(csr_matrix(dense(train)), y).predict_proba(dense(test))
    assert np.abs(expected - unweighted).max() > 1e-3


@probable
def test_probabilities_of_weighted_sets_of_labels_are_scikit_learns(factory, options, reference):
    (train, y), (test, _) = (texts(seed=seed) for seed in (0, 1))
    weights, sets = drawn(), several(y)
    model = made(factory, multi_label=True, **options)
    model.fit(train, sets, weights)
    found = probabilities(model, test, multi_label=True)
    for n in range(3):
        fitted = reference.fit(csr_matrix(dense(train)), sets[:, n] > 0.5, sample_weight=weights)
        np.testing.assert_allclose(found[:, n], fitted.predict_proba(dense(test))[:, 1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_linear_svc_of_weighted_texts_predicts_as_scikit_learns(n_classes):
    (train, y), (test, _) = (texts(n_classes=n_classes, seed=seed) for seed in (0, 1))
    model = made(linear_svc, n_classes=n_classes)
    model.fit(train, y, drawn())
    fitted = LinearSVC(random_state=0).fit(csr_matrix(dense(train)), y, sample_weight=drawn())
    assert np.array_equal(probabilities(model, test).argmax(axis=1), fitted.predict(dense(test)))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_nbsvm_learns_from_whole_numbers_as_weights_what_it_learns_from_repeated_texts(n_classes):
    train, y = texts(n_classes=n_classes)
    one, other = (made(nbsvm, n_classes=n_classes, tol=1e-8, max_iter=1_000_000) for _ in range(2))
    one.fit(train, y, TIMES.astype(float))
    rows = np.repeat(np.arange(90), TIMES)
    other.fit(train.take(rows), y[rows])
    np.testing.assert_allclose(probabilities(one, train), probabilities(other, train), atol=1e-3)


@pytest.mark.parametrize("name", MODELS)
def test_texts_of_weight_0_teach_nothing(name):
    train, y = texts()
    weights = np.where(np.arange(90) % 3 == 0, 0.0, drawn())
    kept = np.flatnonzero(weights)
    factory = PARTS.component("model", name).factory
    one, other = made(factory), made(factory)
    one.fit(train, y, weights)
    other.fit(train.take(kept), y[kept], weights[kept])
    np.testing.assert_allclose(probabilities(one, train), probabilities(other, train), atol=1e-6)


def test_a_class_whose_texts_all_have_weight_0_is_never_predicted():
    train, y = texts()
    for name in ("linear-svc", "multinomial-nb", "nbsvm"):
        model = made(PARTS.component("model", name).factory)
        model.fit(train, y, (y != 1).astype(float))
        assert probabilities(model, train)[:, 1].max() < 1e-6, name


# -- in a trainer ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_a_trainer_scales_the_weights_to_a_mean_of_1(name):
    found = trained(Dataset(train=(TEXTS, LABELS), weights=TIMES * 7), PARTS.part("model", name))
    loop = Trainer(Dataset(train=(TEXTS, LABELS)), PARTS.part("vectorizer", "bow"), PARTS.part("model", name))
    loop.prepare()
    loop.module.fit(loop._prepared.source.features, loop._prepared.source.y, with_mean_one(TIMES.astype(float)))
    np.testing.assert_allclose(found.predict_proba(TEXTS), loop.classifier().predict_proba(TEXTS), atol=1e-7)


@pytest.mark.parametrize("name", MODELS)
def test_equal_weights_are_no_weights_bit_for_bit(name):
    plain, even = (
        trained(Dataset(train=(TEXTS, LABELS), weights=weights), PARTS.part("model", name))
        for weights in (None, [0.3] * 90)
    )
    assert np.array_equal(plain.predict_proba(TEXTS), even.predict_proba(TEXTS))


def deaf(n_features, n_classes):
    """A model whose fit takes no weights."""

    class Deaf(FeatureLinear):
        def fit(self, features, targets):
            """Learn nothing."""

    return Deaf(n_features, n_classes)


deaf.fits_itself = True


def test_a_model_that_takes_no_weights_is_refused_before_training():
    loop = Trainer(Dataset(train=(TEXTS, LABELS), weights=TIMES), PARTS.part("vectorizer", "bow"), deaf)
    with pytest.raises(RecipeError) as told:
        loop.prepare()
    assert str(told.value) == (
        "the model cannot weigh texts, and the training texts have weights. Leave the weights out, or use another "
        "model; its author can let fit(features, targets, weights=None) take them."
    )
    trained(Dataset(train=(TEXTS, LABELS)), deaf)


def deaf_part(n_features, n_classes, /):
    """A model whose fit takes no weights."""
    return deaf(n_features, n_classes)


deaf_part.fits_itself = True


@pytest.fixture(scope="module")
def with_deaf():
    from textforge import hookimpl

    class Plugin:
        @hookimpl
        def textforge_models(self):
            return {"deaf": deaf_part}

    parts = PluginManager()
    parts.register(Plugin())
    return parts


@pytest.mark.parametrize("outer", ["ensemble", "calibrated"])
def test_a_model_around_one_that_takes_no_weights_is_refused_before_training(with_deaf, outer):
    inner = with_deaf.part("model", "deaf")
    model = with_deaf.part("model", outer, of=[inner, inner] if outer == "ensemble" else inner)
    loop = Trainer(Dataset(train=(TEXTS, LABELS), weights=TIMES), PARTS.part("vectorizer", "bow"), model)
    with pytest.raises(RecipeError, match=f"model '{outer}' .*cannot weigh texts"):
        loop.prepare()


def test_an_ensemble_gives_its_members_the_weights():
    members = [PARTS.part("model", "multinomial-nb"), PARTS.part("model", "complement-nb")]
    data = Dataset(train=(TEXTS, LABELS), weights=TIMES)
    found = trained(data, PARTS.part("model", "ensemble", of=members)).predict_proba(TEXTS)
    alone = [trained(data, member).predict_proba(TEXTS) for member in members]
    np.testing.assert_allclose(found, np.mean(alone, axis=0), atol=1e-6)


@pytest.mark.parametrize("data", [make_texts(120), make_sets(120)], ids=["single", "sets"])
def test_calibrated_around_a_model_that_an_optimizer_trains_heeds_weights(data):
    weights = np.random.default_rng(0).choice([0.0, 0.2, 5.0], 120)
    model = PARTS.part(
        "model", "calibrated", of=PARTS.part("model", "linear"), optimizer=PARTS.part("optimizer", "adam", lr=0.05),
        epochs=3, batch_size=120,
    )  # fmt: skip
    plain, even, uneven = (
        trained(Dataset(train=data, weights=own), model).predict_proba(data[0]) for own in (None, [2.0] * 120, weights)
    )
    assert np.array_equal(plain, even)
    assert np.abs(plain - uneven).max() > 0.01


def test_calibrated_learns_from_the_model_inside_with_weights():
    model = PARTS.part("model", "calibrated", of=PARTS.part("model", "multinomial-nb"), scale="shared")
    plain, uneven = (
        trained(Dataset(train=(TEXTS, LABELS), weights=own), model).module.inner.weight for own in (None, TIMES)
    )
    alone = trained(Dataset(train=(TEXTS, LABELS), weights=TIMES), PARTS.part("model", "multinomial-nb")).module.weight
    np.testing.assert_allclose(uneven.numpy(), alone.numpy())
    assert not np.allclose(plain.numpy(), alone.numpy())


@pytest.mark.parametrize("scale", ["per_class", "shared"])
@pytest.mark.parametrize("sets", [False, True])
def test_scaling_of_weighted_scores_is_that_of_repeated_ones(scale, sets):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(60, 3)).astype(np.float32)
    targets = (rng.random((60, 3)) < 0.4).astype(np.float32) if sets else rng.integers(0, 3, 60)
    times = rng.integers(1, 4, 60)
    found = scaling(scores, targets, scale, times.astype(float))
    repeated = scaling(np.repeat(scores, times, axis=0), np.repeat(targets, times, axis=0), scale)
    for one, other in zip(found, repeated, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)


def test_every_shipped_model_that_fits_itself_takes_weights():
    inner = {"ensemble": {"of": [PARTS.part("model", "linear-svc")]}}
    parts = [PARTS.part("model", name, **inner.get(name, {})) for name in PARTS.names("model")]
    assert {part.component.name for part in parts if part.fits_itself} == {*MODELS, "ensemble"}
    for name in MODELS:
        assert "weights" in inspect.signature(made(PARTS.component("model", name).factory).fit).parameters
