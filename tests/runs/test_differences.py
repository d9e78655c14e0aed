"""The first difference between two values, files of predictions, and files of tensors."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st
from safetensors.torch import save_file

from textforge import BundleError
from textforge.runs.replays.differences import differing_predictions, differing_tensors, first_difference

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3)
KEYS = st.text(max_size=4).filter(lambda key: key not in ("seconds", "added"))
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


@given(VALUES)
def test_a_value_does_not_differ_from_its_copy_in_a_file(value: Any) -> None:
    assert first_difference(value, json.loads(json.dumps(value))) is None


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), st.data())
def test_a_changed_leaf_is_found_with_both_values(value: dict[str, Any], data: st.DataObject) -> None:
    changed = copy.deepcopy(value)
    place: Any = changed
    while isinstance(place, (dict, list)):
        parent, key = place, data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        place = place[key]
        if place in ({}, []):
            break
    before, parent[key] = place, ["something", "else"]
    found = first_difference(value, changed)
    assert found is not None
    assert found[1:] == (before, ["something", "else"]) or found[1:] == (f"{len(before)} entries", "2 entries")


@pytest.mark.parametrize(
    ("then", "now", "expected"),
    [
        ({"a": 1}, {"a": 1, "new": 2}, None),
        ({"a": 1, "seconds": 3.0, "added": {"x": 1}}, {"a": 1, "seconds": 4.0}, None),
        ({"a": 1, "b": 2}, {"a": 1}, ("b", 2, None)),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 3}]}}, ("a.b[1].c", 2, 3)),
        ([1, 2], [1, 2, 3], ("", "2 entries", "3 entries")),
        ({"a": 1.0}, {"a": 1}, None),
        ({"a": True}, {"a": 1}, ("a", True, 1)),
        ({"a": 0.1}, {"a": 0.1 + 2**-56}, ("a", 0.1, 0.1 + 2**-56)),
    ],
)
def test_the_first_difference_is_named_by_its_keys(then: Any, now: Any, expected: Any) -> None:
    assert first_difference(then, now) == expected


def predictions(path: Path, *rows: tuple[str, dict[str, float]]) -> Path:
    lines = [{"row": 10 + n, "gold": "a", "predicted": one, "probabilities": two} for n, (one, two) in enumerate(rows)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_predictions_are_compared_row_by_row(tmp_path: Path) -> None:
    first = predictions(tmp_path / "1", ("a", {"a": 0.75, "b": 0.25}), ("a", {"a": 0.75, "b": 0.25}))
    assert differing_predictions(first, first) is None
    other = predictions(tmp_path / "2", ("a", {"a": 0.75, "b": 0.25}), ("b", {"a": 0.25, "b": 0.75}))
    assert differing_predictions(first, other) == (
        "first in row 11; 1 row differs, 1 with another answer, probabilities by up to 0.5"
    )
    close = predictions(tmp_path / "3", ("a", {"a": 0.625, "b": 0.375}), ("a", {"a": 0.5, "b": 0.5}))
    assert differing_predictions(first, close) == (
        "first in row 10; 2 rows differ, all with the same answer, probabilities by up to 0.25"
    )
    shorter = predictions(tmp_path / "4", ("a", {"a": 0.75, "b": 0.25}))
    assert differing_predictions(first, shorter) == "the number of rows differs"


def tensors(path: Path, **named: Any) -> Path:
    save_file({name: torch.as_tensor(value) for name, value in named.items()}, str(path))
    return path


def test_tensors_are_compared_number_by_number(tmp_path: Path) -> None:
    first = tensors(tmp_path / "1", w=np.zeros((2, 3), np.float32), z=np.ones(2, np.float32))
    assert differing_tensors(first, first) is None
    changed = np.zeros((2, 3), np.float32)
    changed[1, 1], changed[0, 2] = 0.5, -0.25
    other = tensors(tmp_path / "2", w=changed, z=np.zeros(2, np.float32))
    assert differing_tensors(first, other) == "first in 'w': 2 of 6 numbers differ, by up to 0.5"
    missing = tensors(tmp_path / "3", w=np.zeros((2, 3), np.float32))
    assert differing_tensors(first, missing) == "'z' is in one of them only"
    wider = tensors(tmp_path / "4", w=np.zeros((2, 4), np.float32), z=np.ones(2, np.float32))
    assert differing_tensors(first, wider) == "'w' was 2×3 of float32 and is 2×4 of float32"
    nan = tensors(tmp_path / "5", w=np.full((2, 3), np.nan, np.float32), z=np.ones(2, np.float32))
    assert differing_tensors(first, nan) == "first in 'w': 6 of 6 numbers differ, by up to inf"
    half = tensors(tmp_path / "6", w=torch.zeros(2, 3, dtype=torch.bfloat16), z=torch.ones(2))
    assert "bfloat16" in str(differing_tensors(first, half))


def test_the_same_tensors_in_other_bytes_are_the_same(tmp_path: Path) -> None:
    first, other = tmp_path / "1", tmp_path / "2"
    save_file({"w": torch.ones(2)}, str(first))
    save_file({"w": torch.ones(2)}, str(other), metadata={"made by": "another version"})
    assert first.read_bytes() != other.read_bytes()
    assert differing_tensors(first, other) is None


def test_nan_at_the_same_places_is_the_same(tmp_path: Path) -> None:
    first, other = tmp_path / "1", tmp_path / "2"
    save_file({"w": torch.tensor([1.0, float("nan")])}, str(first))
    save_file({"w": torch.tensor([1.0, float("nan")])}, str(other), metadata={"made by": "another version"})
    assert differing_tensors(first, other) is None


def test_damaged_tensors_are_refused(tmp_path: Path) -> None:
    first = tensors(tmp_path / "1", w=np.zeros(2))
    (tmp_path / "2").write_bytes(b"nothing")
    with pytest.raises(BundleError, match="damaged"):
        differing_tensors(first, tmp_path / "2")
