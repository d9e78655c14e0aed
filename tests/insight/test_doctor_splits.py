"""The doctor finds splits that are unlike train, and authors and threads on both sides of a split."""

from __future__ import annotations

from examined_texts import by_kind, distinct, found

WHAT = "splits that are unlike train"


def test_splits_of_the_same_texts_are_alike() -> None:
    assert found(WHAT, distinct(200), distinct(100, seed=1)) == []


def test_a_split_from_another_source_is_unlike_train_and_its_words_are_named() -> None:
    texts, labels = distinct(100, seed=1)
    texts = [f"{text} sent from my phone" if row % 4 else text for row, text in enumerate(texts)]
    (finding,) = found(WHAT, distinct(200), (texts, labels))
    assert (finding.kind, finding.severity) == ("unlike-train", "high")
    assert {word.split("'")[1] for word in finding.examples} >= {"sent", "from", "my", "phone"}
    assert all(place.row % 4 for place in finding.rows[:50])


def test_labels_that_train_lacks_are_named() -> None:
    texts, labels = distinct(30, seed=1)
    labels[4] = "unheard"
    findings = by_kind(found(WHAT, distinct(100), (texts, labels)))
    assert findings["unknown-labels"].examples == ("unheard (1 text)",)
    assert [place.row for place in findings["unknown-labels"].rows] == [4]


def test_other_shares_of_labels_are_reported() -> None:
    texts, labels = distinct(300, seed=1)
    kept = [row for row, label in enumerate(labels) if label != "ball" or row % 10 == 0]
    test = [texts[row] for row in kept], [labels[row] for row in kept]
    findings = by_kind(one for one in found(WHAT, distinct(300), test) if one.kind == "shifted-labels")
    assert findings["shifted-labels"].examples[0].startswith("ball: ")


def posts(n: int, seed: int, authors: list[str], subjects: list[str]) -> tuple[list[str], list[str]]:
    texts, labels = distinct(n, seed)
    return [f"From: {authors[row % len(authors)]}\nSubject: Re: {subjects[row % len(subjects)]}\n\n{text}"
            for row, text in enumerate(texts)], labels  # fmt: skip


def test_authors_and_threads_of_train_in_test_are_found() -> None:
    train = posts(40, 0, ["ann@x.org", "bob@x.org"], ["moon"])
    test = posts(20, 1, ["bob@x.org", "eve@x.org"], ["sun", "RE: Moon"])
    findings = by_kind(found("authors and threads across splits", train, test))
    assert findings["authors-across-splits"].examples == ("bob@x.org (10 texts)",)
    assert findings["threads-across-splits"].examples == ("moon (10 texts)",)
    assert {place.row % 2 for place in findings["threads-across-splits"].rows} == {1}
    assert found("authors and threads across splits", train, posts(20, 1, ["eve@x.org"], ["sun"])) == []
