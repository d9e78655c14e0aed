"""Labels of any plain type: which are taken, and their two plain forms."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum, Flag, IntEnum, StrEnum
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, strategies as st

from textforge import DataError, Dataset, Stream
from textforge.data import encode_labels, folds, holdout, label_name, label_value, sorted_labels
from textforge.data.labels import as_members


class Text(str, Enum):  # noqa: UP042  (the older form, whose str() is 'Text.SPAM')
    SPAM = "spam"
    HAM = "ham"


class Modern(StrEnum):
    NO = "no"
    YES = "yes"


class Plain(Enum):
    SPAM = "spam"
    HAM = "ham"


class Number(IntEnum):
    TEN = 10
    TWO = 2


class Pair(Enum):
    FIRST = (1, 2)
    SECOND = (3, 4)


class Mixed(Enum):
    ONE = 1
    WORD = "1"


class Bits(Flag):
    LOW = 1
    HIGH = 2


class Tag(str):
    def __str__(self) -> str:
        return "another text"


TYPES: list[tuple[Sequence[Any], Sequence[Any]]] = [  # two labels, and their values
    (["no", "yes"], ["no", "yes"]),
    ([Tag("no"), Tag("yes")], ["no", "yes"]),
    ([0, 1], [0, 1]),
    ([-1, -2], [-1, -2]),
    ([False, True], [False, True]),
    ([Text.HAM, Text.SPAM], ["ham", "spam"]),
    ([Plain.HAM, Plain.SPAM], ["ham", "spam"]),
    ([Modern.NO, Modern.YES], ["no", "yes"]),
    ([Number.TWO, Number.TEN], [2, 10]),
    ([Pair.FIRST, Pair.SECOND], ["FIRST", "SECOND"]),
    ([Mixed.ONE, Mixed.WORD], ["ONE", "WORD"]),
    ([Bits.LOW, Bits.HIGH], [1, 2]),
]


@pytest.mark.parametrize(("labels", "values"), TYPES, ids=repr)
def test_a_dataset_keeps_labels_as_they_came(labels: Sequence[Any], values: Sequence[Any]) -> None:
    data = Dataset((["a", "b"], labels), test=(["c"], labels[1:]))
    assert [*map(type, data.train[1])] == [*map(type, labels)]
    assert all(found is label for found, label in zip(data.train[1], labels, strict=True))
    assert {*data.labels()} == {*labels} and [label_value(label) for label in labels] == values
    assert [type(label_value(label)) for label in labels] == [*map(type, values)]
    assert [label_name(label) for label in labels] == [v if isinstance(v, str) else json.dumps(v) for v in values]
    several = Dataset((["a", "b"], [labels, labels[:1]]))
    assert several.multi_label and several.train[1] == [(*labels,), (labels[0],)]


@pytest.mark.parametrize(
    "column",
    [
        np.array([3, 5]),
        np.array([3, 5], dtype=np.uint8),
        [np.int64(3), np.int32(5)],
        pd.Series([3, 5], index=[7, 8]),
        pd.Series([3, 5], dtype="Int64"),
        pl.Series([3, 5]),
        (3, 5),
        iter([3, 5]),
    ],
    ids=lambda column: type(column).__name__,
)
def test_numbers_of_columns_become_pythons(column: Any) -> None:
    labels = Dataset((["a", "b"], column)).train[1]
    assert labels == [3, 5] and {*map(type, labels)} == {int}


def test_truth_and_text_of_numpy_become_pythons() -> None:
    assert [*map(type, Dataset((["a", "b"], np.array([True, False]))).train[1])] == [bool, bool]
    assert [*map(type, Dataset((["a", "b"], np.array(["x", "y"]))).train[1])] == [str, str]


@pytest.mark.parametrize("none", [None, float("nan"), pd.NA, pd.NaT, np.float64("nan")], ids=str)
@pytest.mark.parametrize("other", ["a", 1, True, Text.HAM, ["a"]], ids=repr)
def test_a_missing_label_is_named_with_its_place(none: Any, other: Any) -> None:
    labels = [other, [none] if isinstance(other, list) else none]
    with pytest.raises(DataError, match=r"^train: the label at index 1 is \S+, a missing value. Label"):
        Dataset((["a", "b"], labels))


@pytest.mark.parametrize(
    "label", [1.5, 1.0, b"a", 1j, pd.Timestamp(0), object()], ids=lambda label: type(label).__name__
)
def test_other_objects_are_no_labels(label: Any) -> None:
    with pytest.raises(DataError, match=r"train: the label at index 1 is .*, which is not text, a whole number, true"):
        Dataset((["a", "b"], ["x", label]))


PAIRS = [(1, "1"), (True, 1), (1, True), ("true", True), (Text.HAM, "ham"), (Number.TWO, 2), (Text.HAM, Plain.HAM)]


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=repr)
def test_labels_of_two_types_are_an_error_wherever_they_meet(one: Any, other: Any) -> None:
    says = "are labels of different types|Give labels of the same type"
    two = ["a", "b"]
    streamed = [(["a", "b"], [one, one]), (["c"], [other])]
    for wrong in (
        lambda: Dataset((two, [one, other])),
        lambda: Dataset((two, [[one], [one, other]])),
        lambda: Dataset((two, [one, one]), test=(two, [other, other])),
        lambda: Dataset((two, [[one], [one]]), valid=(two, [[other], []])),
        lambda: Dataset((two, [one, one]), label_names=[other]),
        lambda: Dataset(Stream(2, streamed.__getitem__)).labels(),
    ):
        with pytest.raises(DataError, match=says):
            wrong()


def test_a_member_and_its_value_stand_for_each_other_where_labels_are_looked_up() -> None:
    members = (Plain.HAM, Plain.SPAM)
    assert encode_labels(["spam", "ham"], members, "test").tolist() == [1, 0]
    assert encode_labels(members, ["spam", "ham"], "test").tolist() == [1, 0]
    assert encode_labels([("spam",), ()], members, "test").tolist() == [[0, 1], [0, 0]]
    with pytest.raises(DataError, match="labels are bool, as True is, and the known labels are int, as 0 is"):
        encode_labels([True], [0, 1], "test")
    with pytest.raises(DataError, match="labels are text, as '2' is, and the known labels are Number"):
        encode_labels(["2"], [Number.TWO, Number.TEN], "test")


def test_a_matrix_of_0_and_1_is_not_taken_for_lists_of_labels() -> None:
    for matrix in ([[1, 0], [0, 1]], np.eye(2, dtype=int), [[True, False], [False, False]], np.eye(3)[:2]):
        with pytest.raises(DataError, match="look like a matrix of 0 and 1 with a column for each label"):
            Dataset((["a", "b"], matrix))
    assert Dataset((["a", "b"], [[1, 2], [2]])).labels() == (1, 2)
    assert Dataset((["a", "b"], [[1], [0]])).labels() == (0, 1)


def test_labels_are_in_the_order_of_their_values() -> None:
    assert sorted_labels([10, 9, -1]) == [-1, 9, 10] and sorted_labels([True, False]) == [False, True]
    assert sorted_labels([Number.TEN, Number.TWO]) == [Number.TWO, Number.TEN]
    assert sorted_labels(["10", "9"]) == ["9", "10"] and sorted_labels(["10", "9", "a"]) == ["10", "9", "a"]


@given(st.lists(st.integers(), min_size=2, unique=True))
def test_the_order_of_numbers_is_that_of_numbers(numbers: list[int]) -> None:
    assert sorted_labels(numbers) == sorted(numbers)


@pytest.mark.parametrize(("labels", "values"), TYPES, ids=repr)
def test_folds_and_hold_outs_are_stratified_by_labels_of_any_type(labels: Any, values: Any) -> None:
    rows = [labels[n % 2] for n in range(20)]
    for groups in (None, [str(n // 2) for n in range(20)]):
        _, held = holdout(rows, 0.2, 0, groups)
        assert sorted(rows[row] == labels[0] for row in held.tolist()) == [False, False, True, True]
        assert [len(fold) for fold in folds(rows, 2, 0, groups)] == [10, 10]
    assert len(holdout([[label] for label in rows], 0.2, 0)[1]) == 4


def test_members_are_found_by_their_values() -> None:
    assert as_members(["spam", "ham"], Plain) == (Plain.SPAM, Plain.HAM)
    assert as_members(["SECOND"], Pair) == (Pair.SECOND,) and as_members([10], Number) == (Number.TEN,)
    with pytest.raises(DataError, match=r"label_type: Plain has no member for 'eggs'. Its members stand for 'spam'"):
        as_members(["spam", "eggs"], Plain)
    with pytest.raises(DataError, match="Number has no member for '10', True"):
        as_members(["10", True], Number)
    with pytest.raises(DataError, match=r"label_type: expected a subclass of enum.Enum, not <class 'str'>"):
        as_members(["a"], str)  # type: ignore[arg-type]
