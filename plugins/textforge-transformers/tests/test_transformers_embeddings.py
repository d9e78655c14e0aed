"""Vectorizer `sentence-embeddings`: vectors match a plain implementation; bundles load with and without weights."""

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import textforge
import torch
import transformers_tiny as tiny
from torch.nn.functional import normalize

from textforge_transformers import encoders
from textforge_transformers.sentence_embeddings import SentenceEmbeddings

TEXTS = [*tiny.make_texts(6)[0], "", "moon", "the moon " * 30]


@pytest.fixture(autouse=True)
def _one_thread():
    with tiny.one_thread():
        yield


def plain(folder: Path, texts: list[str], pooling: str, max_length: int) -> np.ndarray:
    """Vectors computed one text at a time by transformers, as the encoder's authors describe."""
    states = [tiny.plain_states(folder, text, max_length) for text in texts]
    return torch.stack([one.mean(dim=0) if pooling == "mean" else one[0] for one in states]).numpy()


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_vectors_are_those_of_each_text_alone_by_transformers(architecture, pooling):
    folder = tiny.checkpoint(architecture)
    found = SentenceEmbeddings(folder=folder, pooling=pooling, normalise=False, max_length=24).fit(TEXTS)
    vectors = found.transform(TEXTS)
    assert (vectors.dtype, vectors.shape) == (np.float32, (len(TEXTS), tiny.WIDTH))
    np.testing.assert_allclose(vectors, plain(folder, TEXTS, pooling, 24), atol=1e-5)


def test_normalised_vectors_have_length_one_and_the_same_direction():
    folder = tiny.checkpoint()
    vectors = SentenceEmbeddings(folder=folder, max_length=24).fit(TEXTS).transform(TEXTS)
    expected = normalize(torch.from_numpy(plain(folder, TEXTS, "mean", 24)))
    np.testing.assert_allclose(vectors, expected.numpy(), atol=1e-5)


def test_a_prefix_is_put_before_each_text():
    with_prefix = SentenceEmbeddings(folder=tiny.checkpoint(), prefix="query: ").fit(TEXTS)
    without = SentenceEmbeddings(folder=tiny.checkpoint()).fit(TEXTS)
    np.testing.assert_array_equal(with_prefix.transform(TEXTS), without.transform([f"query: {text}" for text in TEXTS]))


def test_neither_company_nor_order_of_texts_matters(monkeypatch):
    found = SentenceEmbeddings(folder=tiny.checkpoint("roberta")).fit(TEXTS)
    together = found.transform(TEXTS)
    np.testing.assert_allclose(np.concatenate([found.transform([text]) for text in TEXTS]), together, atol=1e-6)
    np.testing.assert_allclose(found.transform(TEXTS[::-1])[::-1], together, atol=1e-6)
    monkeypatch.setattr(encoders, "TOKENS_AT_ONCE", 1)
    np.testing.assert_allclose(found.transform(TEXTS), together, atol=1e-6)
    np.testing.assert_array_equal(found.fit_transform(TEXTS), found.transform(TEXTS))


def test_batches_are_bounded_and_of_like_length(monkeypatch):
    lengths = np.array([5, 100, 7, 3, 90, 6, 250, 4])
    monkeypatch.setattr(encoders, "TOKENS_AT_ONCE", 200)
    batches = [lengths[places].tolist() for places in encoders.in_batches(lengths)]
    assert batches == [[3, 4, 5, 6, 7], [90, 100], [250]]
    assert list(encoders.in_batches(np.zeros(0, dtype=int))) == []


def test_no_texts_give_no_vectors():
    assert SentenceEmbeddings(folder=tiny.checkpoint()).fit(TEXTS).transform([]).shape == (0, tiny.WIDTH)


def test_texts_that_are_cut_are_reported():
    told = SentenceEmbeddings(folder=tiny.checkpoint(), max_length=24).fit(TEXTS).warnings
    assert len(told) == 1
    assert told[0].startswith(f"max_length 24 cut 1 of {len(TEXTS)} training texts; ")


def test_nothing_is_printed_and_nothing_global_is_changed(capfd, caplog):
    import logging
    import random

    from huggingface_hub.utils import are_progress_bars_disabled
    from transformers.utils import logging as library

    def everything():
        return (
            torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist(),
            torch.get_num_threads(), torch.is_grad_enabled(), are_progress_bars_disabled(),
            library.is_progress_bar_enabled(), library.get_verbosity(), logging.getLogger("huggingface_hub").level,
            logging.root.handlers[:], logging.root.level,
        )  # fmt: skip

    before = everything()
    found = SentenceEmbeddings(folder=tiny.checkpoint()).fit(TEXTS)
    found.transform(TEXTS)
    SentenceEmbeddings(folder="/nowhere").from_state(found.state()).transform(TEXTS)
    assert everything() == before
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


