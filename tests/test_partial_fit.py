"""`TextClassifier.partial_fit`: one batch after another, with the optimizer and the vocabulary of those before."""

from __future__ import annotations

import copy
import enum
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from conftest import make_texts
from sklearn.base import clone

import textforge
from textforge import DataError, RecipeError
from textforge.sklearn import TextClassifier, TextforgeWarning

RECIPE: dict[str, Any] = {
    "vectorizer": {"use": "bow"},
    "model": {"use": "mlp", "hidden": [8], "dropout": 0.2},
    "optimizer": {"use": "adam", "lr": 0.05},
    "trainer": {"epochs": 3, "batch_size": 8},
}
TEXTS, LABELS = make_texts(90)
KINDS = sorted(set(LABELS))
BATCHES = [(TEXTS[n : n + 30], LABELS[n : n + 30]) for n in (0, 30, 60)]
PARTS = textforge.PluginManager()


def estimator(**params: Any) -> TextClassifier:
    return TextClassifier(copy.deepcopy(RECIPE)).set_params(**params)


def taught(clf: TextClassifier) -> TextClassifier:
    for texts, labels in BATCHES:
        clf.partial_fit(texts, labels, classes=KINDS)
    return clf


def by_hand(optimizer: str, **options: Any) -> textforge.Classifier:
    """Train an epoch on each batch with `Trainer`, and hand on the state of the optimizer."""
    clf, state = None, None
    for number, (texts, labels) in enumerate(BATCHES):
        data = textforge.Dataset(train=(texts, labels))
        parts = [PARTS.part("optimizer", optimizer, **options)]
        if clf is None:
            model = PARTS.part("model", "mlp", hidden=[8], dropout=0.2)
            trainer = textforge.Trainer(
                data, PARTS.part("vectorizer", "hashing", n_features=64), model, *parts, epochs=1, batch_size=8
            )
        else:
            trainer = textforge.Trainer(data, None, None, *parts, start=clf, epochs=1, batch_size=8, seed=number)
        assert trainer.optimizer is not None
        if state is not None:
            trainer.optimizer.load_state_dict(state)
        clf, state = trainer.fit(), trainer.optimizer.state_dict()
    assert clf is not None
    return clf


@pytest.mark.parametrize(
    ("optimizer", "options"), [("adam", {"lr": 0.05}), ("lookahead", {"steps": 3}), ("rowwise-adagrad", {})]
)
def test_batches_equal_epochs_by_hand_that_hand_on_the_optimizer(optimizer: str, options: dict[str, Any]) -> None:
    clf = estimator(vectorizer="hashing", vectorizer__n_features=64)
    taught(clf.set_params(optimizer={"use": optimizer, **options}))
    assert np.array_equal(clf.predict_proba(TEXTS), by_hand(optimizer, **options).predict_proba(TEXTS))
    assert [epoch.number for epoch in clf.history_] == [1, 2, 3]


def test_the_first_batch_equals_a_fit_of_one_epoch() -> None:
    one = estimator(trainer__epochs=1).fit(TEXTS, LABELS)
    other = estimator().partial_fit(TEXTS, LABELS, classes=KINDS)
    assert np.array_equal(one.predict_proba(TEXTS), other.predict_proba(TEXTS))


def test_the_optimizer_goes_on_from_call_to_call() -> None:
    kept = taught(estimator(vectorizer="hashing", vectorizer__n_features=64))
    fresh = estimator(vectorizer="hashing", vectorizer__n_features=64)
    for texts, labels in BATCHES:
        fresh.partial_fit(texts, labels, classes=KINDS)
        fresh._optimizer = None
    assert not np.array_equal(kept.predict_proba(TEXTS), fresh.predict_proba(TEXTS))


@pytest.mark.parametrize("vectorizer", ["bow", "tfidf"])
def test_new_words_of_a_later_batch_are_learned_and_known_ones_keep_their_weights(vectorizer: str) -> None:
    clf = estimator(vectorizer=vectorizer, model="linear", optimizer__lr=0.0001)
    clf.partial_fit(["moon orbit", "bat inning"] * 10, ["space", "ball"] * 10, classes=["ball", "space"])
    before = clf.classifier_.module.state_dict()
    clf.set_params(optimizer__lr=0.5)
    for _ in range(3):
        clf.partial_fit(["quasar", "shortstop"] * 10, ["space", "ball"] * 10)
    assert clf.classifier_.feature_names == ["bat", "inning", "moon", "orbit", "quasar", "shortstop"]
    assert clf.predict(["quasar", "shortstop", "moon", "bat"]).tolist()[:2] == ["space", "ball"]
    for name, value in before.items():
        after = clf.classifier_.module.state_dict()[name]
        if value.dim() == 2:
            known = after[:4] if value.shape[0] == 4 else after[:, :4]
            torch.testing.assert_close(known, value, msg=f"{name}: words that the batches lack moved")


