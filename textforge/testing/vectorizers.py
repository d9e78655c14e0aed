"""Contract checks for vectorizers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from textforge.classifiers.vectorizing import fitted_features
from textforge.components.own_methods import own_method
from textforge.data.offered import called_offering, takes
from textforge.errors import listed
from textforge.features.ragged import Ragged
from textforge.testing import probes
from textforge.testing.checks import Skipped, as_contract_error, rule
from textforge.testing.columns import with_columns
from textforge.testing.digests import differing, digests
from textforge.testing.fitted_vectorizers import (
    facts_of,
    fitted,
    fitted_and_transformed,
    kept,
    labelled,
    others,
    same,
    stored,
    targets_of,
    vectors,
    well_shaped,
)
from textforge.testing.subject import Subject, exercise

EMPTY = ("", " ", "\n\t \r\n", "\u00a0\u3000")
UNICODE = (
    "\U0001f680\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea",  # emoji, joined ones, a flag
    "e\u0301a\u0308 o\u0328\u0301\u0323",  # combining marks
    "\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u202eright to left\u202c",
    "a\x00b \x07 \x1b[31m \ufeff \ufffd",  # NUL, control characters, a byte order mark
    "lone surrogates: \ud83d \udc00",
    "\u4f60\u597d\u4e16\u754c \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 \U00020bb7",
    "\u0130\u0131 \u00df\u1e9e \ufb01 \u01c5",  # upper or lower case has another length
)
MEGABYTE = 2**20


@exercise("vectorizer")
def _work(subject: Subject) -> Mapping[str, Any]:
    """Fit on some texts, transform others, and collect the state and the facts."""
    vectorizer, features = fitted(subject)
    return {
        "features": features,
        "features of other texts": vectors(subject, vectorizer, others(subject)),
        "state": dict(vectorizer.state()),
        "facts": {name: getattr(vectorizer, name, None) for name in subject.part.gives},
    }


@rule("vectorizer")
def gives_the_facts_that_it_promises(subject: Subject) -> None:
    """After the fit, each name in its attribute `gives` is an attribute, consistent with its features."""
    vectorizer, features = fitted(subject)
    facts = facts_of(subject, vectorizer)
    if "vocab_size" in facts:
        size = facts["vocab_size"]
        if not isinstance(size, (int, np.integer)) or size != features.n_features:
            raise subject.breaks(
                f"its vocab_size is {size!r}, but its features have {features.n_features} numbers.",
                "vocab_size counts all ids, including padding (0) and unknown (1): it equals the Ragged's n_features.",
            )
        if isinstance(features, Ragged) and np.any(features.indices == 0):
            raise subject.breaks(
                "id 0 occurs in its sequences.",
                "0 is padding, which never occurs in a text; begin with 2 (1: unknown).",
            )


@rule("vectorizer")
def other_texts_have_as_many_features(subject: Subject) -> None:
    """The number of features stays that of the fit, whatever texts are transformed."""
    vectorizer, features = fitted(subject)
    other = vectors(subject, vectorizer, with_columns(subject.part, ["words that nobody has seen before", "zzz"]))
    if other.n_features != features.n_features:
        raise subject.breaks(
            f"the training texts have {features.n_features} features, others {other.n_features}.",
            "Learn features only in fit; in transform, drop new words or treat them as unknown.",
        )


@rule("vectorizer")
def fitting_again_starts_anew(subject: Subject) -> None:
    """Fitted a second time on the same texts, the same object has the same state and features."""
    vectorizer, features = fitted(subject)
    texts = labelled(subject)
    before = digests({"state": dict(vectorizer.state()), "features": features})
    again = fitted_features(vectorizer, texts, subject.label, targets_of(subject))
    if other := differing(before, digests({"state": dict(vectorizer.state()), "features": again})):
        raise subject.breaks(
            f"after a second fit its {listed(other)} differ.", "Reset everything learned at the start of fit."
        )


@rule("vectorizer")
def fit_transform_is_fit_then_transform(subject: Subject) -> None:
    """If it has `fit_transform`, the result equals that of `fit` followed by `transform`."""
    texts, targets = labelled(subject), targets_of(subject)
    both, apart = subject.build(seed=0), subject.build(seed=0)
    if own_method(both, "fit_transform") is None:
        raise Skipped("it has no fit_transform.")
    at_once = fitted_features(both, texts, subject.label, targets)
    called_offering(apart.fit, list(texts), targets=targets)
    later = vectors(subject, apart, texts)
    one = digests({"features": at_once, "state": dict(both.state())})
    if other := differing(one, digests({"features": later, "state": dict(apart.state())})):
        raise subject.breaks(
            f"fit_transform gives other {listed(other)} than fit and then transform.",
            "Models are trained on the former and predict on the latter, so they must be equal.",
        )


@rule("vectorizer")
def fitting_in_chunks_is_fitting_at_once(subject: Subject) -> None:
    """If it has `fit_chunks`, one pass over chunks learns the same as `fit` on all their texts."""
    in_chunks, at_once = subject.build(seed=0), subject.build(seed=0)
    if own_method(in_chunks, "fit_chunks") is None or not subject.part.fits_chunks:
        raise Skipped("it has no fit_chunks, or a vectorizer within it has none.")
    texts = labelled(subject)
    in_chunks.fit_chunks(chunk for chunk in (texts[:5], [], texts[5:-1], texts[-1:]))
    called_offering(at_once.fit, list(texts), targets=targets_of(subject))
    found = [
        digests({"features": vectors(subject, one, others(subject)), "state": dict(one.state())})
        for one in (in_chunks, at_once)
    ]
    if other := differing(*found):
        raise subject.breaks(
            f"fit_chunks gives other {listed(other)} than fit.",
            "Add up the counts of fit over all chunks, and reset them at each call.",
        )


@rule("vectorizer")
def merging_counts_is_fitting_on_all(subject: Subject) -> None:
    """If it has `count_chunks` and `merge`, counts of parts of the texts, merged, are what `fit` learns from all."""
    parts, at_once, texts = subject.build(seed=0), subject.build(seed=0), labelled(subject)
    methods = [own_method(parts, name) for name in ("count_chunks", "merge")]
    if methods[0] is None:
        raise Skipped("it has no count_chunks.")
    advice = "Let count_chunks return counts before anything is chosen, and choose in merge."
    if methods[1] is None:
        raise subject.breaks("it has count_chunks, but no merge.", advice)
    with as_contract_error(subject.label, "when it was fitted in parts", advice):
        shares = [[texts[:5], []], [texts[5:6]], [], [texts[6:]]]
        counts = [stored(subject.build(seed=0).count_chunks(iter(share))) for share in shares]
        parts.merge(counts)
    called_offering(at_once.fit, list(texts), targets=targets_of(subject))
    found = [
        digests({"features": vectors(subject, one, others(subject)), "state": dict(one.state())})
        for one in (parts, at_once)
    ]
    if other := differing(*found):
        raise subject.breaks(f"merge gives other {listed(other)} than fit.", advice)


@rule("vectorizer")
def its_state_is_json_and_arrays(subject: Subject) -> None:
    """`state()` is a dict of JSON values and numeric numpy arrays, which a bundle can store."""
    vectorizer, _ = fitted(subject)
    kept(subject, vectorizer)


@rule("vectorizer", after=("its-state-is-json-and-arrays", "gives-the-facts-that-it-promises"))
def its_state_restores_it(subject: Subject) -> None:
    """`from_state` returns a vectorizer with the same features and facts."""
    vectorizer, _ = fitted(subject)
    fresh = subject.build(seed=0)
    advice = "Put everything that fit learns into state(), restore it in from_state, and 'return self' there."
    with as_contract_error(subject.label, "in from_state", advice):
        restored = fresh.from_state(kept(subject, vectorizer))
    if restored is None:
        raise subject.breaks("from_state returned None.", advice)
    texts = others(subject)
    with as_contract_error(subject.label, "when it was used after from_state", advice):
        mine, theirs = vectors(subject, vectorizer, texts), vectors(subject, restored, texts)
        facts, again = facts_of(subject, vectorizer), facts_of(subject, restored)
    if differing(digests({"features": mine}), digests({"features": theirs})):
        raise subject.breaks("after from_state its features differ.", advice)
    lost = [name for name, value in facts.items()
            if again[name] is not None and differing(digests({name: value}), digests({name: again[name]}))]  # fmt: skip
    if lost:
        raise subject.breaks(f"after from_state these facts differ: {listed(lost)}.", advice)


@rule("vectorizer")
def a_batch_equals_its_singles(subject: Subject) -> None:
    """The features of a text do not depend on the other texts."""
    vectorizer, _ = fitted(subject)
    texts = [*others(subject), ""]
    together = vectors(subject, vectorizer, texts)
    for row, text in enumerate(texts):
        alone = vectors(subject, vectorizer, [text])
        if not same(together.take(np.array([row])), alone):
            raise subject.breaks(
                f"the features of {text!r} differ alone and beside other texts.",
                "Learn only in fit; transform each text independently.",
            )


@rule("vectorizer")
def takes_empty_texts(subject: Subject) -> None:
    """It can be fitted on empty and blank texts, and transforms them."""
    advice = (
        "Give an empty text no words, or a vector of zeros; files have such rows, and every bundle is tested with one."
    )
    fitted_and_transformed(subject, with_columns(subject.part, EMPTY), "over empty and blank texts", advice)
    vectorizer, features = fitted(subject)
    with as_contract_error(subject.label, "over an empty text without columns", advice):
        well_shaped(subject, vectors(subject, vectorizer, [""]), features, advice)


@rule("vectorizer", after=("takes-empty-texts",))
def takes_unicode_texts(subject: Subject) -> None:
    """It accepts emoji, combining marks, right-to-left text, NUL and lone surrogates."""
    advice = "Accept any str; encode with text.encode('utf-8', 'replace')."
    fitted_and_transformed(subject, with_columns(subject.part, UNICODE), "over texts with unusual characters", advice)


@rule("vectorizer")
def takes_huge_texts(subject: Subject) -> None:
    """It transforms a text of 1 MB, as one word or many."""
    vectorizer, features = fitted(subject)
    many = ("orbit pixel bread " * (MEGABYTE // 18))[:MEGABYTE]
    advice = "Truncate long texts, in transform as in fit."
    with as_contract_error(subject.label, "over a text of a megabyte", advice):
        found = vectors(subject, vectorizer, with_columns(subject.part, ["x" * MEGABYTE, many]))
    well_shaped(subject, found, features, advice)


@rule("vectorizer")
def no_texts_have_no_rows(subject: Subject) -> None:
    """`transform([])` returns features with zero rows."""
    vectorizer, features = fitted(subject)
    advice = "Return a Ragged with offsets [0], or an array of shape (0, n_features)."
    with as_contract_error(subject.label, "over no texts at all", advice):
        found = vectors(subject, vectorizer, [])
    well_shaped(subject, found, features, advice)


@rule("vectorizer")
def says_where_its_features_stand(subject: Subject) -> None:
    """If it has `spans`, it returns the place of every feature of a text, within the text, or None."""
    vectorizer, _ = fitted(subject)
    if own_method(vectorizer, "spans") is None:
        raise Skipped("it has no spans.")
    advice = (
        "Return arrays of features, starts and ends, an item for each occurrence, with 0 <= start <= end <= len(text)."
    )
    for text in with_columns(subject.part, (*others(subject), *EMPTY, *UNICODE)):
        with as_contract_error(subject.label, f"in spans of {text!r}", advice):
            spans = vectorizer.spans(text)
            if spans is None:
                raise Skipped("it cannot say where its features stand.")
            found, starts, ends, *weights = map(np.asarray, spans)
            alike = {array.shape for array in (found, starts, ends, *weights)} == {(len(found),)}
            inside = alike and bool(((starts >= 0) & (starts <= ends) & (ends <= len(text))).all())
        if not inside:
            raise subject.breaks(
                f"spans of {text!r} gives places outside the text, or arrays of other lengths.", advice
            )
        features = vectors(subject, vectorizer, [text])
        of_columns = {*vectorizer.column_features(text)} if hasattr(vectorizer, "column_features") else set()
        if not isinstance(features, Ragged) or {*found.tolist()} != {*features.indices.tolist()} - of_columns:
            raise subject.breaks(f"spans of {text!r} gives other features than transform.", advice)


@rule("vectorizer")
def names_the_features_of_columns(subject: Subject) -> None:
    """If it reads columns, `column_features` names those features of a text that come from columns."""
    vectorizer, _ = fitted(subject)
    if not hasattr(vectorizer, "column_features"):
        raise Skipped("it has no column_features.")
    advice = "Return a dict of the numbers of features that transform gives for the text to their names."
    for text in with_columns(subject.part, [*others(subject), *EMPTY, *UNICODE]):
        with as_contract_error(subject.label, f"in column_features of {text!r}", advice):
            named = dict(vectorizer.column_features(text))
        features = vectors(subject, vectorizer, [text])
        given = {*features.indices.tolist()} if isinstance(features, Ragged) else {*range(features.n_features)}
        if not {*named} <= given or not all(isinstance(name, str) and name for name in named.values()):
            raise subject.breaks(f"column_features of {text!r} gives other features than transform.", advice)


@rule("vectorizer")
def leaves_the_texts_alone(subject: Subject) -> None:
    """It does not change the list of texts, or the targets that it asks for."""
    vectorizer, _ = fitted(subject)
    for name in ("fit", "fit_transform", "transform"):
        texts, targets = labelled(subject), targets_of(subject)
        before = list(texts)
        if hasattr(vectorizer, name):
            called_offering(getattr(vectorizer, name), texts, targets=targets)
        if texts != before:
            raise subject.breaks(f"its {name} changed the list of texts.", "Work on a copy: texts = list(texts).")
        if not np.array_equal(targets, targets_of(subject)):
            raise subject.breaks(f"its {name} changed the targets.", "Work on a copy: targets = targets.copy().")


@rule("vectorizer")
def takes_several_labels_if_it_takes_targets(subject: Subject) -> None:
    """If its `fit` has a parameter `targets`, it accepts one label per text and several."""
    vectorizer = subject.build(seed=0)
    if not takes(own_method(vectorizer, "fit_transform") or vectorizer.fit, "targets", after=1):
        raise Skipped("its fit has no parameter 'targets'.")
    texts, labels = probes.labelled_sets()
    advice = "Targets are class numbers, int64 (n,), or float32 0 and 1, (n, n_classes), if a text may have several."
    with as_contract_error(subject.label, "when it was fitted on texts with several labels", advice):
        fitted_features(vectorizer, texts, subject.label, probes.numbers(labels))