def trained(folder: Path, **options) -> textforge.Classifier:
    texts, labels = tiny.make_texts(80)
    found = tiny.parts()
    return textforge.Trainer(
        textforge.Dataset(train=(texts, labels)),
        found.part("vectorizer", "sentence-embeddings", folder=str(folder), **options),
        found.part("model", "linear"),
        found.part("optimizer", "adam", lr=0.1),
        epochs=10,
        batch_size=16,
    ).fit()


LOAD = """
import json, sys, textforge
found = textforge.PluginManager()
if "sentence-embeddings" not in found.names("vectorizer"):
    import textforge_transformers
    found.register(textforge_transformers)
classifier = textforge.load(sys.argv[1], plugins=found)
print(json.dumps(classifier.predict_proba(json.loads(sys.argv[2])).tolist()))
"""


def test_a_bundle_carries_the_weights_and_needs_no_checkpoint(tmp_path):
    folder = Path(shutil.copytree(tiny.checkpoint(), tmp_path / "checkpoint"))
    classifier = trained(folder)
    textforge.save(classifier, tmp_path / "bundle")
    shutil.rmtree(folder)
    command = [sys.executable, "-c", LOAD, str(tmp_path / "bundle"), json.dumps(TEXTS)]
    done = subprocess.run(command, env=tiny.environment(), capture_output=True, text=True)
    assert done.stderr == ""
    np.testing.assert_allclose(json.loads(done.stdout), classifier.predict_proba(TEXTS), atol=1e-6)


def test_a_bundle_that_carries_no_weights_is_small_and_reads_the_checkpoint_again(tmp_path):
    folder = Path(shutil.copytree(tiny.checkpoint(), tmp_path / "checkpoint"))
    classifier = trained(folder, carry=False)
    textforge.save(classifier, tmp_path / "bundle")
    assert (tmp_path / "bundle" / "vectorizer.safetensors").stat().st_size < 150  # a seal, no tensors
    again = textforge.load(tmp_path / "bundle", plugins=tiny.parts())
    np.testing.assert_array_equal(again.predict_proba(TEXTS), classifier.predict_proba(TEXTS))
    folder.rename(tmp_path / "moved")
    with pytest.raises(textforge.BundleError, match="the folder does not exist"):
        textforge.load(tmp_path / "bundle", plugins=tiny.parts())


def test_a_bundle_without_weights_is_refused_where_the_checkpoint_is_another(tmp_path):
    folder = Path(shutil.copytree(tiny.checkpoint(), tmp_path / "checkpoint"))
    textforge.save(trained(folder, carry=False), tmp_path / "bundle")
    shutil.rmtree(folder)
    shutil.copytree(tiny.checkpoint("electra"), folder)
    with pytest.raises(textforge.BundleError, match="it predicts differently here"):
        textforge.load(tmp_path / "bundle", plugins=tiny.parts())


def test_a_pickled_classifier_gives_the_same_answers():
    classifier = trained(tiny.checkpoint("roberta"))
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(again.predict_proba(TEXTS), classifier.predict_proba(TEXTS))


# -- a real encoder ---------------------------------------------------------------------------------

SENTENCES = [
    "The rocket was launched into orbit.",
    "A space shuttle left the pad this morning.",
    "He hit a home run in the ninth inning.",
    "The pitcher threw a fastball.",
    "How do I draw a polygon on the screen?",
    "I need to render an image file with shading.",
]


@pytest.fixture(scope="module")
def real() -> SentenceEmbeddings:
    return SentenceEmbeddings(folder=tiny.minilm()).fit(SENTENCES)


def test_sentences_of_one_topic_are_nearest_to_each_other(real):
    vectors = real.transform(SENTENCES)
    likeness = vectors @ vectors.T - 2 * np.eye(len(vectors))
    assert likeness.argmax(axis=1).tolist() == [1, 0, 3, 2, 5, 4]


def test_real_vectors_are_those_of_transformers(real):
    expected = normalize(torch.from_numpy(plain(tiny.minilm(), SENTENCES, "mean", 256))).numpy()
    np.testing.assert_allclose(real.transform(SENTENCES), expected, atol=1e-6)


def test_two_labelled_texts_of_a_class_are_enough_to_tell_others(real):
    texts = ["a satellite around the moon", "the catcher dropped the ball", "texture mapping of triangles"]
    known, wanted = real.transform(SENTENCES), real.transform(texts)
    assert [(wanted @ known.T)[n].argmax() // 2 for n in range(3)] == [0, 1, 2]
