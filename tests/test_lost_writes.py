"""The model of a disk that loses what was not synced, with which benchmarks/attacks/power.py attacks runs."""

from __future__ import annotations

import random
import shutil
import sys

import pytest
from conftest import ROOT

SCRIPT = """
import os
os.mkdir("runs")
with open("runs/new.tmp", "w") as file:
    file.write("new")
    file.flush()
    os.fsync(file.fileno())
os.rename("runs/new.tmp", "runs/old")
with open("log", "a") as file:
    file.write("two")
os.unlink("gone")
print("done", flush=True)
number = os.open("runs", os.O_RDONLY)
os.fsync(number)
"""


@pytest.fixture
def attacks(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    from attacks import disk, recording

    return disk, recording


@pytest.fixture
def recorded(attacks, tmp_path):
    _, recording = attacks
    if shutil.which("strace") is None:
        pytest.skip("no strace here: recording is NOT tested")
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, text in {"log": "one ", "gone": "x"}.items():
        (folder / name).write_text(text)
    return recording.record([sys.executable, "-S", "-c", SCRIPT], folder, {})


def left(disk, recorded, kept):
    made = disk.Disk(recorded.before)
    for operation in kept:
        made.apply(operation)
    found = {path: made.find(path) for path in ("log", "gone", "runs/old", "runs/new.tmp")}
    return {path: made.nodes[node] for path, node in found.items() if node is not None}


def test_all_operations_give_the_files_that_the_process_left(attacks, recorded):
    disk, _ = attacks
    assert left(disk, recorded, recorded.operations) == {"log": b"one two", "runs/old": b"new"}
    kinds = [type(one) for one in recorded.operations]
    assert kinds[-2:] == [disk.Printed, disk.Synced]


def test_what_was_synced_stays_and_the_rest_may_be_lost(attacks, recorded):
    disk, _ = attacks
    states = [left(disk, recorded, disk.any_order(random.Random(n), recorded.operations)) for n in range(200)]
    assert {bytes(state["log"]) for state in states} >= {b"one ", b"one two", b"one \0\0\0", b"one t"}
    assert {"gone" in state for state in states} == {True, False}
    reached = [state for state in states if "runs/old" in state]
    assert 0 < len(reached) < len(states), "the folder itself was not synced into its parent"
    assert all(state["runs/old"] == b"new" and "runs/new.tmp" not in state for state in reached)


def test_operations_that_are_lost_in_order_are_the_last_ones(attacks, recorded):
    disk, _ = attacks
    for n in range(50):
        state = left(disk, recorded, disk.in_order(random.Random(n), recorded.operations))
        assert "gone" in state or state["log"] == b"one two"


def test_a_process_that_writes_what_cannot_be_recorded_is_refused(attacks, recorded, tmp_path):
    _, recording = attacks
    code = "import mmap, os; file = open('log', 'r+b'); mmap.mmap(file.fileno(), 0)[:1] = b'x'"
    with pytest.raises(AssertionError, match="mmap to a file is not recorded"):
        recording.record([sys.executable, "-S", "-c", code], tmp_path / "folder", {})
