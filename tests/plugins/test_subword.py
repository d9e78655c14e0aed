"""Vectorizer `subword`: merges learnt from the texts, ids that spell every text."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import textforge
from textforge_standard.vectorizers.subword import Subword

pytest.importorskip("tokenizers")

TEXTS = ["low lower lowest", "new newer newest", "wide wider widest", "", "Low\ud800 NEW wide 🚀 é"] * 3
ANY = st.text(max_size=30) | st.text("low newid[PAD] \n", max_size=30)


def rows(features):
    return [
        features.indices[start:end].tolist() for start, end in zip(features.offsets, features.offsets[1:], strict=False)
    ]


def bytes_of_ids(vectorizer):
    """What each id stands for, read from the tokenizer's JSON alone."""
    # the printable stand-ins of bytes (Radford et al. 2019)
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    stands_for = {chr(byte): byte for byte in shown}
    stands_for |= {chr(256 + n): byte for n, byte in enumerate(b for b in range(256) if b not in shown)}
    model = json.loads(vectorizer.state()["tokenizer"])["model"]
    return {n: bytes(stands_for[c] for c in token) for token, n in model["vocab"].items() if n > 1}


@pytest.fixture(scope="module")
def fitted():
    return Subword(vocab_size=280, max_length=None).fit(TEXTS)


def test_frequent_words_are_fewer_ids_than_bytes(fitted):
    assert 258 < fitted.vocab_size <= 280
    assert fitted.vectors is None
    assert len(fitted.transform(["low lower lowest"]).indices) < len("low lower lowest") / 1.5


@settings(max_examples=100)
@given(text=ANY, lowercase=st.booleans())
def test_ids_spell_the_text(text, lowercase, fitted):
    vectorizer = Subword(lowercase=lowercase, max_length=None).from_state(fitted.state())
    spelt = bytes_of_ids(fitted)
    (row,) = rows(vectorizer.transform([text]))
    expected = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    assert b"".join(spelt[number] for number in row) == (expected.lower() if lowercase else expected).encode()


@settings(max_examples=50)
@given(text=ANY, most=st.integers(1, 9), keep=st.sampled_from(["head", "tail", "both"]))
def test_long_texts_are_cut(text, most, keep, fitted):
    (whole,) = rows(fitted.transform([text]))
    (row,) = rows(Subword(max_length=most, keep=keep).from_state(fitted.state()).transform([text]))
    half = most // 2
    parts = {"head": whole[:most], "tail": whole[-most:], "both": whole[: most - half] + whole[len(whole) - half :]}
    assert row == (whole if len(whole) <= most else parts[keep])


def test_fit_says_how_many_texts_are_cut():
    vectorizer = Subword(max_length=3, min_frequency=100).fit(["abcd", "abc", "abcdef"])
    assert vectorizer.warnings == [
        "max_length 3 cut 2 of 3 training texts; 31% of all subwords are not read. The longest text has 6 subwords."
    ]
    assert vectorizer.fit(["abc"]).warnings == []


def test_learning_twice_gives_the_same(fitted):
    assert Subword(vocab_size=280, max_length=None).fit(TEXTS).state() == fitted.state()


def test_the_state_is_json_and_makes_the_same_vectorizer(fitted):
    state = json.loads(json.dumps(fitted.state()))
    again = Subword(vocab_size=280, max_length=None).from_state(state)
    assert again.state() == fitted.state()
    assert (again.vocab_size, again.vectors) == (fitted.vocab_size, None)
    assert rows(again.transform(TEXTS)) == rows(fitted.transform(TEXTS))


def test_fit_then_transform_equals_fit_transform():
    vectorizer = Subword(vocab_size=300)
    at_once = vectorizer.fit_transform(TEXTS)
    assert rows(at_once) == rows(vectorizer.transform(TEXTS))
    assert at_once.n_features == vectorizer.vocab_size


@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_texts_without_a_character_teach_nothing(texts):
    vectorizer = Subword().fit(texts)
    assert vectorizer.vocab_size == 258
    assert rows(vectorizer.transform(["", "a"])) == [[], rows(vectorizer.transform(["a"]))[0]]
    assert len(vectorizer.transform([])) == 0


def test_a_text_of_a_megabyte_is_read(fitted):
    features = fitted.transform(["low " * 250_000, np.str_("new")])
    assert len(features) == 2
    assert features.offsets[1] > 100_000


def test_processes_may_fork_and_the_environment_stays():
    program = """
import os
from textforge_standard.vectorizers.subword import Subword
before = dict(os.environ)
vectorizer = Subword().fit(["low lower lowest"] * 600)
child = os.fork()
if child == 0:
    vectorizer.transform(["low"] * 600)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert dict(os.environ) == before
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, timeout=60, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(textforge.RecipeError, match=r"pip install 'textforge\[subword\]'"):
        Subword()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    told = Subword.check_options(vocab_size=300)
    assert told == "needs the package 'tokenizers'. Install it: pip install 'textforge[subword]'"


def test_a_vocabulary_smaller_than_the_bytes_is_refused():
    with pytest.raises(textforge.RecipeError, match="vocab_size"):
        textforge.PluginManager().part("vectorizer", "subword", vocab_size=100)
    assert os.environ.get("TOKENIZERS_PARALLELISM") is None
