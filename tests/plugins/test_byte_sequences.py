"""Vectorizer `bytes` against Python's own bytes."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

import textforge
from textforge_standard.vectorizers.byte_sequences import Bytes

ANY = st.text(max_size=30)  # lone surrogates too


def rows(features):
    return [
        features.indices[start:end].tolist() for start, end in zip(features.offsets, features.offsets[1:], strict=False)
    ]


def encoded(text):
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text).encode()


@given(
    texts=st.lists(ANY, max_size=5), most=st.integers(1, 12) | st.none(), keep=st.sampled_from(["head", "tail", "both"])
)
def test_ids_are_bytes_in_order(texts, most, keep):
    features = Bytes(max_length=most, keep=keep).fit_transform(texts)
    assert features.n_features == 258
    assert features.weights is None
    for text, row in zip(texts, rows(features), strict=True):
        whole = list(encoded(text))
        if most is not None and len(whole) > most:
            half = most // 2
            ends = whole[: most - half] + whole[len(whole) - half :]
            whole = {"head": whole[:most], "tail": whole[-most:], "both": ends}[keep]
        assert [number - 2 for number in row] == whole


def test_fit_says_how_many_texts_are_cut():
    vectorizer = Bytes(max_length=4).fit(["four", "é" * 5, "longer"])
    assert vectorizer.warnings == [
        "max_length 4 cut 2 of 3 training texts; 40% of all bytes are not read. The longest text has 10 bytes."
    ]
    assert vectorizer.fit(["four"]).warnings == []
    assert Bytes(max_length=None).fit(["x" * 10_000]).warnings == []


def test_a_text_of_a_megabyte_is_read():
    features = Bytes(max_length=None).fit_transform(["x" * 1_000_000, ""])
    assert features.offsets.tolist() == [0, 1_000_000, 1_000_000]
    assert set(features.indices.tolist()) == {ord("x") + 2}


def test_no_texts_give_no_rows():
    assert len(Bytes().transform([])) == 0


def test_it_comes_back_from_its_options_alone():
    part = textforge.PluginManager().part("vectorizer", "bytes", max_length=3, keep="tail")
    vectorizer = part.build({}).fit(["abcdef"])
    again = part.build({}).from_state(vectorizer.state())
    assert np.array_equal(again.transform(["wxyz"]).indices, np.frombuffer(b"xyz", np.uint8) + 2)
    assert (again.vocab_size, again.vectors) == (258, None)
    assert part.component.gives == ("vocab_size", "vectors")


def test_a_length_of_nothing_is_refused():
    with pytest.raises(textforge.RecipeError, match="max_length"):
        textforge.PluginManager().part("vectorizer", "bytes", max_length=0)