OPTIMIZERS = ["adam", "adagrad", "adafactor", "lookahead", "rowwise-adagrad", "rprop", "sparse-adam", "muon"]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_state_of_known_words_is_kept_while_the_vocabulary_grows(optimizer: str) -> None:
    clf = estimator(optimizer=optimizer, model__hidden=[8, 8])
    clf.partial_fit(*BATCHES[0], classes=KINDS)
    assert clf._optimizer is not None
    old = clf._optimizer.state["state"]
    clf.partial_fit([f"{text} unheard{n}" for n, text in enumerate(BATCHES[1][0])], BATCHES[1][1])
    new = clf._optimizer.state["state"]
    assert old.keys() == new.keys()
    for number, state in new.items():
        assert state.keys() == old[number].keys()
        if "step" in state:
            assert float(state["step"]) > float(old[number]["step"]), "the optimizer began anew"
    taught(clf)


def test_new_rows_of_the_state_are_those_of_a_new_optimizer() -> None:
    from textforge.training.optimizer_state import continue_optimizer

    few, many = torch.nn.Embedding(3, 2), torch.nn.Embedding(5, 2)
    before = torch.optim.Adagrad(few.parameters(), initial_accumulator_value=0.5)
    few.weight.grad = torch.ones_like(few.weight)
    before.step()
    after, weights = torch.optim.Adagrad(many.parameters(), initial_accumulator_value=0.5), many.weight.clone()
    continue_optimizer(after, many, before.state_dict())
    sums = after.state[many.weight]["sum"]
    assert sums.tolist() == [[1.5, 1.5]] * 3 + [[0.5, 0.5]] * 2
    assert torch.equal(many.weight, weights) and many.weight.grad is None


def test_a_fixed_vocabulary_warns_of_texts_without_a_known_word() -> None:
    plugins = textforge.PluginManager()
    plugins.register(_Fixed())
    clf = TextClassifier({**RECIPE, "vectorizer": {"use": "fixed"}}, plugins=plugins)
    clf.partial_fit(["moon orbit", "bat inning"] * 5, ["space", "ball"] * 5, classes=["ball", "space"])
    with pytest.warns(TextforgeWarning, match="finds no feature in 5 of 10 training texts"):
        clf.partial_fit(["moon", "shortstop"] * 5, ["space", "ball"] * 5)
    assert clf.classifier_.facts["n_features"] == 4


class _FixedWords:
    """Bag of words that cannot grow."""

    def __init__(self) -> None:
        self._bow = PARTS.part("vectorizer", "bow").build({})

    def fit(self, texts: list[str]) -> _FixedWords:
        self._bow.fit(texts)
        return self

    def transform(self, texts: list[str]) -> Any:
        return self._bow.transform(texts)

    def state(self) -> Any:
        return self._bow.state()

    def from_state(self, state: Any) -> _FixedWords:
        self._bow = self._bow.from_state(state)
        return self


class _Fixed:
    @textforge.hookimpl
    def textforge_vectorizers(self) -> dict[str, Any]:
        return {"fixed": _FixedWords}


def test_a_batch_may_lack_classes_and_all_are_predicted() -> None:
    clf = estimator(model="linear")
    one = [text for text, label in zip(TEXTS, LABELS, strict=True) if label == KINDS[2]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.partial_fit(one, [KINDS[2]] * len(one), classes=np.array(KINDS[::-1]))
    assert clf.classes_.tolist() == KINDS
    assert clf.predict_proba(TEXTS[:2]).shape == (2, 3)
    for _ in range(6):
        taught(clf)
    assert clf.score(TEXTS, LABELS) > 0.9


class Topic(enum.Enum):
    SPACE = 1
    BALL = 2


@pytest.mark.parametrize("kinds", [[0, 1], [False, True], [Topic.BALL, Topic.SPACE], [2.0, 3.0]])
def test_labels_of_every_type_come_back(kinds: list[Any]) -> None:
    clf, texts = estimator(), ["moon orbit", "bat inning"] * 10
    for _ in range(4):
        clf.partial_fit(texts, [kinds[1], kinds[0]] * 10, classes=kinds)
    assert clf.predict(texts[:2]).tolist() == [kinds[1], kinds[0]]


def test_a_matrix_of_labels_is_learned_in_batches_that_may_lack_columns() -> None:
    texts, y = ["moon orbit", "bat inning", "bat moon"] * 8, np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0]] * 8)
    clf = estimator(model__dropout=0.0)
    assert "classes=range(3)" in refused(clf.partial_fit, texts, y, classes=["a", "b", "c"], error=DataError)
    for _ in range(10):
        clf.partial_fit(texts, y, classes=range(3))
    assert (clf.predict(texts) == y).all()
    clf.partial_fit(["violin"] * 4, np.array([[0, 0, 1]] * 4))
    assert "3" in refused(clf.partial_fit, texts[:1], y[:1, :2], error=DataError)
    assert "matrix in each call" in refused(clf.partial_fit, texts[:1], [0], error=DataError)


