"""Vectorizer `transformer-tokens`: a checkpoint's own tokens, cut as configured with a warning; bundles."""

import json
import pickle

import numpy as np
import pytest
import transformers_tiny as tiny
from hypothesis import HealthCheck, given, settings, strategies as st

from textforge_transformers import tokenizing
from textforge_transformers.transformer_tokens import SPECIAL, TransformerTokens

TEXTS = [*tiny.make_texts(8)[0], "", "  spaces   and\ttabs\n", "Ünïcödé 東京 🚀", "IT'S 42!"]
KINDS = ("bert", "roberta", "deberta-v2")  # WordPiece, byte-level BPE, Unigram


def rows(features) -> list[list[int]]:
    """The rows with the tokenizer's own ids."""
    pairs = zip(features.offsets[:-1], features.offsets[1:], strict=True)
    return [[int(n) - SPECIAL for n in features.indices[start:stop]] for start, stop in pairs]


@pytest.mark.parametrize("architecture", KINDS)
@pytest.mark.parametrize("max_length", [5, 12, None])
def test_tokens_are_those_of_transformers_own_tokenizer(architecture, max_length):
    folder = tiny.checkpoint(architecture)
    plain = tiny.plain_tokenizer(folder)
    found = TransformerTokens(folder=folder, max_length=max_length).fit(TEXTS).transform(TEXTS)
    most = max_length or tiny.config_of(folder)["max_position_embeddings"] - 2 * (architecture == "roberta")
    assert rows(found) == plain(TEXTS, truncation=True, max_length=most)["input_ids"]


def test_fit_transform_gives_what_fit_and_transform_give():
    folder = tiny.checkpoint()
    at_once = TransformerTokens(folder=folder).fit_transform(TEXTS)
    assert rows(at_once) == rows(TransformerTokens(folder=folder).fit(TEXTS[:1]).transform(TEXTS))


@pytest.mark.parametrize("keep", ["head", "tail", "both"])
def test_longer_texts_keep_the_asked_part_between_their_special_tokens(keep):
    folder = tiny.checkpoint()
    [whole] = tiny.plain_tokenizer(folder)(["the moon of a shuttle in orbit and a mission to it"])["input_ids"]
    vectorizer = TransformerTokens(folder=folder, max_length=7, keep=keep)
    [found] = rows(vectorizer.fit_transform(["the moon of a shuttle in orbit and a mission to it"]))
    inside = whole[1:-1]
    kept = {"head": inside[:5], "tail": inside[-5:], "both": inside[:3] + inside[-2:]}[keep]
    assert len(inside) > 7
    assert found == [whole[0], *kept, whole[-1]]


def test_texts_that_are_cut_are_counted_in_the_warning():
    texts = ["moon", "the moon and the bat", "the moon and the bat and the moon"]
    vectorizer = TransformerTokens(folder=tiny.checkpoint(), max_length=6).fit(texts)
    lengths = [len(row) for row in tiny.plain_tokenizer(tiny.checkpoint())(texts)["input_ids"]]
    over = [length for length in lengths if length > 6]
    share = (sum(over) - 6 * len(over)) / sum(lengths)
    assert vectorizer.warnings == [
        f"max_length 6 cut {len(over)} of 3 training texts; {share:.0%} of all tokens are not read. "
        f"The longest text has {max(lengths)} tokens."
    ]
    assert vectorizer.fit(["moon"]).warnings == []


@pytest.mark.parametrize("architecture", KINDS)
def test_padding_and_the_unknown_word_of_textforge_never_occur(architecture):
    vectorizer = TransformerTokens(folder=tiny.checkpoint(architecture))
    texts = [*TEXTS, "[PAD] [UNK] <pad> <unk> <s> [CLS]"]
    features = vectorizer.fit_transform(texts)
    assert features.indices.min() >= SPECIAL
    assert features.indices.max() < vectorizer.vocab_size == features.n_features


def test_special_tokens_in_a_text_are_text():
    vectorizer = TransformerTokens(folder=tiny.checkpoint()).fit(["moon"])
    [found] = rows(vectorizer.transform(["moon [SEP] bat"]))
    special = tiny.plain_tokenizer(tiny.checkpoint()).convert_tokens_to_ids("[SEP]")
    assert found.count(special) == 1
    assert found[-1] == special


def test_lone_surrogates_are_read_as_the_replacement_character():
    vectorizer = TransformerTokens(folder=tiny.checkpoint("roberta")).fit(["moon"])
    assert rows(vectorizer.transform(["a\ud83d moon"])) == rows(vectorizer.transform(["a\ufffd moon"]))


def test_state_is_json_and_gives_the_same_tokens_without_the_folder():
    vectorizer = TransformerTokens(folder=tiny.checkpoint("roberta"), max_length=9).fit(TEXTS)
    assert vectorizer.encoder_weights is not None
    again = TransformerTokens(folder="/nowhere", max_length=9).from_state(json.loads(json.dumps(vectorizer.state())))
    assert rows(again.transform(TEXTS)) == rows(vectorizer.transform(TEXTS))
    assert (again.vocab_size, again.encoder_config) == (vectorizer.vocab_size, vectorizer.encoder_config)
    assert again.encoder_weights is None


def test_a_pickled_vectorizer_still_takes_special_tokens_for_text_and_has_no_weights():
    vectorizer = TransformerTokens(folder=tiny.checkpoint()).fit(TEXTS)
    again = pickle.loads(pickle.dumps(vectorizer))
    texts = ["moon [SEP] bat", *TEXTS]
    assert rows(again.transform(texts)) == rows(vectorizer.transform(texts))
    assert again.encoder_weights is None


words = st.text(alphabet="abé 東🚀.\n\t'x", max_size=40)


@pytest.mark.parametrize("kind", ["wordpiece", "bytes", "unigram"])
def test_long_texts_are_read_in_pieces_to_the_same_tokens(kind, monkeypatch):
    tokenizer = tiny.make_tokenizer(kind)
    whole = tokenizing.Tokenizing(tokenizer.to_str())

    @settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
    @given(st.lists(words, max_size=4))
    def same(texts):
        expected = [row.tolist() for row in whole.rows(texts, None)[0]]
        with monkeypatch.context() as small:
            small.setattr(tokenizing, "PIECE", 3)
            small.setattr(tokenizing, "AT_ONCE", 10)
            assert [row.tolist() for row in whole.rows(texts, None)[0]] == expected
        assert expected == [tokenizer.encode(text).ids for text in texts]

    same()


def test_a_text_of_millions_of_characters_is_cut_to_its_first_tokens():
    vectorizer = TransformerTokens(folder=tiny.checkpoint(), max_length=16).fit(["moon"])
    huge = "the moon and the bat " * 100_000
    features = vectorizer.transform([huge, "moon"])
    assert rows(features)[0] == rows(vectorizer.transform([huge[:1000]]))[0]
    assert np.diff(features.offsets).tolist()[0] == 16


def test_other_models_of_sequences_read_the_tokens_too():
    import textforge

    texts, labels = tiny.make_texts(60)
    parts = textforge.PluginManager()
    trainer = textforge.Trainer(
        textforge.Dataset(train=(texts, labels)),
        TransformerTokens(folder=tiny.checkpoint("roberta")),
        parts.part("model", "fasttext", dim=16),
        parts.part("optimizer", "adam", lr=0.05),
        epochs=8,
        batch_size=8,
    )
    assert trainer.fit().evaluate(texts, labels)["accuracy"] > 0.9
