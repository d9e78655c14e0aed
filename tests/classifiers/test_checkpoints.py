"""Checkpoints on disk: the same values come back, complete or not at all, and damage is never accepted."""

from __future__ import annotations

import json
import os
import shutil
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from textforge.classifiers.bundles.description import digest
from textforge.classifiers.checkpoints import folder
from textforge.classifiers.checkpoints.folder import read_checkpoint, write_checkpoint
from textforge.classifiers.checkpoints.values import first_difference, join_values, split_values
from textforge.classifiers.storage import sha256
from textforge.errors import BundleError, ComponentError

DTYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int8, torch.uint8, torch.bool]
SHAPES = st.lists(st.integers(0, 3), max_size=3)


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    shape, dtype = draw(SHAPES), draw(st.sampled_from(DTYPES))
    made = torch.arange(int(np.prod(shape)), dtype=torch.float64).reshape(shape).to(dtype)
    return made.permute(draw(st.permutations(range(len(shape)))))


leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(codec=None)), tensors(),
    st.floats().map(np.float64),
)  # fmt: skip
keys = st.one_of(st.text(max_size=3), st.integers(), st.booleans())
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=3),
        st.dictionaries(keys, inner, max_size=3).map(OrderedDict),
    ),
    max_leaves=8,
)


def types_of(value: Any) -> Any:
    """The types within a value, which `==` does not compare: True == 1 == 1.0."""
    if isinstance(value, dict):
        return type(value), [(type(key), types_of(item)) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value), [types_of(item) for item in value]
    return type(value)


@given(tensors())
def test_every_tensor_comes_back_exactly(tensor: torch.Tensor) -> None:
    encoded, found = split_values(tensor, "t")
    again = join_values(encoded, found)
    assert first_difference(tensor, again) is None
    assert 0 in tensor.shape or again.stride() == tensor.stride()


@given(values)
def test_every_value_of_a_state_comes_back_exactly(value: Any) -> None:
    encoded, found = split_values({"state": value})
    again = join_values(json.loads(json.dumps(encoded, allow_nan=False)), found)
    assert first_difference({"state": value}, again) is None
    assert types_of(again["state"]) == types_of(value)


@given(values, values)
def test_a_difference_is_found(one: Any, other: Any) -> None:
    assert (first_difference(one, one), first_difference([one, 1], [one, 2], "x")) == (None, "x/1")
    if types_of(one) != types_of(other):
        assert first_difference(one, other) is not None