def test_weights_of_texts_count() -> None:
    texts, labels = ["moon"] * 10 + ["bat"] * 10, ["space", "ball"] * 10
    clf = estimator(model__dropout=0.0)
    for _ in range(10):
        clf.partial_fit(texts, labels, classes=KINDS, sample_weight=[1, 0.01] * 10)
    assert clf.predict(["moon", "bat"]).tolist() == ["space", "space"]


# -- what begins anew ------------------------------------------------------------------------------


def test_fit_starts_over_and_partial_fit_goes_on_from_it() -> None:
    clf = taught(estimator()).fit(*BATCHES[0])
    assert np.array_equal(clf.predict_proba(TEXTS), estimator().fit(*BATCHES[0]).predict_proba(TEXTS))
    before = clf.predict_proba(TEXTS)
    clf.partial_fit(*BATCHES[1])
    assert len(clf.history_) == 4 and not np.array_equal(clf.predict_proba(TEXTS), before)


def test_a_clone_forgets_and_a_pickle_goes_on_bit_for_bit() -> None:
    clf = taught(estimator())
    assert not hasattr(clone(clf), "classifier_")
    with pytest.raises(DataError, match="classes"):
        clone(clf).partial_fit(*BATCHES[0])
    other = pickle.loads(pickle.dumps(clf)).partial_fit(*BATCHES[0])
    assert np.array_equal(other.predict_proba(TEXTS), clf.partial_fit(*BATCHES[0]).predict_proba(TEXTS))


def test_another_optimizer_begins_its_state_anew() -> None:
    clf = taught(estimator())
    clf.set_params(optimizer="sgd").partial_fit(*BATCHES[0])
    assert clf._optimizer is not None
    assert not clf._optimizer.state["state"] or "exp_avg" not in clf._optimizer.state["state"][0]


# -- what is refused -------------------------------------------------------------------------------


def refused(call: Any, *arguments: Any, error: type[Exception] = RecipeError, **options: Any) -> str:
    with pytest.raises(error) as raised:
        call(*arguments, **options)
    return str(raised.value)


def test_classes_are_needed_once_and_stay() -> None:
    clf = estimator()
    assert refused(clf.partial_fit, *BATCHES[0], error=DataError).startswith("classes: name all labels in the first")
    assert "at least two labels" in refused(clf.partial_fit, ["a b"], ["x"], classes=["x"], error=DataError)
    clf.partial_fit(*BATCHES[0], classes=KINDS)
    before = clf.predict_proba(TEXTS)
    assert "the first call named" in refused(clf.partial_fit, ["a b"], [KINDS[0]], classes=["x", "y"], error=DataError)
    unknown = refused(clf.partial_fit, ["a b"], ["music"], error=DataError)
    assert unknown.startswith("y has labels that classes lacks: 'music'.")
    assert "X has 1 texts, y has 2 labels." in refused(clf.partial_fit, ["a b"], KINDS[:2], error=DataError)
    assert np.array_equal(clf.predict_proba(TEXTS), before), "a call that fails changes nothing"


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"model": "complement-nb"}, "model 'complement-nb' fits itself .* model linear, mlp"),
        ({"decision__calibrate": "temperature"}, "decision.calibrate needs validation texts"),
    ],
)
def test_there_is_none_where_the_recipe_cannot_and_the_error_says_why(params: dict[str, Any], says: str) -> None:
    clf = estimator(**params)
    assert not hasattr(clf, "partial_fit")
    with pytest.raises(RecipeError, match=says):
        clf.partial_fit(*BATCHES[0], classes=KINDS)
    assert hasattr(estimator(), "partial_fit")
    assert hasattr(TextClassifier("missing.yaml"), "partial_fit"), "the call says what is wrong with the recipe"
    assert "cannot be read" in refused(TextClassifier("missing.yaml").partial_fit, *BATCHES[0], classes=KINDS)


def test_keys_that_plan_a_whole_training_are_named_once() -> None:
    clf = estimator(scheduler="one-cycle", trainer__validation=0.2)
    with pytest.warns(TextforgeWarning, match=r"these keys of the recipe do nothing: scheduler, trainer\.validation"):
        clf.partial_fit(*BATCHES[0], classes=KINDS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.partial_fit(*BATCHES[1])


# -- classes of a trainer --------------------------------------------------------------------------


def test_a_trainer_may_be_given_classes_that_its_texts_lack() -> None:
    data = textforge.Dataset(train=(["moon orbit"] * 4, ["space"] * 4))
    clf = textforge.Trainer(data, "bow", "linear", "adam", labels=["space", "ball"], epochs=1).fit()
    assert clf.labels == ("space", "ball")
    for labels, says in [
        (["space"], "at least two"),
        ([("space", "ball")], "labels"),
        (["x", "y"], "labels lacks: space"),
        (["space"] * 2, "once"),
    ]:
        with pytest.raises(DataError, match=says):
            textforge.Trainer(data, "bow", "linear", "adam", labels=labels)
    with pytest.raises(RecipeError, match="Leave labels out"):
        textforge.Trainer(data, optimizer="adam", start=clf, labels=["space", "ball"])
