"""Splits, labels, the stratified hold-out and the fingerprint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from textforge import DataError, Dataset, Stream
from textforge.data.dataset import encode_labels, sorted_labels
from textforge.data.splits import stratified_holdout

LABELS = st.lists(st.integers(0, 4), min_size=4, max_size=200)


def per_class_rounding(y: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The hold-out of earlier versions, whose total was wrong where classes are small."""
    generator = np.random.default_rng([seed, 0x5EED])
    held = []
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        held.append(generator.permutation(rows)[: min(round(fraction * len(rows)), len(rows) - 1)])
    out = np.sort(np.concatenate(held))
    return np.setdiff1d(np.arange(len(y)), out), out


@given(LABELS, st.floats(0.05, 0.9), st.integers(0, 2**32))
def test_the_holdout_is_a_partition_that_keeps_the_total(labels: list[int], fraction: float, seed: int) -> None:
    y, sizes = np.array(labels, dtype=np.int64), Counter(labels)
    assume(len(sizes) < len(labels))
    keep, held = stratified_holdout(y, fraction, seed)
    assert sorted([*keep, *held]) == [*range(len(y))]
    assert (np.diff(keep) > 0).all() and (np.diff(held) > 0).all()
    assert len(held) == min(max(1, round(fraction * len(y))), len(y) - len(sizes))
    assert set(y[keep]) == set(labels)
    again = stratified_holdout(y, fraction, seed)
    assert (again[0] == keep).all() and (again[1] == held).all()


@given(st.lists(st.integers(2, 40), min_size=1, max_size=60), st.floats(0.01, 0.5), st.integers(0, 2**32))
def test_every_class_is_held_out_within_a_row_of_its_share(sizes: list[int], fraction: float, seed: int) -> None:
    y = np.repeat(np.arange(len(sizes)), sizes)
    _, held = stratified_holdout(y, fraction, seed)
    shares = np.bincount(y[held], minlength=len(sizes))
    assert (abs(shares - fraction * np.array(sizes)) < 1 + 1e-9).all()


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])  # totals often differ
@given(st.lists(st.integers(0, 2), min_size=4, max_size=200), st.floats(0.05, 0.9), st.integers(0, 2**32))
def test_where_rounding_each_class_gives_the_total_the_rows_are_those_of_old(
    labels: list[int], fraction: float, seed: int
) -> None:
    y = np.array(labels, dtype=np.int64)
    before = per_class_rounding(y, fraction, seed)
    assume(len(before[1]) == max(1, round(fraction * len(y))))
    after = stratified_holdout(y, fraction, seed)
    assert (after[0] == before[0]).all() and (after[1] == before[1]).all()


@pytest.mark.parametrize(
    ("sizes", "fraction", "n_held"),
    [([5] * 99 + [10], 0.1, 50), ([5] * 100, 0.1, 50), ([3] * 100, 0.2, 60), ([7] * 20, 0.1, 14), ([2, 2], 0.1, 1)],
)
def test_small_classes_give_what_they_owe_together(sizes: list[int], fraction: float, n_held: int) -> None:
    y = np.repeat(np.arange(len(sizes)), sizes)
    _, held = stratified_holdout(y, fraction, 0)
    assert len(held) == n_held
    others = [stratified_holdout(y, fraction, seed)[1] for seed in range(1, 4)]
    if n_held < len(sizes):
        assert len({tuple(y[rows]) for rows in [held, *others]}) > 1, "the seed draws which classes give a row"


def test_what_texts_of_their_own_class_cannot_give_others_give_by_their_sizes() -> None:
    y = np.array([*range(300), *[300] * 600, *[301] * 100])
    _, held = stratified_holdout(y, 0.2, 0)
    assert np.bincount(y[held])[300:].tolist() == [171, 29]


def test_too_few_to_hold_out_is_reported() -> None:
    with pytest.raises(DataError, match=r"1 text is too few to hold out a fraction of 0\.1"):
        stratified_holdout(np.array([0]), 0.1, 0)
    with pytest.raises(DataError, match="each of the 2 texts has a different label"):
        stratified_holdout(np.array([0, 1]), 0.1, 0)


def test_labels_are_sorted_unless_given() -> None:
    train = (["a", "b", "c"], ["z", "x", "y"])
    assert Dataset(train=train).labels() == ("x", "y", "z")
    assert Dataset(train=train, label_names=["z", "y", "x"]).labels() == ("z", "y", "x")


NUMBERS = st.integers(-(10**30), 10**30) | st.integers(-20, 20)


@given(st.sets(NUMBERS, min_size=2, max_size=15), st.randoms())
def test_labels_that_are_all_whole_numbers_stand_in_their_order(numbers: set[int], random: Any) -> None:
    labels = [str(number) for number in numbers]
    random.shuffle(labels)
    expected = tuple(map(str, sorted(numbers)))
    texts = [f"text {n}" for n in range(len(labels))]
    assert Dataset(train=(texts, labels)).labels() == expected
    assert Dataset(train=(texts, [[label] for label in labels])).labels() == expected
    assert Dataset(train=Stream(1, lambda chunk: (texts, labels))).labels() == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["10", "9", "-1", "+2", "007"], ["-1", "+2", "007", "9", "10"]),
        (["4.5", "10.0", "9.5"], ["4.5", "9.5", "10.0"]),
        (["10", "9", "none"], ["10", "9", "none"]),
        (["v10", "v9"], ["v10", "v9"]),
        (["1e1", "9"], ["1e1", "9"]),
        (["1" * 5000, "2"], ["2", "1" * 5000]),
        (["\u0661\u0660", "\u0669"], ["\u0661\u0660", "\u0669"]),
        (["1,000", "200"], ["1,000", "200"]),
        (["", "1"], ["", "1"]),
    ],
)
def test_labels_are_in_the_order_of_numbers_only_where_all_are(labels: list[str], expected: list[str]) -> None:
    assert sorted_labels(labels) == expected
    assert sorted_labels(reversed(labels)) == expected


