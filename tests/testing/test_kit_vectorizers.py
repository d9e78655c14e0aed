"""The contract kit: what vectorizers are held to."""

import kit_broken_vectorizers as broken
import numpy as np
import pytest
from kit_examples import Broken, failures, holds

from textforge import Ragged
from textforge.data import values_of


def vectorizer(rule, component, *says):
    return Broken("vectorizer", rule, component, says)


EXAMPLES = [
    vectorizer("gives-the-facts-that-it-promises", broken.Promising, "no attribute 'embeddings'"),
    vectorizer("gives-the-facts-that-it-promises", broken.Padded, "id 0 occurs", "begin with 2"),
    vectorizer("gives-the-facts-that-it-promises", broken.Miscounted, "its vocab_size is 3", "counts all ids"),
    vectorizer("other-texts-have-as-many-features", broken.Growing, "have 9 features, others 4", "only in fit"),
    vectorizer("fitting-again-starts-anew", broken.Remembering, "state, features differ", "Reset everything learned"),
    vectorizer("fit-transform-is-fit-then-transform", broken.OtherAtOnce, "other features", "must be equal"),
    vectorizer("fitting-in-chunks-is-fitting-at-once", broken.OnlyTheLast, "other features, state", "Add up"),
    vectorizer("merging-counts-is-fitting-on-all", broken.OnlyTheFirst, "other features, state", "choose in merge"),
    vectorizer("merging-counts-is-fitting-on-all", broken.Unmerged, "count_chunks, but no merge", "choose in merge"),
    vectorizer("its-state-is-json-and-arrays", broken.SetState, "frozenset is not JSON", "Return a dict of text"),
    vectorizer("its-state-is-json-and-arrays", broken.TextArray, "has the type <U", "arrays of numbers"),
    vectorizer("its-state-restores-it", broken.Forgetful, "its features differ", "restore it in from_state"),
    vectorizer("its-state-restores-it", broken.NoSelf, "from_state returned None", "'return self'"),
    vectorizer(
        "a-batch-equals-its-singles", broken.Relative, "beside other texts", "transform each text independently"
    ),
    vectorizer(
        "takes-empty-texts", broken.Impatient, "IndexError", "over empty and blank", "Give an empty text no words"
    ),
    vectorizer("takes-unicode-texts", broken.Ascii, "UnicodeEncodeError", "text.encode('utf-8', 'replace')"),
    vectorizer("takes-huge-texts", broken.Short, "OverflowError (too long)", "Truncate long texts"),
    vectorizer("no-texts-have-no-rows", broken.AtLeastOne, "over no texts at all", "shape (0, n_features)"),
    vectorizer("says-where-its-features-stand", broken.Misplacing, "places outside the text", "start <= end"),
    vectorizer(
        "says-where-its-features-stand", broken.Omitting, "gives other features than transform", "Return arrays"
    ),
    vectorizer("names-the-features-of-columns", broken.Misnaming, "other features than transform", "Return a dict"),
    vectorizer("leaves-the-texts-alone", broken.Lowering, "its fit changed the list", "texts = list(texts)"),
    vectorizer("leaves-the-texts-alone", broken.Relabelling, "its fit changed the targets", "targets.copy()"),
    vectorizer("takes-several-labels-if-it-takes-targets", broken.SingleTargets, "several labels", "0 and 1"),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_broken_vectorizer_fails_its_check_alone_with_what_to_do(example):
    holds(example)


class Mapped:
    """One feature for each country: what a plugin needs in order to read a column.

    Options:
        column: name of the column.
    """

    reads_columns = "category"

    def __init__(self, /, *, column: str = "country"):
        self.column, self.known = column, []

    def fit(self, texts):
        self.known = sorted({value for value in values_of(texts, self.column) if value is not None})
        return self

    def transform(self, texts):
        rows = [[self.known.index(value)] if value in self.known else [] for value in values_of(texts, self.column)]
        offsets = np.cumsum([0, *map(len, rows)])
        return Ragged(np.array([n for row in rows for n in row], dtype=np.int32), offsets, len(self.known))

    def column_features(self, text):
        ((value,), found) = values_of([text], self.column), self.transform([text]).indices.tolist()
        return dict.fromkeys(found, f"{self.column}={value}")

    def state(self):
        return {"known": self.known}

    def from_state(self, state):
        self.known = state["known"]
        return self


def test_the_kit_gives_columns_to_a_vectorizer_that_reads_some():
    assert not failures("vectorizer", Mapped)
    assert not failures("vectorizer", Mapped, options={"column": "currency"})


def test_the_kit_gives_columns_to_a_vectorizer_of_texts_that_reads_one():
    assert not failures("vectorizer", broken.Placing, options={"column": "title"})


@pytest.mark.parametrize(
    "component", [broken.Words, broken.Good, broken.Placing, broken.Dense, broken.Streaming, broken.Supervised]
)
def test_a_good_vectorizer_passes(component):
    assert not failures("vectorizer", component)
