"""Rows held out and rows in folds: every row once, shares near, groups whole, the same from the same seed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from sklearn.model_selection import StratifiedKFold

from textforge import DataError
from textforge.data.splits import folds, holdout, stratified_holdout

SEEDS = st.integers(0, 2**63 - 1)
SINGLE = st.lists(st.sampled_from("abc"), min_size=6, max_size=120)
SETS = st.lists(st.lists(st.sampled_from("abcd"), max_size=4, unique=True), min_size=8, max_size=80)


def same(one: Any, other: Any) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def is_partition(parts: Any, n_rows: int) -> bool:
    ascending = all((np.diff(part) > 0).all() and len(part) for part in parts)
    return ascending and sorted(row for part in parts for row in part) == [*range(n_rows)]


def with_common_labels(sets: list[list[str]]) -> list[list[str]]:
    """The sets without labels of 8 rows or fewer: the last row of such a label may have to stay in training."""
    n_rows = Counter(name for row in sets for name in row)
    return [[name for name in row if n_rows[name] > 8] for row in sets]


def grouped(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Labels, and a group for each; enough groups of like size to part them."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=20, max_size=40))
    groups = [f"g{number}" for number, size in enumerate(sizes) for _ in range(size)]
    return draw(st.lists(st.sampled_from("abc"), min_size=len(groups), max_size=len(groups))), groups


GROUPED = st.composite(grouped)()


# -- held out ----------------------------------------------------------------------------------


@given(SINGLE, st.floats(0.1, 0.8), SEEDS)
def test_one_label_a_row_is_held_out_as_it_always_was(labels: list[str], fraction: float, seed: int) -> None:
    numbers = np.unique(np.array(labels, dtype=object), return_inverse=True)[1]
    assert same(holdout(labels, fraction, seed), stratified_holdout(numbers, fraction, seed))


@given(SETS, st.floats(0.2, 0.4), SEEDS)
def test_sets_of_labels_are_parted_and_the_same_from_the_same_seed(sets: Any, fraction: float, seed: int) -> None:
    parts = holdout(sets, fraction, seed)
    assert is_partition(parts, len(sets))
    assert same(parts, holdout(sets, fraction, seed))


@given(SETS.map(with_common_labels), st.floats(0.2, 0.4), SEEDS)
def test_sets_of_labels_are_held_out_near_the_fraction(sets: list[list[str]], fraction: float, seed: int) -> None:
    parts = holdout(sets, fraction, seed)
    assert is_partition(parts, len(sets))
    assert same(parts, holdout(sets, fraction, seed))
    assert len(parts[1]) == round(fraction * len(sets))
    for label, count in Counter(name for row in sets for name in row).items():
        assert any(label in sets[row] for row in parts[0]), "what is never trained on cannot be learnt"
        got = sum(label in sets[row] for row in parts[1])
        assert abs(got - fraction * count) <= 4


def test_sets_of_labels_as_names_or_as_a_matrix_are_held_out_alike() -> None:
    sets = [["a"], ["b"], ["a", "b"], [], ["c"], ["c", "a"], ["b"], ["a"], ["c"], []]
    matrix = np.array([[name in row for name in "abc"] for row in sets], dtype=np.float32)
    assert same(holdout(sets, 0.3, 1), holdout(matrix, 0.3, 1))


def test_each_label_of_many_sets_gives_its_share() -> None:
    generator = np.random.default_rng(0)
    matrix = generator.random((2000, 5)) < [0.5, 0.2, 0.1, 0.05, 0.01]
    _, held = holdout(matrix, 0.1, 0)
    assert len(held) == 200
    np.testing.assert_allclose(matrix[held].sum(axis=0), 0.1 * matrix.sum(axis=0), atol=2)


@given(GROUPED, st.floats(0.2, 0.5), SEEDS)
def test_groups_are_never_parted(drawn: tuple[list[str], list[str]], fraction: float, seed: int) -> None:
    labels, groups = drawn
    assume(_in_several_groups(labels, groups))
    parts = holdout(labels, fraction, seed, groups)
    assert is_partition(parts, len(labels))
    assert same(parts, holdout(labels, fraction, seed, groups))
    assert not {groups[row] for row in parts[0]} & {groups[row] for row in parts[1]}
    assert {labels[row] for row in parts[0]} == set(labels)
    assert abs(len(parts[1]) - fraction * len(labels)) <= 4, "the largest group has as many rows"


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.3])
def test_many_small_labels_in_sets_give_what_they_owe_together(fraction: float) -> None:
    sets = [[f"label {n % 100}"] for n in range(500)]
    keep, held = holdout(sets, fraction, 0)
    assert len(held) == round(fraction * 500)
    counts = Counter(sets[row][0] for row in held)
    assert max(counts.values()) - min(counts.get(f"label {n}", 0) for n in range(100)) <= 1
    assert len({sets[row][0] for row in keep}) == 100


def test_many_small_labels_in_groups_give_what_they_owe_together() -> None:
    labels, groups = [f"label {n % 100}" for n in range(500)], [f"group {n // 2}" for n in range(500)]
    keep, held = holdout(labels, 0.1, 0, groups)
    assert len(held) == 50 and len({labels[row] for row in keep}) == 100
    assert max(Counter(labels[row] for row in held).values()) <= 1


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=3, unique=True), min_size=2, max_size=30), st.data())
def test_every_label_keeps_a_row_whatever_is_held_out(sets: list[list[str]], data: st.DataObject) -> None:
    groups = data.draw(st.none() | st.lists(st.sampled_from("123456"), min_size=len(sets), max_size=len(sets)))
    try:
        keep, held = holdout(sets, data.draw(st.floats(0.01, 0.99)), data.draw(SEEDS), groups)
    except DataError:
        return
    assert is_partition([keep, held], len(sets))
    assert {name for row in keep for name in sets[row]} == {name for row in sets for name in row}


def test_a_group_is_held_out_though_all_are_larger_than_the_fraction() -> None:
    labels, groups = ["a", "b"] * 50, [f"group {n // 10}" for n in range(100)]
    assert len(holdout(labels, 0.04, 0, groups)[1]) == 10


def test_another_seed_holds_out_other_rows() -> None:
    sets = [["a"], ["b"]] * 20
    found = {tuple(holdout(sets, 0.2, seed)[1]) for seed in range(5)}
    assert len(found) == 5


def test_rows_without_any_label_are_held_out_too() -> None:
    keep, held = holdout([[]] * 10, 0.3, 0)
    assert (len(keep), len(held)) == (7, 3)


@pytest.mark.parametrize(
    ("labels", "groups", "says"),
    [
        ([["a"], ["b"]], None, "2 texts are too few to hold out a fraction of 0.1"),
        (["a", "b"] * 10, ["one"] * 20, "1 group is too few to hold out a fraction of 0.1"),
    ],
)
def test_too_few_rows_or_groups_are_reported(labels: Any, groups: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        holdout(labels, 0.1, 0, groups)


@pytest.mark.parametrize(
    ("labels", "groups", "says"),
    [
        (np.array("x"), None, "labels: expected a list"),
        (7, None, "labels: expected a list"),
        (["a", "b"], np.array("x"), "groups: expected a list"),
        (["a", "b"], ["x"], "2 rows but 1 groups"),
        (np.array([0, 1]), ["x"] * 3, "2 rows but 3 groups"),
    ],
)
def test_what_is_no_list_or_not_as_long_is_refused(labels: Any, groups: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        holdout(labels, 0.5, 0, groups)
    with pytest.raises(DataError, match=says):
        folds(labels, 2, 0, groups)


# -- folds -------------------------------------------------------------------------------------


@given(SINGLE, st.integers(2, 5), SEEDS)
def test_folds_of_single_labels_are_stratified(labels: list[str], n_folds: int, seed: int) -> None:
    counts = Counter(labels)
    found = folds(labels, n_folds, seed)
    assert is_partition(found, len(labels))
    assert same(found, folds(labels, n_folds, seed))
    assert max(map(len, found)) - min(map(len, found)) <= 1
    for label, count in counts.items():
        shares = [sum(labels[row] == label for row in rows) for rows in found]
        assert set(shares) <= {count // n_folds, -(-count // n_folds)}


def test_shares_are_those_of_scikit_learns_folds() -> None:
    labels = ["a"] * 53 + ["b"] * 17 + ["c"] * 5
    ours = sorted(tuple(sorted(Counter(labels[row] for row in rows).values())) for rows in folds(labels, 5, 0))
    parted = StratifiedKFold(5, shuffle=True, random_state=0).split(labels, labels)
    theirs = sorted(tuple(sorted(Counter(labels[row] for row in rows).values())) for _, rows in parted)
    assert ours == theirs


@given(GROUPED, st.integers(2, 4), SEEDS)
def test_folds_keep_groups_together(drawn: tuple[list[str], list[str]], n_folds: int, seed: int) -> None:
    labels, groups = drawn
    assume(_in_several_groups(labels, groups))
    found = folds(labels, n_folds, seed, groups)
    assert is_partition(found, len(labels))
    assert same(found, folds(labels, n_folds, seed, groups))
    owner = [{groups[row] for row in rows} for rows in found]
    assert sum(map(len, owner)) == len(set(groups)), "no group is in two folds"
    assert max(map(len, found)) - min(map(len, found)) <= 12


@given(SETS, st.integers(2, 4), SEEDS)
def test_folds_of_sets_of_labels(sets: list[list[str]], n_folds: int, seed: int) -> None:
    counts = Counter(name for row in sets for name in row)
    assume(counts and min(counts.values()) >= n_folds + 2)
    found = folds(sets, n_folds, seed)
    assert is_partition(found, len(sets))
    for label, count in counts.items():
        shares = [sum(label in sets[row] for row in rows) for rows in found]
        assert max(shares) < count, "every fold has the label to learn from"
        assert max(abs(share - count / n_folds) for share in shares) <= 4


def _in_several_groups(labels: list[str], groups: list[str]) -> bool:
    """Whether every label stands in so many groups that it can be on every side."""
    return all(
        len({group for group, label in zip(groups, labels, strict=True) if label == one}) > 5 for one in set(labels)
    )


@pytest.mark.parametrize(
    ("labels", "groups", "says"),
    [
        (["a", "b"], None, "2 texts are too few for 3 folds"),
        ([["a"], ["a"]], None, "2 texts are too few for 3 folds"),
        (["a", "b"] * 4, [*"xxyyxxyy"], "2 groups are too few for 3 folds"),
    ],
)
def test_too_few_for_the_folds_are_reported(labels: Any, groups: Any, says: str) -> None:
    with pytest.raises(DataError, match=says):
        folds(labels, 3, 0, groups)


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=3, unique=True), min_size=8, max_size=40), SEEDS)
def test_a_label_of_two_texts_or_more_is_in_two_folds_or_more(sets: list[list[str]], seed: int) -> None:
    found = folds(sets, 4, seed)
    assert is_partition(found, len(sets))
    for label in {name for row in sets for name in row}:
        places = [sum(label in sets[row] for row in rows) for rows in found]
        assert sum(places) == 1 or sum(map(bool, places)) > 1


def test_a_label_of_two_groups_is_in_two_folds() -> None:
    sets, groups = [["a", "d"], ["b"], ["c", "d"], ["c"]], ["x", "z", "y", "z"]
    found = folds(sets, 2, 0, groups)  # with whole groups, the shares alone put both rows of 'd' into one fold
    for label in "cd":
        assert all(any(label in sets[row] for row in rows) for rows in found)
