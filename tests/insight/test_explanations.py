"""Explanations add up to scores, mark whole words of the original text, and name words that matter."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

import textforge
from textforge import Classifier, ComponentError, DataError, FeatureLinear, PluginManager, RecipeError
from textforge.classifiers.decision import Decision
from textforge.insight.explanations import texts as texts_module
from textforge.insight.explanations.classes import contributions
from textforge.insight.explanations.words import distinct_words, words

PARTS = PluginManager()
LABELS = ("ball", "paint", "space")
TRAIN = [
    "the shuttle flew to orbit, a long orbit around the moon", "NASA launched the moon probe",
    "bat and ball, glove and bat", "the team won the game with a bat", "paint the image in colour",
    "render an image with a pixel shader", "naïve STRASSE 你好世界 👍🏽",
]  # fmt: skip
HOSTILE = [
    "", " \n\t", "a\x1b[31mred\x00 moon", "👨\u200d👩\u200d👧 bat 🇩🇪", "e\u0301te\u0301 o\u0328\u0301 moon",
    "\u202eright שלום مرحبا",
    "\ud83d moon", "İstanbul ΣΑΣ ﬁ ẞ", "你好世界 สวัสดี", "\ufeffmoon", "\u0301", "bat" * 500,
]  # fmt: skip


def fitted(section: Any) -> Any:
    part, mistakes = PARTS.resolve("vectorizer", section, ())
    assert part is not None and not mistakes
    return part.build({"seed": 0}).fit(TRAIN)


def classifier(vectorizer: Any, model: Any, **decision: Any) -> Classifier:
    """A classifier with the weights that a network starts with, and random ones for a model that fits itself."""
    facts = {"n_features": vectorizer.transform([""]).n_features, "n_classes": 3, "seed": 0}
    facts["multi_label"] = decision.get("multi_label", False)
    facts.update({name: getattr(vectorizer, name, None) for name in ("vocab_size", "vectors")})
    part, mistakes = PARTS.resolve("model", model, ())
    assert part is not None and not mistakes
    torch.manual_seed(0)
    module = part.build(facts)
    for buffer in module.buffers():
        if buffer.dtype == torch.float64 or part.fits_itself:
            buffer.copy_(torch.randn(buffer.shape).abs() if buffer.ndim < 2 else torch.randn(buffer.shape))
    return Classifier(vectorizer, module, LABELS, facts=facts, decision=Decision(**decision))


def probabilities(found: textforge.Explanation, classifier: Classifier) -> Any:
    """The probabilities of the explained classes by the sum of the explanation."""
    scores = found.bias + found.rest + found.contributions.sum(axis=0)
    return classifier.decision.__class__(classifier.decision.multi_label).probabilities(scores[None])[0]


BAG = st.fixed_dictionaries(
    {"use": st.sampled_from(["bow", "tfidf", "hashing"]), "ngrams": st.sampled_from([[1, 1], [1, 2], [2, 3]])},
    optional={"binary": st.booleans(), "strip_accents": st.booleans(), "unicode": st.sampled_from(["NFC", "NFKC"])},
)
CUT = st.sampled_from([
    {}, {"split": "spaces"}, {"split": "any_script"}, {"split": "any_script", "ends": True, "punctuation": True},
    {"unit": "characters"}, {"unit": "characters_in_words"},
])  # fmt: skip
SCALED = {"norm": st.sampled_from(["l1", "l2", None]), "sublinear": st.booleans()}


@st.composite
def vectorizers(draw: st.DrawFn) -> Any:
    def bag() -> dict[str, Any]:
        found = {**draw(BAG), **draw(CUT)}
        return found if found["use"] == "bow" else {**found, **{key: draw(values) for key, values in SCALED.items()}}

    kind = draw(st.sampled_from(["bag", "union", "preprocess"]))
    if kind == "union":
        return {"use": "union", "of": [bag(), bag()], "weights": [1.0, draw(st.floats(0.1, 3))]}
    if kind == "preprocess":
        return {"use": "preprocess", "steps": ["html", "lowercase", "placeholders"], "vectorizer": bag()}
    return bag()


MODELS = st.sampled_from([
    "linear", "logistic-regression", {"use": "linear-svc"}, {"use": "calibrated", "of": "logistic-regression", "cv": 2},
])  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(
    vectorizers(), MODELS, st.booleans(), st.floats(0.3, 3),
    st.lists(st.one_of(st.sampled_from([*HOSTILE, *TRAIN]), st.text(max_size=30)), min_size=1, max_size=3),
)  # fmt: skip
def test_words_of_a_linear_model_add_up_to_its_scores_exactly(
    vectorizer: Any, model: Any, multi_label: bool, temperature: float, given_texts: list[str]
) -> None:
    trained = classifier(fitted(vectorizer), model, multi_label=multi_label, temperature=temperature)
    for text, found in zip(given_texts, textforge.explain(trained, given_texts), strict=True):
        assert found.method == "exact"
        assert found.gap < 1e-4
        assert "".join(piece for piece, _ in found.marks()) == text
        expected = trained.predict_proba([text])[0][[LABELS.index(label) for label in found.labels]]
        np.testing.assert_allclose(probabilities(found, trained), expected, atol=1e-4)
        np.testing.assert_allclose(found.probabilities, expected)


def test_a_word_of_a_bag_gives_its_count_times_its_weight() -> None:
    vectorizer = fitted("bow")
    trained = classifier(vectorizer, "linear")
    (found,) = textforge.explain(trained, ["Moon, bat and moon"], labels=LABELS)
    weight = trained.module.weight.detach().double().numpy()
    rows = {word: weight[n] - weight[n].mean() for n, word in enumerate(vectorizer.vocabulary)}
    order = [LABELS.index(label) for label in found.labels]
    expected = [rows[word][order] if word else np.zeros(3) for word in ("moon", "", "bat", "and", "moon")]
    np.testing.assert_allclose(found.contributions, expected, atol=1e-6)
    (moon,) = [one for one in found.features if one.text == "Moon"]
    assert moon.count == 2
    np.testing.assert_allclose(moon.contributions, 2 * rows["moon"][order], atol=1e-6)


def test_a_pair_of_words_is_shared_by_the_characters_of_its_words() -> None:
    trained = classifier(fitted({"use": "bow", "ngrams": [2, 2]}), "linear")
    (found,) = textforge.explain(trained, ["bat and"])
    np.testing.assert_allclose(found.contributions[0], found.contributions[1], atol=1e-9)
    (pair,) = found.features
    assert pair.text == "bat and"


NETWORKS = [
    ("tfidf", {"use": "mlp", "hidden": [8], "activation": "tanh"}),
    ({"use": "bow", "binary": True}, {"use": "mlp", "hidden": [8, 8]}),
    ("tokens", {"use": "textcnn", "dim": 6, "channels": 4}),
    ("tokens", {"use": "rnn", "dim": 6, "hidden": 5}),
    ("tokens", {"use": "transformer", "dim": 8, "heads": 2, "layers": 1}),
    ("tfidf", {"use": "calibrated", "cv": 2, "ensemble": True}),
    ("tfidf", {"use": "ensemble", "of": ["logistic-regression", "linear-svc"]}),
]


@pytest.mark.parametrize(("vectorizer", "model"), NETWORKS, ids=lambda one: one if isinstance(one, str) else one["use"])
def test_integrated_gradients_of_a_network_are_complete(vectorizer: Any, model: Any) -> None:
    trained = classifier(fitted(vectorizer), model)
    for text in (TRAIN[0], TRAIN[-1], "nothing known", ""):
        (found,) = textforge.explain(trained, [text])
        assert found.method == "integrated gradients"
        span = np.abs(found.contributions.sum(axis=0) + found.rest).max()
        assert found.gap <= 0.05 * span + 1e-3
        expected = trained.predict_proba([text])[0][[LABELS.index(label) for label in found.labels]]
        np.testing.assert_allclose(probabilities(found, trained), expected, atol=0.05)


def test_fasttext_explains_itself_exactly() -> None:
    trained = classifier(fitted("tokens"), {"use": "fasttext", "dim": 4, "ngrams": 3, "buckets": 50})
    for text in (*TRAIN, *HOSTILE):
        (found,) = textforge.explain(trained, [text])
        assert (found.method, found.gap < 1e-5) == ("exact", True)


class Lengths:
    """Dense features, which have no place in a text."""

    def fit(self, texts: Any) -> Any:
        return self

    def transform(self, texts: Any) -> Any:
        return np.array([[text.count("moon"), text.count("bat")] for text in texts], dtype=np.float32).reshape(-1, 2)


def test_what_cannot_be_placed_is_explained_by_deletion() -> None:
    module = nn.Linear(2, 3, bias=False)
    module.weight.data = torch.tensor([[0.0, 3.0], [0.0, 0.0], [3.0, 0.0]])
    trained = Classifier(Lengths(), module, LABELS)
    (found,) = textforge.explain(trained, ["moon and bat, moon"], labels=["space"])
    assert found.method == "deletion"
    assert found.features == ()
    values = dict(found.marks("space"))
    assert values["moon"] == pytest.approx(2)
    assert values["bat"] == pytest.approx(-1)
    assert (values["and"], values[" "]) == (0, 0)
    assert found.gap == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize("text", HOSTILE)
def test_deletion_takes_any_text(text: str) -> None:
    trained = Classifier(Lengths(), nn.Linear(2, 3), LABELS)
    (found,) = textforge.explain(trained, [text])
    assert "".join(piece for piece, _ in found.marks()) == text


def test_a_long_text_is_deleted_in_few_runs_of_words(monkeypatch: pytest.MonkeyPatch) -> None:
    from textforge.insight.explanations import deletion

    monkeypatch.setattr(deletion, "MOST", 4)
    trained = Classifier(Lengths(), nn.Linear(2, 3), LABELS)
    (found,) = textforge.explain(trained, ["a b c d e f g h moon j"])
    assert len(found.words) == 10
    np.testing.assert_allclose(found.contributions[6], found.contributions[8])
    assert np.abs(found.contributions[8]).max() > 0


class Own(FeatureLinear):
    """A model with its own idea of an explanation."""

    answer: Any = None
    added = 0.0

    def forward(self, batch: Any) -> Any:
        return super().forward(batch) * 1

    def explain(self, batch: Any) -> Any:
        return self.weight[batch.indices.long()] + self.added, self.bias if self.answer is None else self.answer


def test_a_plugins_model_brings_its_own_explanation_and_is_held_to_its_shape() -> None:
    vectorizer = fitted("bow")
    trained = Classifier(vectorizer, Own(vectorizer.n_features, 3), LABELS, decision=Decision(multi_label=True))
    module: Any = trained.module
    (found,) = textforge.explain(trained, ["moon bat"])
    assert (found.method, found.gap) == ("exact", pytest.approx(0, abs=1e-5))
    module.added = 1
    with pytest.raises(ComponentError, match="contributions and biases of its explain do not add up to its outputs"):
        textforge.explain(trained, ["moon bat"])
    module.answer = torch.zeros(2)
    with pytest.raises(ComponentError, match=r"explain must return a tensor of shape \(2, 3\)"):
        textforge.explain(trained, ["moon bat"])


class Squared(FeatureLinear):
    """A layer that is no longer linear, and does not say how it is explained."""

    def forward(self, batch: Any) -> Any:
        return super().forward(batch) ** 2


def test_a_layer_with_another_output_does_not_explain_itself_as_if_it_were_linear() -> None:
    vectorizer = fitted("bow")
    trained = Classifier(vectorizer, Squared(vectorizer.n_features, 3), LABELS)
    (found,) = textforge.explain(trained, ["moon bat"])
    assert (found.method, found.gap < 1e-3) == ("integrated gradients", True)


def test_a_class_without_training_texts_is_never_the_answer() -> None:
    vectorizer = fitted("tfidf")
    part, _ = PARTS.resolve("model", "logistic-regression", ())
    assert part is not None
    module = part.build({"n_features": vectorizer.n_features, "n_classes": 4, "seed": 0, "multi_label": False})
    module.fit(vectorizer.transform(TRAIN), np.array([2, 2, 0, 0, 1, 1, 1]))
    trained = Classifier(vectorizer, module, (*LABELS, "other"))
    (found,) = textforge.explain(trained, ["a moon probe"])
    assert (found.method, found.labels[-1], found.probabilities[-1]) == ("exact", "other", 0)
    assert found.gap < 1e-4
    expected = trained.predict_proba(["a moon probe"])[0][[trained.labels.index(label) for label in found.labels]]
    np.testing.assert_allclose(probabilities(found, trained), expected, atol=1e-5)


def test_spans_that_break_the_contract_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    vectorizer = fitted("bow")
    trained = classifier(vectorizer, "linear")
    for spans, says in (
        (lambda text: 7, "spans returned a int"),
        (lambda text: ([0], [5], [99]), "do not fit the text"),
    ):
        vectorizer.spans = spans
        with pytest.raises(ComponentError, match=says):
            textforge.explain(trained, ["moon"])


def test_opposite_signs_that_cancel_out_share_nothing() -> None:
    from textforge.insight.explanations.occurrences import occurrences

    class Cancelling:
        def spans(self, text: str) -> Any:
            return [4, 4, 7], [0, 1, 2], [1, 2, 3], [1.0, -1.0, 1.0]

    found = occurrences(Cancelling(), "x", "abc", np.array([7, 4]))
    assert found is not None
    assert found.entries.tolist() == [1, 1, 0]
    assert found.shares.tolist() == [0.5, 0.5, 1.0]


def test_a_quick_sample_weighs_the_words_of_a_class_much_as_more_points_do() -> None:
    made = classifier(fitted({"use": "bow"}), {"use": "mlp", "hidden": [16, 16]})
    quick, method, n = contributions(made, TRAIN, LABELS, quick=True)
    careful, _, _ = contributions(made, TRAIN, LABELS)
    assert (method, n) == ("integrated gradients", len(TRAIN))
    for label in LABELS:
        words_of_class = [*careful[label]]
        means = [[float(np.mean(found[label][word])) for word in words_of_class] for found in (quick, careful)]
        assert np.corrcoef(means)[0, 1] > 0.95


def test_equal_words_of_a_text_are_one_contribution_whatever_their_case() -> None:
    made = classifier(fitted({"use": "bow"}), {"use": "linear"})
    found, _, _ = contributions(made, ["Moon moon MOON bat"], ["space"])
    weight = made.module.weight.detach()[made.vectorizer.transform(["moon"]).indices[0]]
    assert found["space"]["moon"] == [pytest.approx(3 * float(weight[2] - weight.mean()), abs=1e-5)]


def test_many_classes_are_explained_by_the_most_probable_unless_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = classifier(fitted("bow"), "linear")
    monkeypatch.setattr(texts_module, "MOST_CLASSES", 2)
    monkeypatch.setattr(texts_module, "PROBABLE", 1)
    (found,) = textforge.explain(trained, ["moon"])
    assert found.labels == tuple(trained.predict(["moon"]))
    (chosen,) = textforge.explain(trained, ["moon"], labels=["ball", "space"])
    assert {*chosen.labels} == {"ball", "space"}


@pytest.mark.parametrize(("vectorizer", "model"), [("bow", "linear"), *NETWORKS[:3]], ids=lambda one: str(one)[:20])
def test_a_class_has_the_same_explanation_alone_and_beside_others(vectorizer: Any, model: Any) -> None:
    trained = classifier(fitted(vectorizer), model)
    (every,) = textforge.explain(trained, [TRAIN[0]])
    (alone,) = textforge.explain(trained, [TRAIN[0]], labels=["paint"])
    column = every.column("paint")
    np.testing.assert_allclose(alone.contributions[:, 0], every.contributions[:, column], atol=0.02)
    assert alone.bias[0] == pytest.approx(every.bias[column])


def test_mistakes_in_the_arguments_are_reported() -> None:
    trained = classifier(fitted("bow"), "linear")
    with pytest.raises(RecipeError, match=r"no label 'spaec' in this classifier\. Did you mean 'space'"):
        textforge.explain(trained, ["moon"], labels=["spaec"])
    with pytest.raises(DataError):
        textforge.explain(trained, [3])  # type: ignore[list-item]
    (found,) = textforge.explain(trained, ["moon"], labels=["ball"])
    with pytest.raises(RecipeError, match="label 'space' is not explained here"):
        found.marks("space")


def test_the_models_own_state_is_left_alone() -> None:
    trained = classifier(fitted("tokens"), {"use": "textcnn", "dim": 6, "channels": 4})
    before = {name: value.clone() for name, value in trained.module.state_dict().items()}
    state = torch.get_rng_state()
    textforge.explain(trained, TRAIN)
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(value, trained.module.state_dict()[name]) for name, value in before.items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in trained.module.parameters())
    assert not any(layer._forward_hooks for layer in trained.module.modules())


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in words(text).tolist()]


def test_words_are_cut_in_every_script() -> None:
    assert cut("It's 3D, e\u0301te\u0301!") == ["It", "'", "s", "3D", ",", "e\u0301te\u0301", "!"]
    assert cut("你好 👨\u200d👩\u200d👧 👍🏽ok नमस्ते") == ["你", "好", "👨\u200d👩\u200d👧", "👍🏽", "ok", "नमस्ते"]
    assert cut(" \n") == []


def test_words_that_no_feature_parts_stay_together() -> None:
    text = "me@home.org, said"
    pieces = distinct_words(text, np.array([0, 13]), np.array([12, 17]))
    assert [text[start:end] for start, end in pieces.tolist()] == ["me@home.org,", "said"]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_words_cover_everything_but_white_space_without_overlap(text: str) -> None:
    pieces = words(text)
    assert (pieces[:, 0] < pieces[:, 1]).all()
    assert (pieces[1:, 0] >= pieces[:-1, 1]).all()
    covered = {at for start, end in pieces.tolist() for at in range(start, end)}
    assert {at for at, character in enumerate(text) if not character.isspace()} <= covered
