"""Continue from a classifier: nothing known is lost, new words and classes are added."""

from __future__ import annotations

import copy
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import TOPICS, make_texts

import textforge
from textforge import Classifier, DataError, Dataset, FeatureLinear, RecipeError, Start, Stream, Trainer
from textforge.classifiers.engines.torch_engine import logits

PARTS = textforge.PluginManager()
TEXTS, LABELS = make_texts(80)
MODELS = {
    "bow": PARTS.part("model", "mlp", hidden=[8]),
    "tfidf": PARTS.part("model", "linear"),
    "tokens": PARTS.part("model", "textcnn", dim=8, channels=4),
}


def trainer(data: Any = (TEXTS, LABELS), *given: Any, **settings: Any) -> Trainer:
    return Trainer(Dataset(train=data), *given, **{"epochs": 2, "batch_size": 8, **settings})


def trained(vectorizer: str = "bow", **settings: Any) -> Classifier:
    return trainer((TEXTS, LABELS), vectorizer, MODELS[vectorizer], "adam", **settings).fit()


def outputs(classifier: Classifier, texts: list[str]) -> np.ndarray:
    return logits(classifier.module, classifier.features(texts), len(classifier.labels), classifier.device, "it")


def tensors(classifier: Classifier) -> list[Any]:
    return [value.tolist() for value in classifier.module.state_dict().values()]


WITH_NEW = (
    [*TEXTS, *["violin concerto orchestra sonata"] * 8, *["opera aria soprano"] * 8],
    [*LABELS, *["music"] * 16],
)


@pytest.mark.parametrize("vectorizer", MODELS)
def test_continuing_with_a_fresh_optimizer_equals_doing_it_by_hand(vectorizer: str) -> None:
    first = trained(vectorizer)
    by_hand = trainer((TEXTS, LABELS), vectorizer, MODELS[vectorizer], "adam", seed=5)
    by_hand.module.load_state_dict(first.module.state_dict())
    going_on = trainer((TEXTS, LABELS), optimizer="adam", start=first, seed=5)
    assert tensors(going_on.classifier()) == tensors(first), "before the first step nothing has changed"
    assert tensors(going_on.fit()) == tensors(by_hand.fit()) != tensors(first)
    assert going_on.matched.initialized == going_on.matched.extended == ()


def test_the_classifier_that_is_continued_is_not_changed() -> None:
    first = trained("tfidf")
    before, answers = copy.deepcopy(first.module.state_dict()), first.predict_proba(TEXTS)
    going_on = trainer(WITH_NEW, optimizer="adam", start=Start(first, vocabulary="grow"))
    second = going_on.fit()
    assert all(torch.equal(before[name], value) for name, value in first.module.state_dict().items())
    np.testing.assert_array_equal(first.predict_proba(TEXTS), answers)
    assert first.vectorizer.n_features < second.vectorizer.n_features
    assert first.labels == ("ball", "paint", "space")


@pytest.mark.parametrize("vocabulary", ["keep", "grow"])
@pytest.mark.parametrize("vectorizer", MODELS)
def test_a_class_added_keeps_the_outputs_of_the_others_at_step_zero(vectorizer: str, vocabulary: Any) -> None:
    first = trained(vectorizer)
    adam = PARTS.part("optimizer", "adam", lr=0.02)
    going_on = trainer(WITH_NEW, optimizer=adam, start=Start(first, vocabulary), epochs=12)
    begun = going_on.classifier()
    assert begun.labels == ("ball", "paint", "space", "music")
    np.testing.assert_allclose(outputs(begun, TEXTS)[:, :3], outputs(first, TEXTS), atol=1e-5)
    second = going_on.fit()
    if vocabulary == "grow":
        assert second.predict(["opera violin soprano concerto sonata"]) == ["music"]
    assert second.evaluate(TEXTS, LABELS)["accuracy"] > 0.9