@pytest.mark.parametrize(
    ("names", "message"),
    [(["x"], "that label_names lacks: y"), (["x", "y", "w"], "without a training text: w"), (["x", "x", "y"], "twice")],
)
def test_given_label_names_must_fit(names: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Dataset(train=(["a", "b"], ["x", "y"]), label_names=names).labels()


def test_unknown_labels_are_counted_and_placed() -> None:
    with pytest.raises(DataError, match=r"test: .*'q' \(2 times, first in row 2\), 'r' \(1 times, first in row 4\)"):
        encode_labels(["x", "q", "q", "r"], ["x", "y"], "test")


def test_the_fingerprint_knows_every_text_label_split_and_boundary() -> None:
    base = {"train": (["ab", "c"], ["x", "y"]), "test": (["d"], ["x"])}
    prints = {
        Dataset(**base).fingerprint(),
        Dataset(**{**base, "train": (["a", "bc"], ["x", "y"])}).fingerprint(),
        Dataset(**{**base, "train": (["ab", "c"], ["y", "x"])}).fingerprint(),
        Dataset(**{**base, "test": (["d"], ["y"])}).fingerprint(),
        Dataset(train=base["train"], valid=base["test"]).fingerprint(),
    }
    assert len(prints) == 5
    assert Dataset(**base).fingerprint() in prints
    assert Dataset(train=(["\ud800", "b"], ["x", "y"])).fingerprint()


class Series:
    """As pandas' Series: iterates in order, but is indexed by label."""

    def __init__(self, values: list[str], index: list[int]) -> None:
        self.values, self.index = values, index

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    def __getitem__(self, label: int) -> str:
        return self.values[self.index.index(label)]


def test_texts_keep_their_labels_whatever_indexing_means() -> None:
    texts, labels, index = ["a", "b", "c"], ["x", "y", "z"], [2, 0, 1]
    dataset = Dataset(train=(Series(texts, index), Series(labels, index)))  # type: ignore[arg-type]
    assert dataset.train == (texts, labels)


def test_iterators_and_arrays_become_lists_of_plain_text() -> None:
    dataset = Dataset(train=(iter(["a", "b"]), np.array(["x", "y"])))  # type: ignore[arg-type]
    assert dataset.train == (["a", "b"], ["x", "y"])
    assert {type(label) for label in dataset.labels()} == {str}


@pytest.mark.parametrize("name", ["train", "valid", "test"])
def test_an_empty_split_is_refused_at_once(name: str) -> None:
    with pytest.raises(DataError, match=f"{name}: no texts"):
        Dataset(**{"train": (["a"], ["x"]), name: ([], [])})


@pytest.mark.parametrize(
    ("split", "says"),
    [
        (({"a", "b"}, ["x", "y"]), "expected a list of texts, not a set"),
        ((None, ["x"]), "expected a list of texts, not a NoneType"),
        ((["a", "b"], "xy"), "expected a list of labels, not a single one"),
        ((["a", "b"], {"x", "y"}), "expected a list of labels, not a set"),
        ((["a", "b"], None), "expected a list of labels, not a NoneType"),
        ((["a", "b"], ["x"]), "2 texts but 1 labels"),
        ("ab", "a split is a pair"),
    ],
)
def test_what_is_no_split_is_reported(split: Any, says: str) -> None:
    with pytest.raises(DataError, match=f"train: {says}"):
        Dataset(train=split)


SURROGATE = st.characters(categories=["Cs"])


@given(SURROGATE, st.sampled_from(["{}", "caf{}", "{}x", "a{}\u00e9"]), st.booleans(), st.integers(0, 3))
def test_a_label_that_utf8_cannot_hold_is_refused_before_training(
    half: str, pattern: str, several: bool, row: int
) -> None:
    labels: list[Any] = ["x", "y", "x", "y"]
    labels[row] = pattern.format(half)
    rows = [[label, "z"] for label in labels] if several else labels
    good = [["x", "z"]] * 4 if several else ["x"] * 4
    texts = ["a", "b", "c", "d"]
    for name, wrong in (
        ("train", lambda: Dataset((texts, rows))),
        ("test", lambda: Dataset((texts, good), test=(texts, rows))),
        ("train, chunk 0", lambda: Stream(1, lambda _: (texts, rows)).survey()),
    ):
        with pytest.raises(
            DataError, match=rf"^{name}: the label .*\\u[a-f\d]{{4}}.* at index {row} cannot be .* UTF-8"
        ):
            wrong()
    with pytest.raises(DataError, match=r"^label_names: the label "):
        Dataset((texts, good), label_names=["x", pattern.format(half)])


@pytest.mark.parametrize("name", ["texts", "labels", "label_names", "groups"])
@pytest.mark.parametrize("value", [np.array("x"), np.array(3.0), np.array(None), np.float64(1)], ids=repr)
def test_an_array_of_no_dimension_is_no_list(name: str, value: Any) -> None:
    given = {"texts": ["a", "b"], "labels": ["x", "y"], "label_names": ["x", "y"], "groups": ["g", "h"], name: value}
    with pytest.raises(DataError, match=rf"{'train' if name in ('texts', 'labels') else name}: expected a list of"):
        Dataset((given.pop("texts"), given.pop("labels")), **given)


def test_labels_that_are_arrays_of_no_dimension_are_reported() -> None:
    with pytest.raises(DataError, match=r"train: the label at index 0 is .*which is not text"):
        Dataset((["a", "b"], [np.array("x"), np.array("y")]))
