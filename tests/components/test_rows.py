"""Rows: texts that carry the values of their columns."""

from __future__ import annotations

import copy
import math
import pickle
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, strategies as st

from textforge import DataError, Row
from textforge.data import changed_by, column_value, texts_of, values_of, with_text

KINDS = {"price": "number", "country": "category", "title": "text"}
VALUES = st.tuples(
    st.none() | st.floats(allow_nan=False, allow_infinity=False), st.none() | st.text(), st.none() | st.text()
)


@given(st.text(), VALUES)
def test_a_row_is_its_text_and_keeps_its_columns_when_copied(text, values):
    row = Row(text, values, KINDS)
    assert row == text
    assert str(row) == text
    assert type(str(row)) is str
    assert hash(row) == hash(text)
    for same in (
        copy.copy(row),
        copy.deepcopy(row),
        pickle.loads(pickle.dumps(row)),
        *pickle.loads(pickle.dumps([row])),
    ):
        assert same == row
        assert same.columns == row.columns == dict(zip(KINDS, values, strict=True))
    assert [row][:] == sorted([row])
    assert row.with_text("other").columns == row.columns
    assert with_text(text, "other") == "other"


@given(st.text(), VALUES, VALUES)
def test_rows_are_equal_if_their_texts_and_values_are(text, values, others):
    assert (Row(text, values, KINDS) == Row(text, others, KINDS)) is (values == others)
    assert (Row(text, values, KINDS) != Row(text, others, KINDS)) is (values != others)
    assert Row(text, values, KINDS) != Row(f"{text}.", values, KINDS)


def test_a_changed_text_keeps_its_columns():
    row = Row("A", (1.0, "US", "B"), KINDS)
    changed = changed_by(str.lower, [row, "C"])
    assert changed == ["a", "c"]
    assert changed[0].columns == row.columns


def test_a_column_is_read_by_its_name_and_an_empty_text_stands_for_missing_values():
    rows = [Row("a", (1.0, "US", "b"), KINDS), "", Row("c", ("DE",), {"country": "category"})]
    assert values_of(rows, "country") == ["US", None, "DE"]
    assert texts_of(rows, "country") == ["US", "", "DE"]
    with pytest.raises(DataError, match="no column 'price', but country"):
        values_of(rows, "price")
    with pytest.raises(DataError, match=r"no column 'contry', but price, country, title\. Did you mean 'country'"):
        values_of(rows, "contry")
    with pytest.raises(DataError, match="'country' is needed, but the text 'plain' has no columns"):
        values_of(["plain"], "country")
    with pytest.raises(DataError, match="'price' holds numbers, not texts"):
        texts_of(rows[:1], "price")


@pytest.mark.parametrize(
    ("value", "kind", "found"),
    [
        ("1.5", "number", 1.5), (" 2e3 ", "number", 2000.0), (3, "number", 3.0), (np.float32(0.5), "number", 0.5),
        (np.int64(7), "number", 7.0), (Decimal("1.25"), "number", 1.25), ("", "number", None), (None, "number", None),
        (math.nan, "number", None), (math.nan, "category", None), ("  ", "category", None), ("US", "category", "US"),
        (3.0, "category", "3"), (1.5, "category", "1.5"), (True, "category", "true"), (" ", "text", " "),
    ],
)  # fmt: skip
def test_values_of_tables_become_values_of_columns(value, kind, found):
    converted = column_value(value, kind)
    assert converted == found
    assert type(converted) in (float, str, type(None))


@pytest.mark.parametrize(
    ("value", "kind", "says"),
    [
        ("cheap", "number", "holds 'cheap', which is not a finite number"), ("inf", "number", "'inf'"),
        (math.inf, "number", "inf"), ("nan", "number", "'nan'"), ("1,5", "number", "Write 1.5"),
        (True, "number", "True"),
        ("1_000", "number", "'1_000'"), ([1], "number", "[1]"), ([1], "category", "a list, which is not a category"),
        ({"a": 1}, "text", "a dict, which is not text"), (10**400, "number", "not a finite number"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused(value, kind, says):
    with pytest.raises(ValueError, match=r"^holds ") as caught:
        column_value(value, kind)
    assert says in str(caught.value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_survives_being_written(number):
    assert column_value(repr(number), "number") == column_value(number, "number") == number