def test_known_words_keep_their_columns_and_new_ones_come_after_them() -> None:
    first = trained("bow")
    going_on = trainer(WITH_NEW, optimizer="adam", start=Start(first, "grow"))
    going_on.prepare()
    known = first.vectorizer.vocabulary
    new = going_on.vectorizer.vocabulary
    assert new[: len(known)] == known
    assert {"violin", "opera"} <= set(new[len(known) :])
    assert going_on.matched.new_features == len(new) - len(known) == 7
    assert going_on.matched.new_classes == ("music",)
    assert going_on.matched.extended
    assert "new: music" in str(going_on.matched)
    assert "7 new" in str(going_on.matched)


def test_the_weight_of_a_word_that_is_known_stays_as_it_is() -> None:
    first = trained("tfidf")
    going_on = trainer(WITH_NEW, optimizer="adam", start=Start(first, "grow"))
    going_on.prepare()
    n = len(first.vectorizer.vocabulary)
    np.testing.assert_array_equal(going_on.vectorizer.idf[:n], first.vectorizer.idf)
    texts = TEXTS[:10]
    before, after = first.vectorizer.transform(texts), going_on.vectorizer.transform(texts)
    np.testing.assert_array_equal(before.indices, after.indices)
    np.testing.assert_array_equal(before.weights, after.weights)


@pytest.mark.parametrize("labels", [["space"], ["space", "ball"]])
def test_new_data_may_lack_classes(labels: list[str]) -> None:
    first = trained()
    rows = [n for n, label in enumerate(LABELS) if label in labels]
    data = [TEXTS[n] for n in rows], [LABELS[n] for n in rows]
    going_on = trainer(
        data, optimizer="adam", start=first, loss=PARTS.part("loss", "cross-entropy", class_weights="balanced")
    )
    second = going_on.fit()
    assert second.labels == first.labels
    assert set(going_on.matched.absent_classes) == {*first.labels} - {*labels}
    assert np.isfinite(second.predict_proba(TEXTS)).all()


@pytest.mark.parametrize("vectorizer", MODELS)
def test_a_classifier_that_grew_is_saved_loaded_and_continued_again(vectorizer: str, tmp_path: Path) -> None:
    second = trainer(WITH_NEW, optimizer="adam", start=Start(trained(vectorizer), "grow")).fit()
    loaded = textforge.load(textforge.save(second, tmp_path / "bundle"))
    np.testing.assert_allclose(loaded.predict_proba(WITH_NEW[0]), second.predict_proba(WITH_NEW[0]), atol=1e-6)
    third = trainer(WITH_NEW, optimizer="adam", start=Start(loaded, "grow"))
    assert third.matched.new_features == 0
    assert tensors(third.classifier()) == tensors(second)


def test_weights_that_do_not_fit_another_model_are_drawn_anew_and_named() -> None:
    first = trained()
    wider = trainer((TEXTS, LABELS), None, PARTS.part("model", "mlp", hidden=[9]), "adam", start=first)
    assert wider.matched.initialized == ("0.weight", "0.bias", "2.weight")
    assert wider.matched.taken == ("2.bias",)
    assert "drawn anew: 0.weight" in str(wider.matched)


def test_several_labels_per_text_continue_too() -> None:
    def several(labels: list[str]) -> list[list[str]]:
        return [[label] for label in labels]

    first = trainer((TEXTS, several(LABELS)), "bow", "linear", "adam").fit()
    second = trainer((WITH_NEW[0], several(WITH_NEW[1])), optimizer="adam", start=first).fit()
    assert second.labels == ("ball", "paint", "space", "music")
    with pytest.raises(RecipeError, match="gives several labels per text, the dataset has one label"):
        trainer(optimizer="adam", start=first)


def test_members_of_an_enum_continue_and_values_of_a_bundle_need_the_enum(tmp_path: Path) -> None:
    topic = Enum("topic", {name: name for name in TOPICS})
    members = [topic(label) for label in LABELS]
    first = trainer((TEXTS, members), "bow", "linear", "adam").fit()
    path = textforge.save(first, tmp_path / "bundle")
    assert trainer((TEXTS, members), optimizer="adam", start=first).labels == first.labels
    assert (
        trainer((TEXTS, members), optimizer="adam", start=textforge.load(path, label_type=topic)).labels == first.labels
    )
    with pytest.raises(DataError, match=r"of the classifier are text.*those of train are topic.*label_type"):
        trainer((TEXTS, members), optimizer="adam", start=textforge.load(path))


