"""The doctor finds texts that repeat one another, exactly or nearly."""

from __future__ import annotations

import numpy as np
import pytest
from examined_texts import by_kind, distinct, found
from hypothesis import given, strategies as st

from textforge import Dataset
from textforge.insight.doctor.exact_duplicates import equal_groups
from textforge.insight.doctor.examined import Examined
from textforge.insight.doctor.finding import Place

LONG = "the shuttle left its orbit late on the second of may and landed in the desert without any further trouble"


def test_exact_repeats_are_found_across_splits_with_other_labels_and_within_a_split() -> None:
    train, test = distinct(40), distinct(20, seed=1)
    train[0][3], train[1][3] = train[0][8], train[1][8]
    train[0][4], train[1][4] = train[0][9].upper(), "another"
    test[0][5], test[1][5] = f"  {train[0][20]}\n", train[1][20]
    findings = by_kind(found("exact duplicates", train, test))
    assert findings["exact-duplicates-across-splits"].rows == (Place("test", 5),)
    assert findings["exact-duplicates-across-splits"].severity == "high"  # 1 of 20 test texts
    assert findings["exact-duplicates-with-different-labels"].rows == (Place("train", 4), Place("train", 9))
    assert findings["exact-duplicates"].rows == (Place("train", 8), Place("train", 9))
    assert findings["exact-duplicates"].count == 2


def test_different_texts_are_no_duplicates() -> None:
    assert found("exact duplicates", distinct(40), distinct(20, seed=1)) == []


@given(st.lists(st.text(max_size=6), min_size=2, max_size=30))
def test_texts_are_in_one_group_if_they_differ_in_case_and_spaces_only(texts: list[str]) -> None:
    data = Examined.of(Dataset(train=(texts, ["a"] * len(texts))))
    groups = equal_groups(data)
    group_of = {n: number for number, group in enumerate(groups) for n in group}
    keys = [" ".join(text.casefold().split()) for text in texts]
    for one in range(len(texts)):
        for other in range(one):
            together = one in group_of and group_of[one] == group_of.get(other)
            assert together == (keys[one] == keys[other] != "")


def test_near_repeats_are_found_and_equal_ones_are_left_to_the_other_detector() -> None:
    pytest.importorskip("rensa")
    train, test = distinct(40), distinct(20, seed=1)
    train[0][2] = LONG
    train[0][7] = LONG  # equal: not a near duplicate
    test[0][6], test[1][6] = LONG.replace("second", "third"), train[1][2]
    test[0][9] = LONG.replace("shuttle", "parrot").replace("desert", "garden").replace("orbit", "cage")
    findings = by_kind(found("near duplicates", train, test))
    assert findings.keys() == {"near-duplicates-across-splits"}
    assert findings["near-duplicates-across-splits"].rows == (Place("test", 6),)
    assert "third" in findings["near-duplicates-across-splits"].examples[0]


def test_similarity_counts_shared_runs_of_characters() -> None:
    from textforge.insight.doctor.near_duplicates import character_runs, similarity

    def runs(text: str) -> set[str]:
        return {text[n : n + 5] for n in range(len(text) - 4)}

    one, other = LONG, LONG.replace("late", "early")
    expected = len(runs(one) & runs(other)) / len(runs(one) | runs(other))
    assert similarity(character_runs(one), character_runs(other)) == pytest.approx(expected)
    assert similarity(character_runs(one), character_runs(one.upper().replace(" ", "\n "))) == 1
    assert len(character_runs("four")) == 0


@given(st.lists(st.text(alphabet="ab ", min_size=40, max_size=60), min_size=2, max_size=8))
def test_every_near_duplicate_is_similar_to_the_first_of_its_group(texts: list[str]) -> None:
    pytest.importorskip("rensa")
    from textforge.insight.doctor.near_duplicates import ALIKE, character_runs, similar_groups, similarity

    data = Examined.of(Dataset(train=(texts, ["a"] * len(texts))))
    for first, *others in similar_groups(data):
        for other in others:
            assert similarity(character_runs(texts[first]), character_runs(texts[other])) >= ALIKE


def test_many_near_copies_of_one_text_are_one_group() -> None:
    pytest.importorskip("rensa")
    from textforge.insight.doctor.near_duplicates import similar_groups

    copies = [f"{LONG} {word}" for word in np.random.default_rng(0).permutation([*"abcdefghijklmnopqrst"])]
    data = Examined.of(Dataset(train=(copies, ["a"] * len(copies))))
    assert similar_groups(data) == [[*range(20)]]
