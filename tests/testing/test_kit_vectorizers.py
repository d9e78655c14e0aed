"""The contract kit: what vectorizers are held to."""

import kit_broken_vectorizers as broken
import pytest
from kit_examples import Broken, failures, holds


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
    vectorizer("leaves-the-texts-alone", broken.Lowering, "its fit changed the list", "texts = list(texts)"),
    vectorizer("leaves-the-texts-alone", broken.Relabelling, "its fit changed the targets", "targets.copy()"),
    vectorizer("takes-several-labels-if-it-takes-targets", broken.SingleTargets, "several labels", "0 and 1"),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_broken_vectorizer_fails_its_check_alone_with_what_to_do(example):
    holds(example)


@pytest.mark.parametrize(
    "component", [broken.Words, broken.Good, broken.Placing, broken.Dense, broken.Streaming, broken.Supervised]
)
def test_a_good_vectorizer_passes(component):
    assert not failures("vectorizer", component)