def test_objects_given_in_code_continue() -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    def linear(n_features: int) -> FeatureLinear:
        return FeatureLinear(n_features, 3)

    vectorizer = TfidfVectorizer()
    first = trainer(
        (TEXTS, LABELS), vectorizer, lambda n_features, n_classes: FeatureLinear(n_features, n_classes), "adam"
    ).fit()
    second = trainer((TEXTS, LABELS), first.vectorizer, None, "adam", start=first)
    assert tensors(second.classifier()) == tensors(first)
    assert tensors(second.fit()) != tensors(first)
    with pytest.raises(RecipeError, match=r"no outputs for the new classes: music.*function that makes one"):
        trainer(WITH_NEW, optimizer="adam", start=first).prepare()
    with pytest.raises(RecipeError, match=r"cannot grow its vocabulary: it has no method grow\(texts\)"):
        trainer(WITH_NEW, optimizer="adam", start=Start(first, "grow"))


def test_a_stream_continues_with_the_vocabulary_as_it_is() -> None:
    stream = Stream(2, lambda n: (WITH_NEW[0][n::2], WITH_NEW[1][n::2]))
    first = trained()
    going_on = Trainer(Dataset(train=stream), optimizer="adam", start=first, epochs=1, batch_size=8)
    assert going_on.fit().labels == ("ball", "paint", "space", "music")
    with pytest.raises(RecipeError, match="grows from texts in memory, not from a stream"):
        Trainer(Dataset(train=stream), optimizer="adam", start=Start(first, "grow")).prepare()


def test_a_state_is_continued_by_a_trainer_with_the_same_start() -> None:
    first = trained()
    loop, other = (trainer(WITH_NEW, optimizer="adam", start=Start(first, "grow")) for _ in range(2))
    next(iter(loop))
    other.load_state_dict(loop.state_dict())
    assert tensors(loop.fit()) == tensors(other.fit())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"start": "runs/one"}, r"cannot continue: expected a textforge\.Classifier, not a str\. textforge\.load"),
        ({"start": ("keep",)}, "not a tuple"),
        ({"vectorizer": "tfidf"}, "belong to the features of its own vectorizer.*Leave the vectorizer out"),
        ({"vectorizer": PARTS.part("vectorizer", "bow", min_df=2)}, "belong to the features of its own vectorizer"),
        ({"model": "complement-nb"}, "the model fits itself on all texts at once"),
        ({"optimizer": None}, "an optimizer is needed"),
    ],
)
def test_what_cannot_be_continued_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Trainer(Dataset(train=(TEXTS, LABELS)), **{"optimizer": "adam", "start": trained(epochs=1), **given})


def test_a_start_is_checked_where_it_is_made() -> None:
    with pytest.raises(RecipeError, match="vocabulary must be 'keep' or 'grow', not 'shrink'"):
        Start(trained(epochs=1), "shrink")  # type: ignore[arg-type]
    fitted = Trainer(Dataset(train=(TEXTS, LABELS)), "bow", "complement-nb").fit()
    with pytest.raises(RecipeError, match="'complement-nb' fits itself on all texts at once"):
        Start(fitted)
    with pytest.raises(RecipeError, match="vectorizer: give a part, the name of a part, or an object; only start="):
        Trainer(Dataset(train=(TEXTS, LABELS)), optimizer="adam")


def test_a_stream_continues_with_a_vectorizer_that_cannot_be_fitted_chunk_by_chunk() -> None:
    from sklearn.feature_extraction.text import CountVectorizer

    first = trainer((TEXTS, LABELS), CountVectorizer(), lambda n_features: FeatureLinear(n_features, 3), "adam").fit()
    stream = Stream(2, lambda n: (TEXTS[n::2], LABELS[n::2]))
    Trainer(Dataset(train=stream), optimizer="adam", start=first, epochs=1, batch_size=8).fit()