def test_strides_metadata_and_sparse_tensors_come_back(tmp_path: Path) -> None:
    module = torch.nn.BatchNorm1d(3)
    sparse = torch.sparse_coo_tensor([[2, 0, 2]], torch.ones(3, 2), (4, 2), check_invariants=True)
    turned = torch.arange(6.0).reshape(2, 3).T
    write_checkpoint(tmp_path / "c", {"m": module.state_dict(), "s": sparse, "t": turned, "e": torch.ones(1).expand(4)})
    found = read_checkpoint(tmp_path / "c")
    assert found["m"]._metadata == module.state_dict()._metadata
    assert found["t"].stride() == turned.stride() == (1, 3)
    assert torch.equal(found["s"].to_dense(), sparse.to_dense())
    assert not found["s"].is_coalesced()
    assert torch.equal(found["e"], torch.ones(4))


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [object()]}, r"a/0 is a builtins\.object, which a checkpoint cannot hold"),
        ({"a": {1}}, r"a is a builtins\.set"),
        ({"a": Text("x")}, r"a is a .*Text"),
        ({"a": np.zeros(3)}, r"a is a numpy\.ndarray"),
        ({"a": {(1, 2): 3}}, r"a has the key \(1, 2\), a tuple"),
        ({"a": {1.5: 3}}, r"a has the key 1\.5, a float"),
        ({"a": torch.zeros(2, dtype=torch.complex64)}, r"a is a tensor of torch\.complex64"),
        ({"a": torch.zeros(2, device="meta")}, "a is a tensor of .* on meta"),
    ],
)
def test_what_cannot_come_back_exactly_is_refused_with_its_place(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(ComponentError, match=message):
        write_checkpoint(tmp_path / "c", value)
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def synced(number: int) -> None:
        order.append(os.readlink(f"/proc/self/fd/{number}"))
        fsync(number)

    def renamed_to(path: Path, to: Path) -> Path:
        order.append(f"-> {to}")
        return rename(path, to)

    monkeypatch.setattr("os.fsync", synced)
    monkeypatch.setattr(Path, "rename", renamed_to)
    write_checkpoint(tmp_path / "all" / "c", {"a": torch.ones(2)})
    created, tensors, description, folder, renamed, parent = order
    assert created == str(tmp_path)  # which has the name of the new folder `all`
    assert ".state.safetensors." in tensors
    assert ".checkpoint.json." in description
    assert folder == str(Path(tensors).parent) == str(Path(description).parent)
    assert (renamed, parent) == (f"-> {tmp_path / 'all' / 'c'}", str(tmp_path / "all"))
    with pytest.raises(BundleError, match="never overwritten"):
        write_checkpoint(tmp_path / "all" / "c", {})


def test_tensors_that_share_memory_are_stored(tmp_path: Path) -> None:
    whole = torch.arange(6.0)
    write_checkpoint(tmp_path / "c", {"a": whole, "b": whole, "c": whole[:2], 1: {"x": whole}, "1": {"x": whole}})
    found = read_checkpoint(tmp_path / "c")
    assert torch.equal(found["b"], whole)
    assert torch.equal(found["c"], whole[:2])
    assert torch.equal(found[1]["x"], found["1"]["x"])


# -- damage --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    state = {"a": torch.arange(20.0), "b": {1: (2, [None, "x"])}, "c": float("inf")}
    return write_checkpoint(tmp_path_factory.mktemp("checkpoints") / "whole", state)


@given(data=st.data())
def test_no_damage_is_accepted(whole: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    copy = shutil.copytree(whole, tmp_path_factory.mktemp("damage") / "c")
    file = copy / data.draw(st.sampled_from(["checkpoint.json", "state.safetensors"]))
    content = bytearray(file.read_bytes())
    at = data.draw(st.integers(0, len(content) - 2))
    match data.draw(st.sampled_from(["flip", "cut", "insert", "missing", "empty", "swap"])):
        case "flip":
            content[at] ^= 1 << data.draw(st.integers(0, 7))
        case "cut":
            del content[at:]
        case "insert":
            content.insert(at, 65)
        case "missing":
            file.unlink()
            content = bytearray()
        case "empty":
            content = bytearray()
        case "swap":
            content = bytearray((copy / "checkpoint.json").read_bytes())
            file = copy / "state.safetensors"
    if file.exists():
        file.write_bytes(content)
    try:
        found = read_checkpoint(copy)
    except BundleError as error:
        assert "\n" not in str(error)
    else:  # a space that JSON ignores, or one for another
        assert first_difference(read_checkpoint(whole), found) is None
        assert file.name == "checkpoint.json"


@pytest.mark.parametrize(
    "state",
    [3, [], {"dict": 3}, {"dict": [[[], 1]]}, {"tensor": "away"}, {"tensor": "a", "order": [0, 7]}, {"new": 1},
     {"tuple": 3}, {"float": "3"}, {"sparse": 1}, {"dict": [["a", {"sparse": {"dict": []}}]]}],
)  # fmt: skip
def test_a_state_of_another_form_is_refused_even_if_the_seal_is_computed_again(
    whole: Path, tmp_path: Path, state: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "refuse_broken_seal", lambda *_: None)
    copy = shutil.copytree(whole, tmp_path / "c")
    described = {**json.loads((copy / "checkpoint.json").read_text()), "state": state}
    (copy / "checkpoint.json").write_text(json.dumps({**described, "digest": digest(described)}))
    with pytest.raises(BundleError, match="damaged"):
        read_checkpoint(copy)


@pytest.mark.parametrize("changed", ["description", "version", "tensors", "tensors of another"])
def test_what_was_edited_and_signed_again_does_not_fit_the_other_file(
    whole: Path, tmp_path: Path, changed: str
) -> None:
    copy = shutil.copytree(whole, tmp_path / "c")
    described = json.loads((copy / "checkpoint.json").read_text())
    file = copy / "state.safetensors"
    if changed == "description":
        described["state"]["dict"][2][1] = 7.0
    elif changed == "version":
        described["textforge"] = "9.9"
    elif changed == "tensors":
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
    else:
        other = write_checkpoint(tmp_path / "other", {"a": torch.arange(20.0) + 1})
        shutil.copy(other / file.name, file)
    described["sha256"] = sha256(file)
    (copy / "checkpoint.json").write_text(json.dumps({**described, "digest": digest(described)}))
    with pytest.raises(BundleError, match=rf"^{copy}: damaged: its files were changed after they were written"):
        read_checkpoint(copy)


def test_another_format_is_named(whole: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(whole, tmp_path / "c")
    described = {**json.loads((copy / "checkpoint.json").read_text()), "format": 2}
    (copy / "checkpoint.json").write_text(json.dumps(described))
    with pytest.raises(BundleError, match=r"checkpoint format 2; this textforge reads 1\. It was written by textforge"):
        read_checkpoint(copy)
    with pytest.raises(BundleError, match=r"not a checkpoint: it has no checkpoint\.json"):
        read_checkpoint(tmp_path)
